"""What a stored row of ten properties weighs: run as `python -m benchmarks.weighing ALIAS`, in a process of its own."""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
from pathlib import Path

ROWS, BATCH = 100_000, 5000


def bytes_per_row(alias: str) -> float:
    """Measure, in a new process, by how many bytes each row makes it grow."""
    command = [sys.executable, "-m", __name__, alias]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def weigh(alias: str) -> float:
    """Fill a table, and return the growth of this process for each row."""
    from .models import Hundreds, values

    manager = Hundreds.objects.using(alias)
    manager.bulk_create([Hundreds(**values(number)) for number in range(BATCH)])
    before = resident_bytes()
    for start in range(0, ROWS, BATCH):
        manager.bulk_create([Hundreds(**values(number)) for number in range(start, start + BATCH)])
    gc.collect()
    return (resident_bytes() - before) / ROWS


def resident_bytes() -> int:
    """Return the memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    from .setup import configure

    configure()
    print(weigh(sys.argv[1]))
