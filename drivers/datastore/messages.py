"""The raw protobuf messages of Datastore's API: proto-plus wrappers cost seven times their price to iterate."""

from __future__ import annotations

from typing import Any

from google.cloud.datastore_v1.types import aggregation_result, datastore, entity, query

AllocateIdsRequest: Any = datastore.AllocateIdsRequest.pb()
AllocateIdsResponse: Any = datastore.AllocateIdsResponse.pb()
BeginTransactionRequest: Any = datastore.BeginTransactionRequest.pb()
BeginTransactionResponse: Any = datastore.BeginTransactionResponse.pb()
CommitRequest: Any = datastore.CommitRequest.pb()
CommitResponse: Any = datastore.CommitResponse.pb()
LookupRequest: Any = datastore.LookupRequest.pb()
LookupResponse: Any = datastore.LookupResponse.pb()
ReserveIdsRequest: Any = datastore.ReserveIdsRequest.pb()
ReserveIdsResponse: Any = datastore.ReserveIdsResponse.pb()
RollbackRequest: Any = datastore.RollbackRequest.pb()
RollbackResponse: Any = datastore.RollbackResponse.pb()
RunAggregationQueryRequest: Any = datastore.RunAggregationQueryRequest.pb()
RunAggregationQueryResponse: Any = datastore.RunAggregationQueryResponse.pb()
RunQueryRequest: Any = datastore.RunQueryRequest.pb()
RunQueryResponse: Any = datastore.RunQueryResponse.pb()

AggregationResultBatch: Any = aggregation_result.AggregationResultBatch.pb()
Entity: Any = entity.Entity.pb()
EntityResult: Any = query.EntityResult.pb()
Key: Any = entity.Key.pb()
Query: Any = query.Query.pb()
Value: Any = entity.Value.pb()

TRANSACTIONAL = int(datastore.CommitRequest.Mode.TRANSACTIONAL)
NON_TRANSACTIONAL = int(datastore.CommitRequest.Mode.NON_TRANSACTIONAL)
FAIL_ON_CONFLICT = int(datastore.Mutation.ConflictResolutionStrategy.FAIL)
NOT_FINISHED = int(query.QueryResultBatch.MoreResultsType.NOT_FINISHED)
NO_MORE_RESULTS = int(query.QueryResultBatch.MoreResultsType.NO_MORE_RESULTS)
MORE_RESULTS_AFTER_CURSOR = int(query.QueryResultBatch.MoreResultsType.MORE_RESULTS_AFTER_CURSOR)

RESPONSES: dict[str, Any] = {
    "AllocateIds": AllocateIdsResponse,
    "BeginTransaction": BeginTransactionResponse,
    "Commit": CommitResponse,
    "Lookup": LookupResponse,
    "ReserveIds": ReserveIdsResponse,
    "Rollback": RollbackResponse,
    "RunAggregationQuery": RunAggregationQueryResponse,
    "RunQuery": RunQueryResponse,
}
