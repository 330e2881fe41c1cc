"""The file: one line for each commit, appended and synced before the commit is acknowledged."""

from __future__ import annotations

import base64
import os
import pickle
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

from kindstore.core.datamodel import Entity, Key

Changes = dict[Key, Entity | None]  # None: deleted


class Journal:
    """What was committed, in order. A line that a crash cut short is dropped when the file is opened again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Changes]:
        """Yield the commits of the file, and cut off what is not a whole one."""
        whole = 0
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for line in file:
                changes = _decode(line)
                if changes is None:
                    break
                whole += len(line)
                yield changes
        os.truncate(self.path, whole)

    def append(self, changes: Changes) -> None:
        """Write a commit."""
        with self._lock, self.path.open("ab") as file:
            file.write(_encode(changes))
            file.flush()
            os.fsync(file.fileno())


def _encode(changes: Changes) -> bytes:
    packed = base64.b64encode(pickle.dumps(changes))
    return b"%08x %s\n" % (zlib.crc32(packed), packed)


def _decode(line: bytes) -> Changes | None:
    checksum, _, packed = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(packed):
        return None
    changes: Changes = pickle.loads(base64.b64decode(packed))  # the file is as trusted as the code that wrote it
    return changes
