"""What `kindstore.testing` gives to tests."""

from __future__ import annotations

from typing import Any
from unittest import TestCase

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import NotSupportedError, connections
from django.db.models import Count

from kindstore.core.driver import RPC
from kindstore.testing import assertNumRPCs, capture_rpcs, connection_with

from .conftest import chosen


def rows(connection: Any) -> Any:
    return ContentType.objects.using(connection.alias)


def test_rpcs_are_captured_in_order(connection: Any) -> None:
    with capture_rpcs(connection.alias) as rpcs:
        rows(connection).create(pk=1, app_label="shop", model="item")
        rows(connection).get(pk=1)
    assert rpcs.methods == ["Commit", "Lookup"]
    assert all(isinstance(rpc, RPC) for rpc in rpcs)


def test_nothing_is_captured_after_the_block(connection: Any) -> None:
    with capture_rpcs(connection.alias) as rpcs:
        pass
    rows(connection).filter(pk=1).first()
    assert rpcs == []


def test_nested_blocks_capture_each_their_own(connection: Any) -> None:
    with capture_rpcs(connection.alias) as outer:
        rows(connection).filter(pk=1).first()
        with capture_rpcs(connection.alias) as inner:
            rows(connection).filter(pk=2).first()
    assert (len(outer), len(inner)) == (2, 1)


def test_a_connection_that_is_closed_is_no_silent_zero(connection: Any) -> None:
    with pytest.raises(AssertionError, match="was closed inside capture_rpcs"), capture_rpcs(connection.alias):
        connection.close()


def test_the_right_number_passes(connection: Any) -> None:
    with assertNumRPCs(1, using=connection.alias):
        rows(connection).filter(pk=1).first()


def test_a_wrong_number_fails_and_lists_the_rpcs(connection: Any) -> None:
    with pytest.raises(AssertionError, match=r"1 RPCs were sent, 2 expected. They were:\n1. Lookup .*django_content_type:1"):  # noqa: SIM117
        with assertNumRPCs(2, using=connection.alias):
            rows(connection).filter(pk=1).first()


def test_methods_say_which_rpcs_count(connection: Any) -> None:
    with assertNumRPCs(0, using=connection.alias, methods=["Commit"]):
        rows(connection).filter(pk=1).first()


def test_the_error_of_the_block_comes_first(connection: Any) -> None:
    with pytest.raises(ContentType.DoesNotExist), assertNumRPCs(7, using=connection.alias):
        rows(connection).get(pk=1)


def test_the_default_alias_is_the_default(django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), pytest.raises(AssertionError, match="0 RPCs were sent, 1 expected"), assertNumRPCs(1):
        pass


def test_it_serves_as_a_method_of_test_cases(connection: Any) -> None:
    class Case(TestCase):
        assertNumRPCs = staticmethod(assertNumRPCs)  # noqa: N815

        def runTest(self) -> None:  # noqa: N802
            with self.assertNumRPCs(1, using=connection.alias):
                rows(connection).count()

    assert Case().run().wasSuccessful()  # type: ignore[union-attr]


def test_two_connections_share_no_rows(django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), connection_with(**chosen()) as one, connection_with(**chosen()) as other:
        rows(one).create(app_label="shop", model="item")
        assert (rows(one).count(), rows(other).count()) == (1, 0)


def test_a_connection_is_gone_afterwards(django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), connection_with(**chosen()) as made:
        rows(made).create(app_label="shop", model="item")
        driver, namespace = made.session.driver, made.settings_dict["NAMESPACE"]
    assert made.alias not in connections
    with django_db_blocker.unblock(), connection_with(**chosen(), NAMESPACE=namespace) as again:
        assert again.session.driver is driver
        assert rows(again).count() == 0


def test_a_connection_has_the_plugins_that_were_asked_for(django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        with connection_with([], **chosen()) as made:
            assert made.session.engine is None
            with pytest.raises(NotSupportedError, match="relational"):
                list(rows(made).annotate(n=Count("permission")))
        with connection_with(["relational"], **chosen(), options={"relational": {"policy": "allow"}}) as made:
            assert list(rows(made).annotate(n=Count("permission"))) == []


def test_a_block_that_fails_leaves_nothing_behind(django_db_blocker: Any) -> None:
    with pytest.raises(ZeroDivisionError), django_db_blocker.unblock(), connection_with(**chosen()) as made:
        raise ZeroDivisionError
    assert made.alias not in connections
