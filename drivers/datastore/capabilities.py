"""What the legacy store, Cloud Datastore, can do, and what an emulator takes off."""

from __future__ import annotations

from dataclasses import replace

from ...core.driver import Capabilities

# Both emulators refuse a request of more than 4 MiB; the margin is for what surrounds the message.
EMULATOR_REQUEST_BYTES = 4 * 2**20 - 64 * 2**10

LEGACY = Capabilities(
    disjunctions=1,
    not_equal=False,
    not_in_values=0,
    inequality_properties=1,
    inequality_orders_first=True,
    filters_and_orders=None,
    aggregations=frozenset(),
    read_masks=False,
    property_masks=False,
    property_transforms=False,
    queries_in_transactions=False,
    strong_queries=False,
    keys_only_versions=False,
    read_time=False,
    named_databases=False,
    entity_groups=25,
    commit_mutations=500,
)


def emulated(capabilities: Capabilities) -> Capabilities:
    """Return what is left of a store's capabilities on its emulator."""
    return replace(capabilities, request_bytes=EMULATOR_REQUEST_BYTES)
