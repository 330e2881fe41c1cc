#!/usr/bin/env python
"""Run Django's commands on the atlas; `demo --driver NAME` chooses the store before the settings are read."""

from __future__ import annotations

import argparse
import os
import sys

from django.core.management import execute_from_command_line


def main(arguments: list[str]) -> None:
    """Choose the settings, and hand over to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "atlas.settings")
    chosen = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    chosen.add_argument("--driver")
    chosen.add_argument("--name")
    options, _ = chosen.parse_known_args(arguments)
    if options.driver:
        os.environ["ATLAS_DRIVER"] = options.driver
    if options.name:
        os.environ["ATLAS_NAME"] = options.name
    execute_from_command_line([sys.argv[0], *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
