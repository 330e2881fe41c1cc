"""Leaves out what needs a library that the environment of the chosen store does not install."""

from __future__ import annotations

import os

# "google" needs Google's client, and its administration google-cloud-firestore too. With no store chosen, all libraries are there.
collect_ignore = {"memory": ["google"], "datastore": ["google/test_admin.py"]}.get(os.environ.get("KINDSTORE_TEST_DRIVER", ""), [])
