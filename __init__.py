"""kindstore: a Django database backend for entity stores, built as a framework of plugins."""

__version__ = "0.1.0.dev0"
