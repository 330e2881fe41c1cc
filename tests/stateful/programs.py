"""Programs as data: bodies of steps, some of which are blocks with bodies of their own. A row is named by a number, see `Names`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from . import bulk, single
from . import operations as ops
from .conditions import Condition
from .ledger import FIELDS

CHOSEN = 4  # primary keys that programs choose: 1 to 4; greater numbers name rows whose ids the store has drawn
DEPTH = 3


class Step(NamedTuple):
    """An operation on rows, made when the rows have keys."""

    make: Callable[[Callable[[int], int]], ops.Operation]
    text: str

    @property
    def inserts(self) -> bool:
        """Whether it makes new rows, but save()."""
        return "create" in self.text or "upsert" in self.text

    def __repr__(self) -> str:
        return self.text


class Savepoint(NamedTuple):
    """transaction.savepoint(), or one of the block's savepoints is gone back to or forgotten."""

    action: str  # "save", "rollback", "commit"
    at: int = 0


class SetRollback(NamedTuple):
    rollback: bool


class OnCommit(NamedTuple):
    """transaction.on_commit() with a callback that can be told from others."""


class Block(NamedTuple):
    kind: str  # "django", "kindstore", "independent", "serializable", "read_only", "non_atomic", "mandatory", "retried"
    body: tuple[Any, ...]
    ending: str  # "commit", "raise", "set_rollback"
    savepoint: bool = True
    durable: bool = False
    propagates: bool = False  # whether an error of an operation leaves the block


def one_of(*strategies: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Choose among strategies evenly, however many each of them chooses from itself."""
    return st.sampled_from(strategies).flatmap(lambda chosen: chosen)


names = st.sampled_from([None, "a", "b", "c", "d", "e"])
banks = st.sampled_from([None, None, 0, 1])
few = st.integers(0, 3)
rarely = st.sampled_from([False, False, False, True])
VALUES: dict[str, SearchStrategy[Any]] = {
    "n": st.integers(0, 3), "name": names, "bank": banks, "number": few, "slot": few, "active": rarely,
}  # fmt: skip
values = st.fixed_dictionaries(VALUES)
some_values = st.fixed_dictionaries({}, optional=VALUES)
one_value = st.sampled_from(FIELDS).flatmap(lambda name: VALUES[name].map(lambda value: {name: value}))
references = st.integers(0, CHOSEN + 2)
field_names = st.lists(st.sampled_from(FIELDS), min_size=1, max_size=2, unique=True).map(tuple)

# Each test is (lookup, value, negated); "ref" and "refs" become primary keys when the program runs.
tests = st.tuples(
    st.one_of(
        st.tuples(st.just("pk"), references),
        st.tuples(st.just("pk__in"), st.lists(references, min_size=1, max_size=3).map(tuple)),
        st.tuples(st.sampled_from(["n", "n__gte", "n__lt"]), st.integers(0, 4)),
        st.tuples(st.just("n__in"), st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple)),
        st.tuples(st.sampled_from(["name", "name__gt"]), st.sampled_from(["a", "b", "c"])),
        st.tuples(st.just("name__isnull"), st.booleans()),
        st.tuples(st.sampled_from(["bank", "bank__lte", "number"]), few),
        st.tuples(st.just("active"), st.booleans()),
    ),
    rarely,
).map(lambda each: (*each[0], each[1]))
conditions = st.builds(Condition, st.lists(tests, max_size=2).map(tuple), rarely)
by_key = references.map(lambda ref: Condition((("pk", ref, False),)))
lookups = st.one_of(
    by_key,
    st.sampled_from(["a", "b", "c"]).map(lambda name: Condition((("name", name, False),))),
    st.tuples(st.integers(0, 1), few).map(lambda both: Condition((("bank", both[0], False), ("number", both[1], False)))),
    few.map(lambda n: Condition((("n", n, False),))),
)
orders = st.sampled_from([
    (), ("pk",), ("-pk",), ("n", "pk"), ("-n", "pk"), ("n", "-pk"), ("name", "pk"), ("-name", "pk"), ("-bank", "n", "pk"),
    ("number", "-n", "pk"),
])  # fmt: skip
computed = st.sampled_from([
    {"n": "n + 1"}, {"n": "n - 2"}, {"n": "slot"}, {"number": "number + 1"}, {"number": "1 - number"}, {"bank": "bank + 1"},
    {"slot": "n + 1"}, {"number": "slot"}, {"n": "n + 1", "number": "number + 1"},
])  # fmt: skip
get_lookups = st.one_of(
    references.map(lambda ref: {"pk": ref}),
    names.map(lambda name: {"name": name}),
    st.tuples(st.integers(0, 1), few).map(lambda both: {"bank": both[0], "number": both[1]}),
)
many = st.lists(st.tuples(st.none() | references, values), min_size=1, max_size=3).map(tuple)


def placed(condition: Condition, key: Callable[[int], int]) -> Condition:
    """Return a condition with the keys of the rows that it names."""
    return Condition(tuple((lookup, _placed(lookup, value, key), negated) for lookup, value, negated in condition.tests), condition.either)


def _placed(lookup: str, value: Any, key: Callable[[int], int]) -> Any:
    if lookup == "pk__in":
        return tuple(dict.fromkeys(map(key, value)))
    return key(value) if lookup == "pk" else value


def keyed(lookup: dict[str, Any], key: Callable[[int], int]) -> dict[str, Any]:
    return {name: _placed(name, value, key) for name, value in lookup.items()}


def distinct(rows: tuple[Any, ...], key: Callable[[int], int]) -> tuple[Any, ...]:
    """Return rows with their keys, each key once."""
    found: dict[int, Any] = {}
    for ref, given in rows:
        found.setdefault(key(ref), given)
    return tuple(found.items())


def step(make: Callable[..., ops.Operation], *strategies: SearchStrategy[Any]) -> SearchStrategy[Step]:
    """Return steps of one sort; `make` takes what gives keys, and what the strategies give."""
    return st.tuples(*strategies).map(lambda drawn: Step(lambda key: make(key, *drawn), f"{make.__name__.lstrip('_')}{drawn}"))


def _get(key: Any, condition: Condition) -> ops.Get:
    return ops.Get(placed(condition, key))


def _find(key: Any, condition: Condition, order: Any, offset: int, limit: int | None, how: str) -> ops.Find:
    return ops.Find(placed(condition, key), order or ("pk",), offset, limit, how)


def _total(key: Any, condition: Condition, function: str) -> ops.Total:
    return ops.Total(placed(condition, key), function)


def _computed(key: Any, condition: Condition, least: int, how: str) -> ops.Computed:
    return ops.Computed(placed(condition, key), least, how)


def _distinct(key: Any, condition: Condition, name: str, descending: bool, limit: int | None) -> ops.Distinct:
    return ops.Distinct(placed(condition, key), name, descending, limit)


def _lock(key: Any, condition: Condition) -> ops.Lock:
    return ops.Lock(placed(condition, key))


def _create(key: Any, ref: int | None, given: Any) -> single.Create:
    return single.Create(None if ref is None else key(ref), given)


def _save(key: Any, ref: int, given: Any) -> single.Save:
    return single.Save(key(ref), given)


def _save_fields(key: Any, ref: int, given: Any, fields: Any) -> single.Save:
    return single.Save(key(ref), given, fields)


def _change(key: Any, ref: int, given: Any) -> single.Change:
    return single.Change(key(ref), given)


def _increase(key: Any, ref: int, amount: int) -> single.Increase:
    return single.Increase(key(ref), amount)


def _delete(key: Any, ref: int) -> single.Delete:
    return single.Delete(key(ref))


def _update(key: Any, condition: Condition, given: Any, expressions: Any) -> bulk.Update:
    return bulk.Update(placed(condition, key), {name: value for name, value in given.items() if name not in expressions}, expressions)


def _delete_many(key: Any, condition: Condition) -> bulk.DeleteMany:
    return bulk.DeleteMany(placed(condition, key))


def _bulk_create(key: Any, rows: Any) -> bulk.BulkCreate:
    return bulk.BulkCreate(tuple((None if ref is None else key(ref), given) for ref, given in rows))


def _bulk_create_ignoring(key: Any, rows: Any) -> bulk.BulkCreateIgnoring:
    return bulk.BulkCreateIgnoring(tuple((None if ref is None else key(ref), given) for ref, given in rows))


def _bulk_upsert(key: Any, rows: Any, fields: Any) -> bulk.BulkUpsert:  # noqa: ARG001 - no row is named
    return bulk.BulkUpsert(tuple(rows), fields)


def _bulk_update(key: Any, rows: Any, fields: Any) -> bulk.BulkUpdate:
    return bulk.BulkUpdate(distinct(rows, key), fields)


def _swap(key: Any, first: int, second: int, fields: Any) -> bulk.Swap:
    return bulk.Swap(key(first), key(second), fields)


def _get_or_create(key: Any, lookup: Any, given: Any) -> single.GetOrCreate:
    return single.GetOrCreate(keyed(lookup, key), {name: value for name, value in given.items() if name not in lookup})


def _update_or_create(key: Any, lookup: Any, given: Any) -> single.UpdateOrCreate:
    return single.UpdateOrCreate(keyed(lookup, key), {name: value for name, value in given.items() if name not in lookup})


limits = st.none() | st.integers(1, 4)
reads = one_of(
    step(_get, lookups),
    step(_find, conditions, orders, st.sampled_from([0, 0, 1, 2]), limits, st.sampled_from(["objects", "tuples", "keys", "iterator"])),
    step(_find, conditions, st.just(("pk",)), st.just(0), limits, st.sampled_from(["count", "exists"])),
    step(_total, conditions, st.sampled_from(["sum", "min", "max"])),
    step(_distinct, conditions, st.sampled_from(["n", "number", "name"]), st.booleans(), limits),
    step(_lock, conditions),
    step(_computed, conditions, st.integers(1, 5), st.sampled_from(["rows", "count", "update", "delete"])),
)
writes = one_of(
    step(_create, st.none() | references, values),
    step(_save, references, values),
    step(_save_fields, references, values, field_names),
    step(_change, references, some_values),
    step(_increase, references, st.integers(-2, 2)),
    step(_delete, references),
    step(_update, conditions | by_key, one_value, st.just({})),
    step(_update, conditions | by_key, st.just({}), computed),
    step(_delete_many, conditions),
    step(_bulk_create, many),
    step(_bulk_create_ignoring, many),
    step(_bulk_upsert, st.lists(values, min_size=1, max_size=3), field_names),
    step(_bulk_update, st.lists(st.tuples(references, values), min_size=1, max_size=3).map(tuple), field_names),
    step(_swap, references, references, st.sampled_from([("name",), ("bank", "number"), ("slot",), ("name", "slot")])),
    step(_get_or_create, get_lookups, some_values),
    step(_update_or_create, get_lookups, some_values),
)
managing = one_of(
    st.builds(Savepoint, st.just("save")),
    st.builds(Savepoint, st.sampled_from(["rollback", "commit"]), st.integers(0, 2)),
    st.builds(SetRollback, st.booleans()),
    st.builds(OnCommit),
)
KINDS = (*["django"] * 3, *["kindstore"] * 2, *["independent"] * 2, "serializable", "read_only", "non_atomic", "mandatory", "retried")


def blocks(body: SearchStrategy[tuple[Any, ...]]) -> SearchStrategy[Block]:
    return st.builds(
        Block,
        st.sampled_from(KINDS),
        body,
        st.sampled_from(["commit", "commit", "commit", "raise", "set_rollback"]),
        st.sampled_from([True, True, False]),
        rarely,
        st.booleans(),
    )


leaves = one_of(writes, writes, reads)
in_savepoint = leaves.map(lambda leaf: Block("django", (leaf,), "commit", propagates=True))

interference = st.builds(
    Block, st.sampled_from(["independent", "non_atomic"]), st.lists(writes, min_size=1, max_size=2).map(tuple), st.just("commit")
)


def _bodies(depth: int) -> SearchStrategy[tuple[Any, ...]]:
    if depth == DEPTH:
        return st.lists(one_of(leaves, leaves, in_savepoint, interference, managing), min_size=1, max_size=4).map(tuple)
    inner = blocks(_bodies(depth + 1))
    if depth == 0:
        return st.lists(one_of(leaves, inner, inner), min_size=3, max_size=7).map(tuple)
    return st.lists(one_of(leaves, leaves, in_savepoint, inner, interference, managing), min_size=1, max_size=6).map(tuple)


beginnings = st.lists(step(_save, st.integers(0, CHOSEN - 1), values), max_size=3).map(tuple)
programs = st.builds(lambda rows, body: (*rows, *body), beginnings, _bodies(0))
