"""What is done to the rows: each operation as a project would write it, and as what must come of it.

An operation names rows by their values, so that it is plain data: it can be drawn, written down and sent to another process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from bank.models import Account, Customer
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.utils import DatabaseError

from kindstore.plugins.transactions import atomic

from .state import Missing, Row, State, as_read, has, inserted, pk_of, read_pk, updated, updated_together, without

NAMES = tuple(f"name {number}" for number in range(9))
BOXES = (None, *range(1, 7))
CUSTOMERS = (1, 2)
CHOSEN = range(1, 6)  # primary keys that are given; a relation to one that is used again could outlive its row
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of operation: draws its arguments, does it, and says what it comes to: the state after it, and its answer."""

    draw: Callable[[Random], Sequence[Any]]
    perform: Callable[..., Any]
    effect: Callable[..., tuple[State, Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation."""

    kind: str
    arguments: Sequence[Any]

    def perform(self) -> Any:
        """Do it, and return its answer; MISSING where a row that it needs is not there."""
        try:
            return KINDS[self.kind].perform(*self.arguments)
        except ObjectDoesNotExist:
            return MISSING
        except DatabaseError as error:
            if "did not affect any rows" in str(error):  # of save(update_fields=...): deleted since it was read
                return MISSING
            raise

    def effect(self, state: State) -> tuple[State, Any]:
        """Return the state after it, and its answer; raise Conflict where it must fail."""
        try:
            return KINDS[self.kind].effect(state, *self.arguments)
        except Missing:
            return state, MISSING


def draw(random: Random, kinds: Sequence[str]) -> Operation:
    """Draw an operation."""
    kind = random.choice(kinds)
    return Operation(kind, KINDS[kind].draw(random))


def name(random: Random) -> str:
    return random.choice(NAMES)


def two_names(random: Random) -> list[str]:
    return random.sample(NAMES, 2)


# One row


def create(name: str, box: int | None) -> None:
    Account.objects.create(name=name, box=box)


def create_effect(state: State, name: str, box: int | None) -> tuple[State, Any]:
    return inserted(state, Row(name, box)), None


def create_with_key(pk: int, name: str) -> None:
    Account.objects.create(pk=pk, name=name)


def create_with_key_effect(state: State, pk: int, name: str) -> tuple[State, Any]:
    return inserted(state, Row(name), pk), None


def get_or_create(name: str, box: int | None) -> bool:
    return Account.objects.get_or_create(name=name, defaults={"box": box})[1]


def get_or_create_effect(state: State, name: str, box: int | None) -> tuple[State, Any]:
    there = has(as_read(state), name) or has(state, name)
    return (state, False) if there else (inserted(state, Row(name, box)), True)


def update_or_create(name: str, box: int | None) -> bool:
    return Account.objects.update_or_create(name=name, defaults={"box": box})[1]


def update_or_create_effect(state: State, name: str, box: int | None) -> tuple[State, Any]:
    return (updated(state, pk_of(state, name), box=box), False) if has(state, name) else (inserted(state, Row(name, box)), True)


def rename(old: str, new: str) -> None:
    account = Account.objects.get(name=old)
    account.name = new
    account.save(update_fields=["name"])


def rename_effect(state: State, old: str, new: str) -> tuple[State, Any]:
    return updated(state, pk_of(state, old), name=new), None


def save(old: str, new: str, box: int | None) -> None:
    account = Account.objects.get(name=old)
    account.name, account.box = new, box
    account.save()


def save_effect(state: State, old: str, new: str, box: int | None) -> tuple[State, Any]:
    pk = read_pk(state, old)
    row = replace(as_read(state)[pk], name=new, box=box, owners=state[pk].owners if pk in state else frozenset())
    return updated_together(state, {pk: row}), None


def visit(name: str) -> int:
    return Account.objects.filter(pk=Account.objects.get(name=name).pk).update(visits=F("visits") + 1)


def visit_effect(state: State, name: str) -> tuple[State, Any]:
    pk = read_pk(state, name)
    return (updated(state, pk, visits=state[pk].visits + 1), 1) if pk in state else (state, 0)


def delete(name: str) -> int:
    return Account.objects.get(name=name).delete()[1].get("bank.Account", 0)


def delete_effect(state: State, name: str) -> tuple[State, Any]:
    pk = read_pk(state, name)
    return without(state, pk), int(pk in state)


# Several rows


def update_name(old: str, new: str) -> int:
    return Account.objects.filter(name=old).update(name=new)


def update_name_effect(state: State, old: str, new: str) -> tuple[State, Any]:
    pk = next((pk for pk, row in state.items() if row.name == old and pk in as_read(state) and as_read(state)[pk].name == old), None)
    return (state, 0) if pk is None else (updated(state, pk, name=new), 1)


def pay_all(amount: int) -> int:
    return Account.objects.update(balance=F("balance") + amount)


def pay_all_effect(state: State, amount: int) -> tuple[State, Any]:
    paid = {pk: replace(row, balance=row.balance + amount) for pk, row in state.items() if pk in as_read(state)}
    return updated_together(state, paid), len(paid)


def swap_names(first: str, second: str) -> int:
    one, other = Account.objects.get(name=first), Account.objects.get(name=second)
    one.name, other.name = second, first
    return Account.objects.bulk_update([one, other], ["name"])


def swap_names_effect(state: State, first: str, second: str) -> tuple[State, Any]:
    names = {read_pk(state, first): second, read_pk(state, second): first}
    swapped = {pk: replace(state[pk], name=name) for pk, name in names.items() if pk in state}
    return updated_together(state, swapped), len(swapped)


def delete_several(*names: str) -> int:
    return Account.objects.filter(name__in=names).delete()[1].get("bank.Account", 0)


def delete_several_effect(state: State, *names: str) -> tuple[State, Any]:
    pks = [pk for pk, row in as_read(state).items() if row.name in names and pk in state]
    return without(state, *pks), len(pks)


def bulk_create(*names: str) -> None:
    Account.objects.bulk_create([Account(name=name) for name in names])


def bulk_create_effect(state: State, *names: str) -> tuple[State, Any]:
    for name in names:
        state = inserted(state, Row(name))
    return state, None


def bulk_create_ignoring(*names: str) -> None:
    Account.objects.bulk_create([Account(name=name) for name in names], ignore_conflicts=True)


def bulk_create_ignoring_effect(state: State, *names: str) -> tuple[State, Any]:
    return bulk_create_effect(state, *(name for name in names if not has(state, name)))


def bulk_create_updating(visits: int, *names: str) -> None:
    accounts = [Account(name=name, visits=visits) for name in names]
    Account.objects.bulk_create(accounts, update_conflicts=True, unique_fields=["name"], update_fields=["visits"])


def bulk_create_updating_effect(state: State, visits: int, *names: str) -> tuple[State, Any]:
    for name in names:
        known = has(state, name)
        state = updated(state, pk_of(state, name), visits=visits) if known else inserted(state, Row(name, visits=visits))
    return state, None


def relate(name: str, *customers: int) -> None:
    account = Account.objects.get(name=name)
    if account.pk in CHOSEN:
        raise Account.DoesNotExist
    account.owners.add(*Customer.objects.in_bulk(customers).values())


def relate_effect(state: State, name: str, *customers: int) -> tuple[State, Any]:
    pk = read_pk(state, name)
    if pk in CHOSEN:
        raise Missing
    return updated(state, pk, owners=state[pk].owners | set(customers)) if pk in state else state, None


def unrelate(name: str, *customers: int) -> None:
    Account.objects.get(name=name).owners.remove(*customers)


def unrelate_effect(state: State, name: str, *customers: int) -> tuple[State, Any]:
    pk = read_pk(state, name)
    return updated(state, pk, owners=state[pk].owners - set(customers)) if pk in state else state, None


# Transactions


def swap_boxes(first: str, second: str) -> None:
    with transaction.atomic():
        one, other = Account.objects.get(name=first), Account.objects.get(name=second)
        boxes = one.box, other.box
        one.box = None
        one.save(update_fields=["box"])
        other.box, one.box = boxes
        other.save(update_fields=["box"])
        one.box = boxes[1]
        one.save(update_fields=["box"])


def swap_boxes_effect(state: State, first: str, second: str) -> tuple[State, Any]:
    one, other = pk_of(state, first), pk_of(state, second)
    swapped = {one: replace(state[one], box=state[other].box), other: replace(state[other], box=state[one].box)}
    return updated_together(state, swapped), None


def transfer(isolation: Any, payer_name: str, payee_name: str, amount: int) -> None:
    @atomic(retries=3, isolation=isolation)
    def move() -> None:
        payer, payee = (Account.objects.get(pk=pk) for pk in pks)
        payer.balance -= amount
        payee.balance += amount
        payer.save()
        payee.save()

    pks = [Account.objects.get(name=name).pk for name in (payer_name, payee_name)]
    move()


def transfer_effect(state: State, _isolation: Any, payer_name: str, payee_name: str, amount: int) -> tuple[State, Any]:
    payer, payee = pk_of(state, payer_name), pk_of(state, payee_name)
    state = updated(state, payer, balance=state[payer].balance - amount)
    return updated(state, payee, balance=state[payee].balance + amount), None


class Undone(Exception):
    """Rolls a block back."""


def block(steps: Sequence[tuple[str, Sequence[Any]]], undone: Sequence[tuple[str, Sequence[Any]]]) -> None:
    with transaction.atomic():
        for kind, arguments in steps:
            KINDS[kind].perform(*arguments)
        try:
            with transaction.atomic():
                for kind, arguments in undone:
                    KINDS[kind].perform(*arguments)
                raise Undone
        except (Undone, IntegrityError, ObjectDoesNotExist):
            return


def block_effect(state: State, steps: Sequence[tuple[str, Sequence[Any]]], _undone: Any) -> tuple[State, Any]:
    for kind, arguments in steps:
        state, _ = KINDS[kind].effect(state, *arguments)
    return state, None


STEPS = ("create", "rename", "update_name", "visit", "delete", "get_or_create", "pay_all", "relate")


def steps(random: Random) -> list[tuple[str, Sequence[Any]]]:
    return [(each.kind, each.arguments) for each in (draw(random, STEPS) for _ in range(random.randint(1, 3)))]


KINDS: dict[str, Kind] = {
    "create": Kind(lambda random: (name(random), random.choice(BOXES)), create, create_effect),
    "create_with_key": Kind(lambda random: (random.choice(CHOSEN), name(random)), create_with_key, create_with_key_effect),
    "get_or_create": Kind(lambda random: (name(random), random.choice(BOXES)), get_or_create, get_or_create_effect),
    "update_or_create": Kind(lambda random: (name(random), random.choice(BOXES)), update_or_create, update_or_create_effect),
    "rename": Kind(two_names, rename, rename_effect),
    "save": Kind(lambda random: (name(random), name(random), random.choice(BOXES)), save, save_effect),
    "visit": Kind(lambda random: (name(random),), visit, visit_effect),
    "delete": Kind(lambda random: (name(random),), delete, delete_effect),
    "update_name": Kind(two_names, update_name, update_name_effect),
    "pay_all": Kind(lambda random: (random.randint(-5, 5),), pay_all, pay_all_effect),
    "swap_names": Kind(two_names, swap_names, swap_names_effect),
    "delete_several": Kind(two_names, delete_several, delete_several_effect),
    "bulk_create": Kind(two_names, bulk_create, bulk_create_effect),
    "bulk_create_ignoring": Kind(lambda random: random.sample(NAMES, 3), bulk_create_ignoring, bulk_create_ignoring_effect),
    "bulk_create_updating": Kind(
        lambda random: (random.randint(1, 99), *random.sample(NAMES, 3)), bulk_create_updating, bulk_create_updating_effect
    ),
    "relate": Kind(lambda random: (name(random), *random.sample(CUSTOMERS, random.randint(1, 2))), relate, relate_effect),
    "unrelate": Kind(lambda random: (name(random), random.choice(CUSTOMERS)), unrelate, unrelate_effect),
    "swap_boxes": Kind(two_names, swap_boxes, swap_boxes_effect),
    "transfer": Kind(
        lambda random: (random.choice(("snapshot", "serializable")), *two_names(random), random.randint(1, 9)), transfer, transfer_effect
    ),
    "block": Kind(lambda random: (steps(random), steps(random)), block, block_effect),
}
