"""The results as a table, for the terminal and for the documentation."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .measuring import Result

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "benchmarks.md"
DISTRIBUTIONS = ("Django", "google-cloud-datastore", "grpcio", "protobuf", "sortedcontainers")


def table(results: Sequence[Result]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| compared | operation | ours | theirs | ratio | wanted |", "|---|---|--:|--:|--:|--:|"]
    for result in results:
        wanted = "" if result.target is None else f"{'**missed** ' if result.missed else ''}<= {result.target}"
        ours, theirs = microseconds(result.ours), microseconds(result.theirs)
        lines.append(f"| {result.group} | {result.name} | {ours} | {theirs} | {result.ratio:.2f} | {wanted} |")
    return "\n".join(lines)


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f} µs"


def page(results: Sequence[Result], weights: dict[str, float]) -> str:
    """Return the page of the documentation."""
    weighed = ", ".join(f"{weight:,.0f} bytes in {alias}" for alias, weight in weights.items())
    return f"""# Benchmarks

Both sides take turns in one process; a ratio is the median of those of 21 rounds, so that it depends little on the machine and on what else
runs there. Below 1 kindstore is faster. Times are processor time, of all threads: the emulator's own time says nothing about the cloud's.

```shell
python -m benchmarks --write
```

runs them from the root of a checkout, and writes this page; its exit status is 1 when a ratio is missed. `python -m benchmarks embedded` or
`firestore` runs one part. The second starts Google's emulator, which needs the Google Cloud CLI and Java.

{table(results)}

A row has ten properties beside its key. It takes {weighed}: the growth of the process while 100,000 are written, before
any of their properties was asked for. The memory store builds the index of a property when it is first used.

Measured on {environment()}.
"""


def environment() -> str:
    """Say when, where and with which versions."""
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    packages = ", ".join(f"{name} {installed(name)}" for name in DISTRIBUTIONS)
    return f"{when}, {processor()}, {os.cpu_count()} cores, {platform.system()}; Python {platform.python_version()}, {packages}"


def installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "(not installed)"


def processor() -> str:
    """Return the processor's name, as far as the system tells."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
