"""ATOMIC_REQUESTS: a view is a block, for each alias that asks for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from records.models import Record


def create(_request: Any) -> HttpResponse:
    Record.objects.create(name="by the view")
    return HttpResponse(str(connection.in_atomic_block))


def create_and_fail(_request: Any) -> HttpResponse:
    Record.objects.create(name="by the view")
    raise ZeroDivisionError


@transaction.non_atomic_requests
def create_outside_and_fail(request: Any) -> HttpResponse:
    return create_and_fail(request)


def create_and_mark(_request: Any) -> HttpResponse:
    Record.objects.create(name="by the view")
    transaction.set_rollback(True)
    return HttpResponse("rolled back")


urlpatterns = [
    path("create", create),
    path("fail", create_and_fail),
    path("outside", create_outside_and_fail),
    path("mark", create_and_mark),
]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    with override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"]):
        yield Client(raise_request_exception=False)


def test_a_view_that_returns_is_committed(client: Any) -> None:
    assert client.get("/create").content == b"True"
    assert Record.objects.count() == 1


def test_a_view_that_raises_is_rolled_back(client: Any) -> None:
    assert client.get("/fail").status_code == 500
    assert Record.objects.count() == 0


def test_a_view_may_stay_outside(client: Any) -> None:
    assert client.get("/outside").status_code == 500
    assert Record.objects.count() == 1


def test_a_view_may_mark_its_transaction_for_rollback(client: Any) -> None:
    assert client.get("/mark").status_code == 200
    assert Record.objects.count() == 0
