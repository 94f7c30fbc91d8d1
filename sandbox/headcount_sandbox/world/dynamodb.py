"""The rules of DynamoDB that moto does not keep.

moto ignores the token of a transaction, takes any number of requests in a batch, and answers keys among the updated
attributes.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from headcount_sandbox.world.api import Answer, ApiError, ApiRequest, ApiResponse
from headcount_sandbox.world.moto_apis import MotoApis
from headcount_sandbox.world.moto_dynamodb import transaction

MAX_BATCH_WRITE = 25
TOKEN_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    at: float
    fingerprint: str
    answer: ApiResponse


class TablesApi:
    """DynamoDB's operations that need more than moto."""

    def __init__(self, moto: MotoApis) -> None:
        self._moto = moto
        self._done: dict[str, _Done] = {}

    def operations(self) -> Mapping[str, Answer]:
        """The operations answered here, by name."""
        return {
            "TransactWriteItems": self._transact,
            "BatchWriteItem": self._batch_write,
            "UpdateItem": self._update,
        }

    def _transact(self, request: ApiRequest) -> ApiResponse:
        """The same token within ten minutes writes once: SDKs retry with the token that they made up."""
        token = request.parameters.get("ClientRequestToken")
        if not token:
            return self._write_all(request)
        fingerprint = json.dumps(request.parameters, sort_keys=True)
        with self._moto.lock_of("dynamodb"):
            done = self._earlier(token)
            if done is not None and done.fingerprint != fingerprint:
                raise ApiError("IdempotentParameterMismatchException", "The token was used with other parameters.")
            if done is not None:
                return done.answer
            answer = self._write_all(request)
            if answer.status == 200:
                self._done[token] = _Done(at=time.monotonic(), fingerprint=fingerprint, answer=answer)
            return answer

    def _write_all(self, request: ApiRequest) -> ApiResponse:
        with transaction(request.parameters.get("TransactItems", ())):
            return self._moto.answer(request)

    def _earlier(self, token: str) -> _Done | None:
        oldest = time.monotonic() - TOKEN_SECONDS
        for known, done in tuple(self._done.items()):
            if done.at >= oldest:
                break  # the order of insertion is the order of time
            del self._done[known]
        return self._done.get(token)

    def _batch_write(self, request: ApiRequest) -> ApiResponse:
        count = sum(len(writes) for writes in request.parameters.get("RequestItems", {}).values())
        if count > MAX_BATCH_WRITE:
            raise ApiError("ValidationException", "Too many items requested for the BatchWriteItem call")
        return self._moto.answer(request)

    def _update(self, request: ApiRequest) -> ApiResponse:
        answer = self._moto.answer(request)
        if answer.status != 200 or not str(request.parameters.get("ReturnValues")).startswith("UPDATED_"):
            return answer
        document: dict[str, Any] = json.loads(answer.body)
        keys = request.parameters["Key"]
        attributes = {name: value for name, value in document.get("Attributes", {}).items() if name not in keys}
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "x-amz-crc32"}
        return replace(answer, headers=headers, body=json.dumps({**document, "Attributes": attributes}).encode())
