"""Refuses what a store with fewer capabilities would refuse, so that a driver with the capabilities of another store stands in for it."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.datamodel import HasAncestor, Mutation, Query, Test
from ...core.datamodel.errors import InvalidRequest, ResourceExhausted, Unsupported
from ...core.datamodel.filters import inequality_names, leaves
from ...core.driver import Capabilities, ReadOptions


def check_mutations(mutations: Sequence[Mutation], capabilities: Capabilities) -> None:
    """Raise InvalidRequest for too many mutations or entity groups, Unsupported for masks and transforms where the store is without."""
    if capabilities.commit_mutations is not None and len(mutations) > capabilities.commit_mutations:
        raise InvalidRequest(f"The commit has {len(mutations)} mutations; the store allows {capabilities.commit_mutations}. Split it.")
    if not capabilities.property_masks and any(mutation.mask is not None for mutation in mutations):
        raise Unsupported("The store has no property masks; write the whole entity.")
    if not capabilities.property_transforms and any(mutation.transforms for mutation in mutations):
        raise Unsupported("The store has no property transforms; read the entity, and write the new value.")
    most = capabilities.entity_groups
    if most is not None and len({mutation.key.root for mutation in mutations}) > most:
        raise InvalidRequest(f"The commit writes to more entity groups than the {most} that the store allows; split it.")


def check_request_size(size: int, capabilities: Capabilities) -> None:
    """Raise ResourceExhausted for a commit that is too big."""
    if size > capabilities.request_bytes:
        raise ResourceExhausted(f"The commit has {size} bytes; the store allows {capabilities.request_bytes} in one request. Split it.")


def check_reading(query: Query | None, options: ReadOptions, capabilities: Capabilities) -> None:
    """Raise where the store can not read like this: at a past moment, or by a query in a transaction."""
    if options.read_time is not None and not capabilities.read_time:
        raise Unsupported("The store cannot read at a past moment; read the latest state.")
    if query is None or options.transaction is None or capabilities.queries_in_transactions:
        return
    if not any(isinstance(leaf, HasAncestor) for leaf in leaves(query.filter)):
        raise InvalidRequest("The store allows only ancestor queries inside a transaction; give this one an ancestor, or run it outside.")


def check_order_of_inequality(query: Query, tests: Sequence[Test], capabilities: Capabilities) -> None:
    """Raise InvalidRequest where the property with the inequality has to be sorted by first."""
    if not capabilities.inequality_orders_first or not query.orders:
        return
    unequal = inequality_names(tests)
    if unequal and query.orders[0].name != unequal[0]:
        raise InvalidRequest(
            f"The query has an inequality on {unequal[0]!r}, so the store has to sort by it first, not by {query.orders[0].name!r}."
        )
