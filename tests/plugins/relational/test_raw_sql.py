"""SQL that the user writes: what it reads, what it writes, and what it is refused."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.db import DataError, IntegrityError, NotSupportedError, OperationalError, ProgrammingError, connection, connections, transaction
from django.db.models import JSONField, Value
from django.db.models.expressions import RawSQL
from django.test.utils import CaptureQueriesContext
from relations.models import Book, Country, Person, Publisher, Shelf, Writer

from kindstore.core.warnings import EmulatedQueryWarning
from kindstore.testing import capture_rpcs

from .conftest import PLAIN

Rows = list[tuple[Any, ...]]
MOMENT = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def options() -> dict[str, Any]:
    return {"policy": "allow"}


@pytest.fixture
def everything(own_store: Any, namespace: str) -> Iterator[None]:
    """Let a test have an empty store and the plugins for transactions and unique values, too."""
    plugins = ["transactions", "constraints", "relational"]
    with own_store("raw", plugins, {"ids": "sequential", "relational": {"policy": "error"}}):
        yield


def run(sql: str, params: Any = None, alias: str = "default") -> Rows:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


class TestSelect:
    @pytest.mark.parametrize(
        ("sql", "params"),
        [
            ("SELECT id, title, pages FROM relations_book ORDER BY id", None),
            ("SELECT b.title, p.name FROM relations_book b JOIN relations_publisher p ON p.id = b.publisher_id ORDER BY b.id", None),
            ("SELECT publisher_id, COUNT(*), AVG(pages) FROM relations_book GROUP BY publisher_id ORDER BY 1", None),
            ("WITH long AS (SELECT id FROM relations_book WHERE pages > %s) SELECT COUNT(*) FROM long", [100]),
            ("SELECT name FROM relations_person WHERE id IN (SELECT mentor_id FROM relations_person) ORDER BY id", []),
            ("SELECT name FROM RELATIONS_PERSON WHERE Id = %(id)s OR name = %(name)s ORDER BY id", {"id": 1, "name": "Bob"}),
            ("SELECT title, 100 %% 7 FROM relations_book WHERE title LIKE '%%100\\%%' ESCAPE '\\' AND pages = %s", [300]),
            ("SELECT title FROM relations_book WHERE title LIKE '%100\\%' ESCAPE '\\'", None),
            ("SELECT published, opens, in_print, loan, isbn, cover, extra FROM relations_book ORDER BY id", None),
            ("SELECT title FROM relations_book WHERE published = %s", [MOMENT.replace(tzinfo=None)]),
            ("SELECT title FROM relations_book WHERE day >= %s AND in_print = %s", [dt.date(2024, 1, 1), True]),
            ("SELECT COUNT(*) FROM relations_shelf_books", ()),
            ("SELECT code FROM relations_country ORDER BY code LIMIT 1 OFFSET %s", [1]),
            ("SELECT id FROM relations_book WHERE published < %s", [MOMENT.replace(tzinfo=None)]),
            ("SELECT name FROM relations_shelf WHERE name = %s", ["TOP"]),
            ("SELECT name FROM relations_country WHERE code = %s AND name > %s", ["DE", "A"]),
            ("VALUES (1, 'one'), (2, 'two')", None),
            ("SELECT b.id, e.key, e.type FROM relations_book b, json_each(b.extra) e ORDER BY b.id, e.key", None),
            ("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n ORDER BY i", None),
            ("-- a comment\n/* and another */ SELECT 1 AS one;", None),
        ],
    )
    def test_gives_what_sqlite_gives(self, sql: str, params: Any) -> None:
        found, expected = run(sql, params), run(sql, params, PLAIN)
        assert found == expected if "ORDER BY" in sql else sorted(found, key=repr) == sorted(expected, key=repr)

    def test_reads_parameters_of_every_type(self) -> None:
        book = Book.objects.get(id=1)
        for column in ("price", "opens", "loan", "isbn", "cover", "published"):
            assert run(f"SELECT id FROM relations_book WHERE {column} = %s", [getattr(book, column)]) == [(1,)], column

    def test_decimals_are_exact(self) -> None:
        assert run("SELECT price FROM relations_book WHERE price > %s ORDER BY price", [Decimal("9.99")]) == [
            (Decimal("12.5"),),
            (Decimal(100),),
        ]

    def test_aware_moments_are_compared(self) -> None:
        zone = dt.timezone(dt.timedelta(hours=2))
        assert run("SELECT id FROM relations_book WHERE published = %s", [MOMENT.astimezone(zone)]) == [(3,)]

    def test_aware_moments_are_refused_without_time_zones(self, settings: Any) -> None:
        settings.USE_TZ = False
        with pytest.raises(ValueError, match="USE_TZ"):
            run("SELECT %s", [MOMENT])

    def test_tables_of_the_statement_are_fetched_once(self) -> None:
        with capture_rpcs() as rpcs:
            run("SELECT a.id FROM relations_person a JOIN relations_person b ON a.mentor_id = b.id")
        assert [rpc.method for rpc in rpcs] == ["RunQuery"]

    def test_a_transaction_sees_its_own_rows(self, everything: None) -> None:
        with transaction.atomic():
            Country.objects.create(code="IT", name="Italia")
            assert run("SELECT name FROM relations_country WHERE code = %s", ["IT"]) == [("Italia",)]


class TestCursor:
    def test_rows_are_fetched_one_by_one_some_and_all(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id AS number FROM relations_book ORDER BY id")
            assert [each[0] for each in cursor.description] == ["number"]
            assert (cursor.fetchone(), cursor.fetchmany(2), cursor.fetchall()) == ((1,), [(2,), (3,)], [(4,), (5,)])
            assert cursor.fetchone() is None

    def test_iterates(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM relations_country NATURAL JOIN (SELECT 1 AS id)")
            assert [*cursor] == [(1,), (1,)]

    def test_many_statements(self) -> None:
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO relations_country (code, name) VALUES (%s, %s)", [("IT", "Italia"), ("PL", "Polska")])
            assert cursor.rowcount == 2
        assert Country.objects.count() == 4

    def test_a_closed_one_refuses(self) -> None:
        with connection.cursor() as cursor:
            pass
        with pytest.raises(ProgrammingError, match="closed"):
            cursor.execute("SELECT 1")

    def test_procedures_are_refused(self) -> None:
        with connection.cursor() as cursor, pytest.raises(NotSupportedError, match="procedures"):
            cursor.callproc("p")

    def test_needs_the_plugin(self, own_store: Any) -> None:
        with own_store("raw", [], {}), connection.cursor() as cursor, pytest.raises(NotSupportedError, match="add 'relational'"):
            cursor.execute("SELECT 1")

    def test_logs_the_statement_with_its_parameters(self) -> None:
        connection.force_debug_cursor = True
        try:
            connection.queries_log.clear()
            run("SELECT %s, %s, %s", ["it's", None, 1])
            assert "SELECT 'it''s', NULL, 1" in [query["sql"] for query in connection.queries]
        finally:
            connection.force_debug_cursor = False

    def test_wrappers_may_add_a_comment(self) -> None:
        def comment(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            return execute(f"{sql} /* of mine */", params, many, context)

        with connection.execute_wrapper(comment), CaptureQueriesContext(connection) as captured:
            assert (Country.objects.count(), run("SELECT %s", [1])) == (2, [(1,)])
        assert [query["sql"].endswith("/* of mine */") for query in captured.captured_queries] == [True, True]


class TestRaw:
    def test_makes_instances(self) -> None:
        raw = "SELECT b.*, p.name AS house FROM relations_book b LEFT JOIN relations_publisher p ON p.id = b.publisher_id ORDER BY b.id"
        found, plain = list(Book.objects.raw(raw)), list(Book.objects.using(PLAIN).raw(raw))
        names = [field.attname for field in Book._meta.concrete_fields]
        assert [[getattr(book, name) for name in (*names, "house")] for book in found] == [
            [getattr(book, name) for name in (*names, "house")] for book in plain
        ]

    def test_computed_values_become_those_of_the_fields(self) -> None:
        sql = "SELECT 1 AS id, MAX(published) AS published, MAX(day) AS day, MAX(opens) AS opens, 1 AS in_print, MAX(price) AS price, "
        (book,) = Book.objects.raw(sql + "MIN(isbn) AS isbn, MAX(loan) AS loan FROM relations_book")
        assert book.published == dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)
        assert (book.day, book.opens, book.in_print) == (dt.date(2024, 2, 29), dt.time(9, 0, 0, 500), True)
        assert (str(book.price), book.isbn, book.loan) == ("100.00", uuid.UUID(int=7), dt.timedelta(days=2, microseconds=5))

    def test_parents_of_a_model_are_read_by_a_join(self) -> None:
        sql = "SELECT * FROM relations_person p JOIN relations_writer w ON p.id = w.person_ptr_id"
        assert [(writer.name, writer.pseudonym) for writer in Writer.objects.raw(sql)] == [("Zoë", "Zed")]

    def test_moments_in_raw_expressions_are_adapted(self) -> None:
        assert [book.id for book in Book.objects.extra(where=["published = %s"], params=[MOMENT])] == [3]
        assert Book.objects.annotate(same=RawSQL("published = %s", [MOMENT])).get(id=3).same


class TestWhatTheStoreFinds:
    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"policy": "error", "max_rows": 1}

    def test_rows_named_by_key_are_looked_up(self) -> None:
        with capture_rpcs() as rpcs:
            assert run(
                'SELECT "name" FROM "relations_country" WHERE "code" IN (%s, %s) ORDER BY 1'.replace(" ORDER BY 1", ""), ["DE", "XX"]
            )
        assert [rpc.method for rpc in rpcs] == ["Lookup"]

    def test_rows_are_counted_by_the_store(self) -> None:
        with capture_rpcs() as rpcs:
            assert run("SELECT COUNT(*) FROM relations_book") == [(5,)]
        assert len(rpcs) == 1

    def test_one_comparison_is_left_to_the_store(self) -> None:
        assert sorted(run("SELECT id FROM relations_book WHERE pages >= %s", [150])) == [(1,), (2,), (3,)]
        assert run("UPDATE relations_book SET blurb = %s WHERE pages < %s", ["thin", 2]) == []
        assert run("DELETE FROM relations_book WHERE pages > %s", [150]) == []
        assert [*Book.objects.order_by("id").values_list("id", "blurb")] == [(2, ""), (3, ""), (4, "thin"), (5, "thin")]

    @pytest.mark.parametrize(
        ("sql", "params"),
        [
            ("SELECT id FROM relations_book WHERE pages > 1", []),
            ("SELECT id FROM relations_book WHERE pages > %s OR id = %s", [1, 1]),
            ("SELECT id FROM relations_book WHERE NOT id = %s", [1]),
            ("SELECT id FROM relations_book WHERE id = %s UNION SELECT id FROM relations_book", [1]),
            ("SELECT id FROM relations_book WHERE id = %s", ["1"]),
            ("SELECT name FROM relations_shelf WHERE name = %s", ["top"]),
            ("SELECT title FROM relations_book WHERE pages > %s AND rating > %s", [1, 1.0]),
        ],
    )
    def test_the_policy_is_about_everything_else(self, sql: str, params: list[Any]) -> None:
        with capture_rpcs() as rpcs, pytest.raises(NotSupportedError, match="it is raw SQL"):
            run(sql, params)
        assert not rpcs


class TestBounds:
    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"max_rows": 3}

    def test_too_many_rows_are_refused(self) -> None:
        with pytest.raises(OperationalError, match=r"relations_book has more than 3"):
            run("SELECT title FROM relations_book ORDER BY title")

    def test_warns_where_the_user_asks(self) -> None:
        with pytest.warns(EmulatedQueryWarning, match=r"it is raw SQL\. It was emulated over 2 fetched rows") as caught:
            run("SELECT name FROM relations_country ORDER BY name")
        assert caught[0].filename == __file__


class TestWrite:
    def both(self, sql: str, params: Any = None) -> int:
        """Run a statement here and on SQLite, there in a block that is rolled back, and compare what became of the rows."""
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            count: int = cursor.rowcount
        with transaction.atomic(PLAIN):
            with connections[PLAIN].cursor() as plain:
                plain.execute(sql, params)
                assert count == plain.rowcount
            for model in (Publisher, Person, Country, Shelf):
                assert sorted(model.objects.values_list()) == sorted(model.objects.using(PLAIN).values_list())
            transaction.set_rollback(True, PLAIN)
        return count

    @pytest.mark.parametrize(
        ("sql", "params", "count"),
        [
            ("INSERT INTO relations_country (code, name) VALUES (%s, %s), ('ES', 'España')", ["IT", "100%"], 2),
            ("INSERT INTO relations_country SELECT code || '2', name FROM relations_country", None, 2),
            ("INSERT INTO relations_publisher (name) SELECT name FROM relations_person WHERE born < %(year)s", {"year": 1900}, 1),
            ("UPDATE relations_person SET born = born + 1, name = name || '!' WHERE mentor_id = %s OR id = 4", [1], 3),
            ("UPDATE relations_publisher SET founded = (SELECT MAX(born) FROM relations_person) WHERE founded IS NULL", None, 1),
            ("UPDATE relations_country SET name = name", None, 2),
            ("DELETE FROM relations_shelf WHERE name = 'TOP'", None, 2),
            ("DELETE FROM relations_person WHERE id NOT IN (SELECT person_ptr_id FROM relations_writer)", None, 3),
            ("DELETE FROM relations_person WHERE id = %s", [99], 0),
            ("DELETE FROM relations_publisher", None, 3),
        ],
    )
    def test_does_what_sqlite_does(self, sql: str, params: Any, count: int) -> None:
        assert self.both(sql, params) == count

    def test_values_are_stored_as_their_fields_store_them(self) -> None:
        book = Book.objects.get(id=1)
        names = [field.column for field in Book._meta.concrete_fields if not field.primary_key]
        values = [getattr(book, name) if name != "extra" else '{"a": null}' for name in names]
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO relations_book ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})", values)
            made = Book.objects.get(pk=cursor.lastrowid)
        assert [getattr(made, name) for name in names if name != "extra"] == [getattr(book, name) for name in names if name != "extra"]
        assert made.extra == {"a": None}
        assert Book.objects.filter(price=book.price, isbn=book.isbn, published=book.published).count() == 2

    def test_json_null_is_not_null(self) -> None:
        run("UPDATE relations_book SET extra = 'null' WHERE id = %s", [1])
        assert Book.objects.filter(extra=Value(None, JSONField()), id=1).exists()
        assert not Book.objects.filter(extra__isnull=True, id=1).exists()

    @pytest.mark.parametrize(
        ("sql", "error"),
        [
            ("UPDATE relations_book SET published = 'tomorrow'", DataError),
            ("UPDATE relations_book SET pages = 'many'", DataError),
            ("UPDATE relations_book SET extra = '{'", DataError),
            ("UPDATE relations_book SET title = NULL", IntegrityError),
            ("INSERT INTO relations_country (code) VALUES ('IT')", IntegrityError),
            ("INSERT INTO relations_country (code, name) VALUES ('DE', 'again')", IntegrityError),
            ("UPDATE relations_country SET code = 'XX'", NotSupportedError),
            ("INSERT OR REPLACE INTO relations_country (code, name) VALUES ('DE', 'again')", NotSupportedError),
            ("INSERT INTO relations_country (code, name) VALUES ('DE', 'x') ON CONFLICT DO NOTHING", NotSupportedError),
            ("INSERT INTO relations_publisher (name) VALUES ('x') RETURNING id", NotSupportedError),
        ],
    )
    def test_what_no_row_can_hold_is_refused(self, sql: str, error: type[Exception]) -> None:
        before = [*Book.objects.values_list()], [*Country.objects.values_list()], Publisher.objects.count()
        with pytest.raises(error):
            run(sql)
        assert before == ([*Book.objects.values_list()], [*Country.objects.values_list()], Publisher.objects.count())

    def test_what_was_changed_or_deleted_can_be_returned(self) -> None:
        assert run("UPDATE relations_country SET name = 'x' WHERE code = 'DE' RETURNING code, name") == [("DE", "x")]

    def test_is_rolled_back_with_its_transaction(self, everything: None) -> None:
        Country.objects.create(code="IT", name="Italia")
        with transaction.atomic():
            run("UPDATE relations_country SET name = %s WHERE code = %s", ["x", "IT"])
            run("INSERT INTO relations_country (code, name) VALUES (%s, %s)", ["PL", "Polska"])
            assert run("SELECT COUNT(*) FROM relations_country") == [(2,)]
            transaction.set_rollback(True)
        assert [*Country.objects.values_list()] == [("IT", "Italia")]


class TestUniqueValues:
    def test_are_free_again_when_their_table_is_dropped(self, everything: None) -> None:
        for _ in range(2):
            run("CREATE TABLE tickets (id integer PRIMARY KEY, code varchar(20) NOT NULL UNIQUE)")
            run("INSERT INTO tickets (code) VALUES (%s)", ["a"])
            with transaction.atomic():
                run("DROP TABLE tickets")
                transaction.set_rollback(True)
            assert run("SELECT COUNT(*) FROM tickets") == [(1,)]
            with transaction.atomic():
                run("DROP TABLE tickets")
            with pytest.raises(OperationalError, match="no such table"):
                run("SELECT COUNT(*) FROM tickets")

    def test_are_kept(self, everything: None) -> None:
        run("CREATE TABLE tickets (id integer PRIMARY KEY, code varchar(20) NOT NULL UNIQUE)")
        run("INSERT INTO tickets (code) VALUES (%s)", ["a"])
        with pytest.raises(IntegrityError, match="code"):
            run("INSERT INTO tickets (code) VALUES (%s)", ["a"])
        run("UPDATE tickets SET code = %s WHERE code = %s", ["b", "a"])
        run("INSERT INTO tickets (code) VALUES (%s)", ["a"])
        assert run("SELECT COUNT(*) FROM tickets") == [(2,)]


class TestTablesWithoutModels:
    def test_are_made_filled_read_and_dropped(self) -> None:
        run('CREATE TABLE "my notes" (id integer PRIMARY KEY, at datetime NOT NULL, n bigint, note text, price numeric(6, 2))')
        run('CREATE INDEX by_at ON "my notes" (at)')
        run('INSERT INTO "my notes" (id, at, n, price) VALUES (%s, %s, %s, %s)', [7, MOMENT, None, Decimal("1.10")])
        assert run('SELECT * FROM "my notes"') == [(7, MOMENT.replace(tzinfo=None), None, None, Decimal("1.1"))]
        with connection.cursor() as cursor:
            described = connection.introspection.get_table_description(cursor, "my notes")
            assert [(each.name, each.type_code, each.null_ok) for each in described] == [
                ("id", "integer", False),
                ("at", "datetime", False),
                ("n", "integer", True),
                ("note", "text", True),
                ("price", "decimal", True),
            ]
            assert connection.introspection.get_constraints(cursor, "my notes")["by_at"]["columns"] == ["at"]
        with pytest.raises(OperationalError, match="already exists"):
            run('CREATE TABLE "my notes" (id integer PRIMARY KEY)')
        run('CREATE TABLE IF NOT EXISTS "my notes" (id integer PRIMARY KEY)')
        run('DROP TABLE "my notes"')
        run('DROP TABLE IF EXISTS "my notes"')
        for sql in ('SELECT * FROM "my notes"', 'DROP TABLE "my notes"'):
            with pytest.raises(OperationalError, match="no such table: my notes"):
                run(sql)

    def test_need_no_primary_key(self) -> None:
        run("CREATE TABLE ponies (id int, special varchar(15));")
        run("INSERT INTO ponies (id, special) VALUES (1, 'i love ponies'), (1, 'i love ponies');")
        run("UPDATE ponies SET special = 'Ponies' WHERE special LIKE '%%ponies'", [])
        assert run("SELECT * FROM ponies") == [(1, "Ponies"), (1, "Ponies")]
        assert run("SELECT COUNT(*) FROM ponies") == [(2,)]
        run("DELETE FROM ponies")
        assert run("SELECT COUNT(*), 1 FROM ponies") == [(0, 1)]
        run("DROP TABLE ponies")

    @pytest.mark.parametrize(
        ("sql", "message"),
        [
            ("CREATE TABLE t (data blob PRIMARY KEY)", "PRIMARY KEY"),
            ("CREATE TABLE t (id integer PRIMARY KEY, n integer DEFAULT 3)", "DEFAULT is not understood"),
            ("CREATE TABLE t (id integer PRIMARY KEY, n integer CHECK (n > 3))", "CHECK is not understood"),
            ("CREATE TABLE t (id integer PRIMARY KEY, place point)", "the type 'point' of place"),
            ("ALTER TABLE relations_book ADD COLUMN n integer", "Write a migration"),
            ("CREATE UNIQUE INDEX i ON relations_book (title)", "Write a migration"),
            ("DROP INDEX i", "Write a migration"),
            ("PRAGMA table_info(relations_book)", "no"),
            ("ATTACH DATABASE 'x' AS y", "no"),
            ("BEGIN", "atomic"),
            ("SAVEPOINT x", "atomic"),
            ("EXPLAIN SELECT 1", r"QuerySet\.explain"),
            ("SELECT name FROM sqlite_master", r"connection\.introspection"),
            ("SELECT * FROM pragma_table_info('relations_book')", r"connection\.introspection|nothing else"),
            ("SELECT rowid FROM relations_book", "primary key"),
        ],
    )
    def test_what_is_no_reading_or_writing_of_rows_is_refused(self, sql: str, message: str) -> None:
        with pytest.raises(NotSupportedError, match=message):
            run(sql)

    @pytest.mark.parametrize(
        ("sql", "error", "message"),
        [
            ("SELECT * FROM nowhere", OperationalError, "no such table: nowhere"),
            ("SELECT nix FROM relations_book", OperationalError, "no such column: nix"),
            ("SELECT FROM 1", OperationalError, "syntax error"),
            ("SELECT 1; SELECT 2", ProgrammingError, "one statement"),
        ],
    )
    def test_wrong_sql_is_an_error_as_on_sqlite(self, sql: str, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            run(sql)

    @pytest.mark.parametrize("value", [2**70, "\ud800"])
    def test_values_that_sql_does_not_have_are_an_error(self, value: Any) -> None:
        for sql in ("SELECT id FROM relations_book WHERE id = %s", "SELECT name FROM relations_country WHERE code = %s"):
            with pytest.raises(DataError):
                run(sql, [value])

    def test_wrong_number_of_parameters_is_an_error(self) -> None:
        with pytest.raises(ProgrammingError, match="bindings"):
            run("SELECT %s", [1, 2])


class TestDatabaseCache:
    @pytest.fixture
    def cache(self, everything: None, settings: Any) -> Iterator[Any]:
        entry = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "my cache", "OPTIONS": {"MAX_ENTRIES": 5}}
        settings.CACHES = {"default": entry}
        call_command("createcachetable", verbosity=0)
        yield caches["default"]
        run('DROP TABLE "my cache"')

    def test_keeps_values(self, cache: Any) -> None:
        cache.set("a", {"x": [1, None]})
        assert cache.get("a") == {"x": [1, None]}
        assert not cache.add("a", 2)
        assert cache.add("b", 2)
        assert cache.get_many(["a", "b", "c"]) == {"a": {"x": [1, None]}, "b": 2}
        assert (cache.incr("b"), cache.touch("b"), "b" in cache, cache.delete("b"), cache.get("b")) == (3, True, True, True, None)
        cache.clear()
        assert cache.get("a") is None

    def test_forgets_what_has_expired(self, cache: Any) -> None:
        cache.set("a", 1, timeout=-1)
        cache.set("b", 1, timeout=None)
        assert (cache.get("a"), cache.get("b")) == (None, 1)

    def test_is_culled(self, cache: Any) -> None:
        for number in range(9):
            cache.set(f"key{number}", number)
        ((count,),) = run('SELECT COUNT(*) FROM "my cache"')
        assert count <= 6

    def test_a_value_is_got_by_two_lookups(self, cache: Any) -> None:
        cache.set("a", 1)
        with capture_rpcs() as rpcs:
            assert cache.get("a") == 1
        assert [rpc.method for rpc in rpcs] == ["Lookup", "Lookup"]
