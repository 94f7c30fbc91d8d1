"""AWS's errors in Headcount's words.

What any call may answer stands here; what only one call answers stands with that call.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from headcount.errors import Throttled, TransientError

TOLD_LENGTH = 400  # characters of what AWS said that are kept

_PATIENCE = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "LimitExceededException",
        "SlowDown",
    }
)
_TRANSIENT = frozenset(
    {
        "InternalServerError",
        "InternalError",
        "InternalFailure",
        "ServerException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "RequestTimeout",
        "RequestTimeoutException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


def error_code(error: ClientError) -> str:
    """AWS's code of an error, such as ``ThrottlingException``."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def error_message(error: ClientError) -> str:
    """AWS's own words."""
    return str(error.response.get("Error", {}).get("Message", "")) or str(error)


def error_status(error: ClientError) -> int:
    """The HTTP status, 0 if there was none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def refusal(error: ClientError) -> str:
    """AWS's code and words, short enough to be kept in a record and told to people."""
    return f"{error_code(error)}: {error_message(error)}"[:TOLD_LENGTH]


@contextmanager
def translated() -> Iterator[None]:
    """Turn what may pass into ``TransientError``; every other ``ClientError`` is the caller's, who knows the call."""
    try:
        yield
    except ClientError as error:
        said = f"{error.operation_name}: {error_code(error)}: {error_message(error)}"
        if error_code(error) in _PATIENCE:
            raise Throttled(said) from error
        if error_code(error) in _TRANSIENT or error_status(error) >= 500:
            raise TransientError(said) from error
        raise
    except (BotoConnectionError, HTTPClientError) as error:
        raise TransientError(f"no answer from AWS: {error}") from error


@contextmanager
def reading() -> Iterator[None]:
    """Whatever stands against reading may be gone by the next time: people see it fail, with AWS's words."""
    try:
        with translated():
            yield
    except ClientError as error:
        raise TransientError(f"{error.operation_name}: {refusal(error)}") from error
