"""The marks of hook specs and of their implementations; `core.plugins` is where plugins import theirs from."""

from __future__ import annotations

import pluggy

PROJECT = "kindstore"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
