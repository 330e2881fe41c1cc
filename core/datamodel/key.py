"""Entity keys: a path of (kind, id or name) pairs, root first, inside a partition."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[tuple[str, int | str], ...]


@dataclass(frozen=True, slots=True)
class Key:
    """Name one entity.

    An ``int`` in the path is an id (64 bits, not 0), a ``str`` a name (1 to 1500 bytes of UTF-8). `project` and `database` are None in
    a key that belongs to the driver's own project and database; a driver fills them in at its edge.
    """

    path: Path
    namespace: str = ""
    database: str | None = None
    project: str | None = None

    @property
    def kind(self) -> str:
        return self.path[-1][0]

    @property
    def id_or_name(self) -> int | str:
        return self.path[-1][1]

    @property
    def parent(self) -> Key | None:
        if len(self.path) == 1:
            return None
        return Key(self.path[:-1], self.namespace, self.database, self.project)

    @property
    def root(self) -> Key:
        """The root of the entity group."""
        return Key(self.path[:1], self.namespace, self.database, self.project)

    def child(self, kind: str, id_or_name: int | str) -> Key:
        return Key((*self.path, (kind, id_or_name)), self.namespace, self.database, self.project)

    def __str__(self) -> str:
        path = "/".join(f"{kind}:{ident!r}" for kind, ident in self.path)
        return f"{self.namespace}!{path}" if self.namespace else path
