"""Fail with a clear message where Google's emulators cannot be started."""

from __future__ import annotations

import shutil
import sys


def why_not() -> str:
    """Return why the emulators cannot run here, "" when they can."""
    missing = [program for program in ("gcloud", "java") if shutil.which(program) is None]
    return f"{' and '.join(missing)} not found on PATH" if missing else ""


def main() -> int:
    """Return 1, with a message, when something is missing."""
    reason = why_not()
    if reason:
        print(
            f"This environment starts Google's emulators, and {reason}. Install the Google Cloud CLI with its components "
            "cloud-datastore-emulator and cloud-firestore-emulator, and Java 21 or what these ask for; or run a memory environment.",
            file=sys.stderr,
        )
    return bool(reason)


if __name__ == "__main__":
    sys.exit(main())
