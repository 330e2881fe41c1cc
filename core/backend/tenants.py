"""The test database of an alias whose NAMESPACE is a callable: a namespace for each of its answers, all below one name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections

_lock = threading.Lock()


class TenantNamespaces:
    """The NAMESPACE of such a test database. What earlier runs left in a namespace is deleted at its first use, unless it is to be kept."""

    def __init__(self, own: Callable[[], Any], alias: str, name: str, *, keep: bool, used: Iterable[str] = ()) -> None:
        self.own, self.alias, self.name, self.keep = own, alias, name, keep
        self.used = set(used)

    def __call__(self) -> Any:
        """Return the namespace of the statement that is about to run."""
        tenant = self.own()
        if not isinstance(tenant, str):
            return tenant  # for the session to refuse
        namespace = f"{self.name}.{tenant}" if tenant else self.name
        with _lock:
            if namespace not in self.used and not self.keep:
                connections[self.alias].kindstore.driver.reset(namespace)
            self.used.add(namespace)
        return namespace

    def __str__(self) -> str:
        return self.name

    def clone(self, name: str) -> TenantNamespaces:
        """Return the namespaces of a clone under another name."""
        used = [name + namespace.removeprefix(self.name) for namespace in self.used]
        return TenantNamespaces(self.own, self.alias, name, keep=self.keep, used=used)
