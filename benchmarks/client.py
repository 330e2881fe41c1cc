"""The processor time of the Firestore driver against that of Google's own client, on Google's emulator."""

from __future__ import annotations

from typing import Any

from .measuring import Result, compare
from .models import Draft, Row, values
from .setup import PROJECT

GROUP = "Firestore / google.cloud.datastore.Client"
READ, WRITTEN = 1000, 500


def against_client() -> list[Result]:
    """Measure both on the emulator that DATASTORE_EMULATOR_HOST names."""
    from google.cloud import datastore

    client = datastore.Client(project=PROJECT)
    rows, drafts = Row.objects.using("firestore"), Draft.objects.using("firestore")
    rows.bulk_create([Row(id=number, **values(number)) for number in range(1, READ + 1)])
    instances = [Draft(**values(number)) for number in range(WRITTEN)]
    entities = [_entity(client, number) for number in range(WRITTEN)]
    kind = Row._meta.db_table

    def write_ours() -> None:
        for instance in instances:
            instance.pk = None
        drafts.bulk_create(instances)

    def write_theirs() -> None:
        for entity in entities:
            entity.key = client.key(f"{kind}_written")
        client.put_multi(entities)

    def fetch() -> list[Any]:
        return list(client.query(kind=kind).fetch())

    assert len(fetch()) == len(rows.all()) == READ
    return [
        compare(GROUP, "1000 instances / fetch()", lambda: list(rows.all()), fetch, target=0.5, number=1),
        compare(
            GROUP,
            "1000 rows of values_list() / fetch()",
            lambda: list(rows.values_list()),
            fetch,
            target=0.3,
            number=1,
        ),
        compare(GROUP, "bulk_create(500) / put_multi(500)", write_ours, write_theirs, target=0.5, number=1),
    ]


def _entity(client: Any, number: int) -> Any:
    from google.cloud import datastore

    row = values(number)
    entity = datastore.Entity(exclude_from_indexes=("text",))
    entity.update(row | {"price": str(row["price"]), "day": row["moment"]})
    return entity
