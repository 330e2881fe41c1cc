"""Sphinx's settings for the documentation."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "kindstore"
author = "The kindstore authors"
copyright = author  # noqa: A001
version = release = installed_version("django-kindstore")
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
myst_heading_anchors = 3
nitpicky = True
