"""A report in the form of JUnit's, by which CI counts the tests."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from xml.etree import ElementTree

from .outcomes import ModuleRun


def write(path: Path, runs: Iterable[ModuleRun], unexpected: Collection[str]) -> None:
    """Write the counts of each module; a failure that the ledger knows counts as skipped."""
    root = ElementTree.Element("testsuites")
    for run in runs:
        failed = {test: outcome for test, outcome in run.failures().items() if test in unexpected}
        known = len(run.failures()) - len(failed)
        counts = {"tests": len(run.outcomes), "failures": len(failed), "errors": 0, "skipped": len(run.skipped()) + known}
        attributes = {"name": run.module, "time": f"{run.seconds:.3f}"} | {name: str(count) for name, count in counts.items()}
        suite = ElementTree.SubElement(root, "testsuite", attributes)
        for test, outcome in sorted(failed.items()):
            case = ElementTree.SubElement(suite, "testcase", {"classname": test.rpartition(".")[0], "name": test.rpartition(".")[2]})
            ElementTree.SubElement(case, "failure", {"message": printable(outcome.detail)}).text = printable(outcome.trace)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def printable(text: str) -> str:
    """Return a text without what XML cannot hold."""
    return "".join(character if character.isprintable() or character in "\n\t" else "?" for character in text)
