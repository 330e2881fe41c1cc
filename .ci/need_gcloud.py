"""Fail with a clear message where Google's emulators cannot be started."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "testing" / "emulator.py"
KINDS = ("datastore", "firestore")


def why_not() -> str:
    """Return why the emulators cannot run here, "" when they can."""
    spec = importlib.util.spec_from_file_location("emulator", SOURCE)  # by its path: kindstore need not be installed
    assert spec is not None
    assert spec.loader is not None
    emulator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(emulator)
    try:
        for kind in KINDS:
            emulator.find_script(kind)
    except emulator.EmulatorError as error:
        return str(error)
    return "" if shutil.which("java") else "The emulators need Java, but 'java' is not on the PATH."


def main() -> int:
    """Return 1, with a message, when something is missing."""
    reason = why_not()
    if reason:
        print(f"This environment starts Google's emulators, which is not possible here. {reason}", file=sys.stderr)
    return bool(reason)


if __name__ == "__main__":
    sys.exit(main())
