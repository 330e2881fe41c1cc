"""The suite that every driver passes, ours or a third party's.

    @pytest.fixture(scope="module")
    def driver():
        return MyDriver(...)

    class TestMyDriver(DriverConformance):
        pass

The tests ask a driver's capabilities and never its name; where a store lacks something, they see that its driver refuses. Put
`pytest_plugins = ["kindstore.testing.fixtures"]` into the root conftest, so that pytest explains the suite's assertions.
"""

from __future__ import annotations

from .aggregation import AggregationConformance
from .commits import CommitConformance
from .cursors import CursorConformance
from .kit import Conformance
from .limits import LimitConformance
from .lookups import LookupConformance
from .masks import MaskConformance, TransformConformance
from .namespaces import NamespaceConformance
from .queries import QueryConformance
from .transactions import TransactionConformance
from .types import TypeConformance

__all__ = [
    "AggregationConformance",
    "CommitConformance",
    "Conformance",
    "CursorConformance",
    "DriverConformance",
    "LimitConformance",
    "LookupConformance",
    "MaskConformance",
    "NamespaceConformance",
    "QueryConformance",
    "TransactionConformance",
    "TransformConformance",
    "TypeConformance",
]


class DriverConformance(
    LookupConformance,
    CommitConformance,
    QueryConformance,
    AggregationConformance,
    CursorConformance,
    TransactionConformance,
    LimitConformance,
    TypeConformance,
    NamespaceConformance,
    MaskConformance,
    TransformConformance,
):
    """All groups in one class; a subclass gives the fixture `driver`, and may replace `namespace`."""
