"""A run is compared with the ledger, and the ledger is brought up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import ledger
from .ledger import UNCLASSIFIED, Cause, Difference, Entry, Group, LedgerError, causes_of, compare, groups_of, parse, updated
from .outcomes import ModuleRun, Outcome

FAILED, PASSED, SKIPPED = Outcome("failed", "E: x"), Outcome("passed"), Outcome("skipped", "no")
NONE = Difference({}, {}, ())


def difference(group: Group | None, *, whole: bool = True, **outcomes: Outcome) -> Difference:
    """Compare a run of the module m on memory and Django 5.2 with a ledger of one group."""
    run = ModuleRun("m", {f"m.A.{name}": outcome for name, outcome in outcomes.items()})
    return compare(causes_of([group] if group else []), "memory", "5.2", [run], whole=whole)


def test_what_passes_and_is_not_in_the_ledger_is_as_expected() -> None:
    assert not difference(None, one=PASSED, two=SKIPPED)


def test_a_failure_that_the_ledger_knows_is_as_expected() -> None:
    assert not difference(Group("why", ("memory",), ("m.A.one",)), one=FAILED)


def test_a_failure_that_the_ledger_does_not_know_is_unexpected() -> None:
    found = difference(None, one=FAILED)
    assert found == Difference({"m.A.one": FAILED}, {}, ())
    assert found


@pytest.mark.parametrize("group", [Group("why", ("firestore",), ("m.A.one",)), Group("why", ("memory",), ("m.A.one",), ("6.1",))])
def test_a_failure_that_is_known_elsewhere_is_unexpected(group: Group) -> None:
    assert difference(group, one=FAILED).unexpected == {"m.A.one": FAILED}


@pytest.mark.parametrize(("outcome", "what"), [(PASSED, "passed"), (SKIPPED, "skipped")])
def test_a_test_of_the_ledger_that_does_not_fail_is_stale(outcome: Outcome, what: str) -> None:
    assert difference(Group("why", ("memory",), ("m.A.one",)), one=outcome) == Difference({}, {"m.A.one": what}, ())


@pytest.mark.parametrize("outcome", [PASSED, FAILED, SKIPPED])
def test_a_test_that_fails_sometimes_may_pass(outcome: Outcome) -> None:
    assert not difference(Group("why", ("memory",), ("m.A.one",), sometimes=True), one=outcome)


def test_a_test_of_the_ledger_that_is_gone_is_stale() -> None:
    assert difference(Group("why", ("memory",), ("m.A.gone",)), one=PASSED).stale == {"m.A.gone": "there is no such test"}


def test_a_test_of_the_ledger_that_was_not_asked_for_is_as_expected() -> None:
    assert difference(Group("why", ("memory",), ("m.A.other",)), whole=False, one=PASSED) == NONE


def test_a_test_of_another_module_is_as_expected() -> None:
    assert difference(Group("why", ("memory",), ("module.A.one",)), one=PASSED) == NONE


def test_a_failure_without_a_reason_fails_the_run() -> None:
    assert difference(Group(UNCLASSIFIED, ("memory",), ("m.A.one",)), one=FAILED) == Difference({}, {}, ("m.A.one",))


def test_updating_drops_what_passes_here_and_keeps_it_elsewhere() -> None:
    before = causes_of([Group("why", ("memory", "firestore"), ("m.A.one",), ("5.2", "6.1"))])
    after = updated(before, "memory", "5.2", Difference({}, {"m.A.one": "passed"}, ()))
    assert groups_of(after) == [
        Group("why", ("firestore",), ("m.A.one",), ("5.2",)),
        Group("why", ("memory", "firestore"), ("m.A.one",), ("6.1",)),
    ]


def test_updating_adds_what_fails_without_a_reason() -> None:
    after = updated({}, "memory", "5.2", Difference({"m.A.one": FAILED}, {}, ()))
    assert after == {Entry("m.A.one", "memory", "5.2"): Cause(UNCLASSIFIED)}


def test_updating_takes_the_reason_from_another_driver() -> None:
    before = causes_of([Group("why", ("memory",), ("m.A.one",))])
    after = updated(before, "firestore", "5.2", Difference({"m.A.one": FAILED}, {}, ()))
    assert after[Entry("m.A.one", "firestore", "5.2")] == Cause("why")


def test_a_ledger_is_read_as_it_was_written(tmp_path: Path) -> None:
    groups = [
        Group(UNCLASSIFIED, ("memory",), ("m.A.one",), ("6.1",)),
        Group('It says "no".', ("memory", "sqlite3"), ("m.A.two", "setUpClass (m.B)")),
        Group("It takes long.", ("memory",), ("m.A.slow",), sometimes=True),
    ]
    ledger.write(causes_of(groups), tmp_path / "ledger.toml")
    assert groups_of(ledger.read(tmp_path / "ledger.toml")) == groups


@pytest.mark.parametrize(
    "group",
    [
        {"reason": "why", "drivers": ["oracle"], "tests": ["m.A.one"]},
        {"reason": "why", "drivers": [], "tests": ["m.A.one"]},
        {"reason": "why", "drivers": ["memory"], "django": ["4.2"], "tests": ["m.A.one"]},
        {"drivers": ["memory"], "tests": ["m.A.one"]},
        {"reason": "why", "drivers": ["memory"], "test": ["m.A.one"]},
    ],
)
def test_a_group_that_cannot_be_right_is_refused(group: dict[str, object]) -> None:
    with pytest.raises(LedgerError):
        parse(group)


def test_a_test_has_one_reason() -> None:
    with pytest.raises(LedgerError, match=r"m\.A\.one on memory"):
        causes_of([Group("why", ("memory",), ("m.A.one",)), Group("other", ("memory",), ("m.A.one",))])


def test_the_ledger_of_this_checkout_is_right_and_in_order() -> None:
    text = ledger.FILE.read_text(encoding="utf-8")
    assert text == "\n".join([ledger.HEADER, *map(ledger.text_of, groups_of(ledger.read()))])


def test_every_failure_of_this_checkout_has_a_reason() -> None:
    assert [entry for entry, cause in ledger.read().items() if cause.reason == UNCLASSIFIED] == []
