"""The driver of Google Cloud Datastore, and the base of its sibling's: raw stubs, raw messages, compiled codecs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from ...core.datamodel import KEY, Aggregation, Column, Key, Mutation, MutationResult, Page, Query, Row, Shape, Value
from ...core.datamodel.errors import InvalidRequest
from ...core.driver import LATEST, Capabilities, Observe, ReadOptions, unobserved
from . import messages
from .calls import Caller
from .capabilities import LEGACY
from .channel import Channel
from .decode import decode_value
from .encode import EPOCH, encode_mutation, property_path
from .keys import Home, check_kind, complete_key, encode_key, encode_partition, own_key
from .limits import check_aggregations, check_mutations, check_query, check_read, check_sizes
from .lookups import keys_of
from .paging import Progress, ResponseSizes, may_repeat, sorts_by_key_first
from .query import encode_aggregation, encode_query
from .retry import RetryPolicy
from .rows import row_decoder
from .unsettled import Unsettled

ALLOCATED_AT_ONCE = 500
DEFAULT_TIMEOUT = 60.0
_KEYS = Shape((Column(KEY),))


class DatastoreDriver:
    """One project and database of Datastore."""

    # Whether a query returns an entity once for each element of an array that an inequality or an order reads.
    repeats_arrays = False
    # Whether a cursor is refused where the key is sorted by before a property with an inequality.
    refuses_cursors = False

    def __init__(
        self,
        channel: Channel,
        home: Home,
        capabilities: Capabilities = LEGACY,
        *,
        emulated: bool = False,
        timeout: float = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
    ) -> None:
        """Bind a channel to a project and database. `timeout` is in seconds and bounds an RPC together with its retries."""
        self.capabilities = capabilities
        self.home = home
        self.is_production = not emulated
        self.identity = f"google:{channel.target}/{home.project}/{home.database or '(default)'}"
        self._channel = channel
        # An emulator may never show a write to a query; reset() has to find it all the same.
        self._unsettled = Unsettled() if emulated and not capabilities.strong_queries else None
        self._sizes = ResponseSizes()
        self._call = Caller(channel, home, timeout=timeout, retry=retry or RetryPolicy())

    def lookup(
        self, keys: Sequence[Key], shape: Shape, options: ReadOptions = LATEST, *, observe: Observe = unobserved
    ) -> list[Row | None]:
        check_read(options, self.capabilities)
        found: dict[Key, Row] = {}
        wanted = list(dict.fromkeys(own_key(key, self.home) for key in keys))
        size = self.capabilities.lookup_keys
        for start in range(0, len(wanted), size):
            found |= self._lookup_chunk(wanted[start : start + size], shape, options, observe)
        return [found.get(own_key(key, self.home)) for key in keys]

    def run_query(self, query: Query, shape: Shape, options: ReadOptions = LATEST, *, observe: Observe = unobserved) -> Iterator[Page]:
        check_query(query, options, self.capabilities)
        request = self._query_request(query, shape, options)
        return self._pages(request, query, shape, options, observe)

    def aggregate(
        self, query: Query, aggregations: Sequence[Aggregation], options: ReadOptions = LATEST, *, observe: Observe = unobserved
    ) -> tuple[Value, ...]:
        check_aggregations(aggregations, self.capabilities)
        check_query(query, options, self.capabilities)
        request = self._request(messages.RunAggregationQueryRequest)
        encode_partition(request.partition_id, query.namespace, self.home)
        self._set_read_options(request, options)
        encode_aggregation(request.aggregation_query, query, aggregations, self.home)
        response, _ = self._call("RunAggregationQuery", request, (query, tuple(aggregations)), observe, lambda _: 1)
        _tell_time(options, response.batch)
        values = response.batch.aggregation_results[0].aggregate_properties
        return tuple([decode_value(values[f"a{i}"], self.home) for i in range(len(aggregations))])

    def commit(
        self, mutations: Sequence[Mutation], transaction: bytes | None = None, *, observe: Observe = unobserved
    ) -> list[MutationResult]:
        check_mutations(mutations, self.capabilities)
        request = self._request(messages.CommitRequest)
        request.mode = messages.TRANSACTIONAL
        if transaction is None:
            request.single_use_transaction.read_write.SetInParent()
        else:
            request.transaction = transaction
        add = request.mutations.add
        for mutation in mutations:
            encode_mutation(add(), mutation, self.home)
        if self._unsettled is not None:
            self._unsettled.add(mutation.key for mutation in mutations)
        data = request.SerializeToString()
        check_sizes(request, mutations, len(data), self.capabilities)
        response, _ = self._call("Commit", data, mutations, observe, mutations=mutations)
        return [
            MutationResult(result.version, tuple([decode_value(v, self.home) for v in result.transform_results]))
            for result in response.mutation_results
        ]

    def begin(self, *, read_only: bool = False, read_time: datetime | None = None, observe: Observe = unobserved) -> bytes:
        check_read(ReadOptions(read_time=read_time), self.capabilities)
        request = self._request(messages.BeginTransactionRequest)
        if read_time is not None:
            _set_time(request.transaction_options.read_only.read_time, read_time)
        elif read_only:
            request.transaction_options.read_only.SetInParent()
        else:
            request.transaction_options.read_write.SetInParent()
        response, _ = self._call("BeginTransaction", request, None, observe)
        transaction: bytes = response.transaction
        return transaction

    def rollback(self, transaction: bytes, *, observe: Observe = unobserved) -> None:
        request = self._request(messages.RollbackRequest)
        request.transaction = transaction
        with suppress(InvalidRequest):  # it has ended
            self._call("Rollback", request, transaction, observe)

    def allocate_ids(self, parent: Key | None, kind: str, count: int, namespace: str = "", *, observe: Observe = unobserved) -> list[Key]:
        check_kind(kind)
        allocated: list[Key] = []
        while len(allocated) < count:
            request = self._request(messages.AllocateIdsRequest)
            for _ in range(min(count - len(allocated), ALLOCATED_AT_ONCE)):
                key = request.keys.add()
                if parent is None:
                    encode_partition(key.partition_id, namespace, self.home)
                else:
                    encode_key(key, parent, self.home)
                key.path.add().kind = kind
            response, _ = self._call("AllocateIds", request, (parent, kind, len(request.keys)), observe, lambda r: len(r.keys))
            allocated += [complete_key(key, self.home) for key in response.keys]
        return allocated

    def reserve_ids(self, keys: Sequence[Key], *, observe: Observe = unobserved) -> None:
        for start in range(0, len(keys), ALLOCATED_AT_ONCE):
            chunk = keys[start : start + ALLOCATED_AT_ONCE]
            request = self._request(messages.ReserveIdsRequest)
            for key in chunk:
                encode_key(request.keys.add(), key, self.home)
            self._call("ReserveIds", request, tuple(chunk), observe)

    def reset(self, namespace: str) -> None:
        """Delete the entities that keys-only queries find, until two of them in a row find none that was not deleted already.

        A query of the legacy store may miss entities and return deleted ones; a lookup in an entity group makes its emulator show what
        was written there. The commits are not transactional, so that they may have more entity groups than a transaction.
        """
        self._settle(namespace)
        deleted: set[Key] = set()
        idle = 0
        while idle < (1 if self.capabilities.strong_queries else 2):
            fresh = [key for key in self._all_keys(namespace) if key not in deleted]
            idle = 0 if fresh else idle + 1
            for start in range(0, len(fresh), 500):
                self._delete(fresh[start : start + 500])
            deleted.update(fresh)

    def close(self) -> None:
        self._channel.close()

    def _lookup_chunk(self, keys: Sequence[Key], shape: Shape, options: ReadOptions, observe: Observe) -> dict[Key, Row]:
        request = self._request(messages.LookupRequest)
        self._set_read_options(request, options)
        self._set_read_mask(request, shape)
        for key in keys:
            encode_key(request.keys.add(), key, self.home)
        decode = row_decoder(shape, self.home)
        found: dict[Key, Row] = {}
        while keys:
            response, _ = self._call("Lookup", request, keys, observe, lambda r: len(r.found))
            _tell_time(options, response)
            found |= zip(keys_of(response.found, keys, request.keys, self.home), decode(response.found), strict=True)
            del request.keys[:]
            request.keys.extend(response.deferred)
            keys = [complete_key(key, self.home) for key in response.deferred]
        return found

    def _query_request(self, query: Query, shape: Shape, options: ReadOptions) -> Any:
        request = self._request(messages.RunQueryRequest)
        encode_partition(request.partition_id, query.namespace, self.home)
        self._set_read_options(request, options)
        encode_query(request.query, query, self.home, shape)
        if not query.projection and not shape.keys_only:
            self._set_read_mask(request, shape)
        return request

    def _pages(self, request: Any, query: Query, shape: Shape, options: ReadOptions, observe: Observe) -> Iterator[Page]:
        by_offset = self.refuses_cursors and sorts_by_key_first(query)
        progress = Progress(query, unique=self.repeats_arrays and may_repeat(query, shape), by_offset=by_offset)
        decode = row_decoder(shape, self.home)
        sort = (query.kind, shape.keys_only, shape.properties, query.projection)
        while not progress.finished:
            progress.ask(request.query, options.page_size or self._sizes.rows(sort))
            response, size = self._call("RunQuery", request, query, observe, lambda r: len(r.batch.entity_results))
            batch = response.batch
            _tell_time(options, batch)
            if (by_offset or options.on_read_time is not None) and options.transaction is None and batch.HasField("read_time"):
                request.read_options.read_time.CopyFrom(batch.read_time)  # the other pages are of the same moment
            self._sizes.learn(sort, size, len(batch.entity_results))
            yield Page(decode(progress.take(batch)), batch.end_cursor or None)

    def _settle(self, namespace: str) -> None:
        if self._unsettled is not None:
            roots = self._unsettled.within(namespace)
            self.lookup(roots, _KEYS)
            self._unsettled.forget(roots)

    def _all_keys(self, namespace: str) -> list[Key]:
        pages = self.run_query(Query(kind=None, namespace=namespace), _KEYS)
        return [key for page in pages for (key,) in page.rows if not key.kind.startswith("__")]

    def _delete(self, keys: Sequence[Key]) -> None:
        request = self._request(messages.CommitRequest)
        request.mode = messages.NON_TRANSACTIONAL
        for key in keys:
            encode_key(request.mutations.add().delete, key, self.home)
        self._call("Commit", request, tuple(keys), unobserved)

    def _request(self, kind: Any) -> Any:
        if self.home.database:
            return kind(project_id=self.home.project, database_id=self.home.database)
        return kind(project_id=self.home.project)

    def _set_read_options(self, request: Any, options: ReadOptions) -> None:
        if options.transaction is not None:
            request.read_options.transaction = options.transaction
        elif options.read_time is not None:
            _set_time(request.read_options.read_time, options.read_time)

    def _set_read_mask(self, request: Any, shape: Shape) -> None:
        if self.capabilities.read_masks and not shape.whole:
            request.property_mask.SetInParent()
            request.property_mask.paths.extend([property_path(name) for name in dict.fromkeys(shape.properties)])


def _tell_time(options: ReadOptions, message: Any) -> None:
    if options.on_read_time is not None and message.HasField("read_time"):
        options.on_read_time(EPOCH + timedelta(seconds=message.read_time.seconds, microseconds=message.read_time.nanos // 1000))


def _set_time(message: Any, moment: datetime) -> None:
    delta = moment - EPOCH
    message.seconds = delta.days * 86400 + delta.seconds
    message.nanos = delta.microseconds * 1000
