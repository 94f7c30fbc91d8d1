"""What every function does around its one call: log with the request's id, and answer a queue record by record."""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from headcount.errors import Poisoned, TransientError

LOGGED_CHARACTERS = 128


def remaining_seconds(context: Any) -> Callable[[], float]:
    """How long this invocation may still take, as a function."""
    return lambda: float(context.get_remaining_time_in_millis()) / 1000.0


def asked(request: object) -> dict[str, str]:
    """Who asked ``control`` for what, short enough for a log line, whatever was sent."""
    fields = request if isinstance(request, Mapping) else {}
    return {name: str(fields.get(name))[:LOGGED_CHARACTERS] for name in ("operation", "by")}


def each_record(
    event: Mapping[str, Any], logger: Logger, work: Callable[[Mapping[str, Any]], object]
) -> dict[str, list[dict[str, str]]]:
    """Work on the records of an SQS event, and report those that failed (Lambda: partial batch responses).

    A poisoned record does not keep the others from their work; it fails until it is a dead letter.
    """
    failed: list[dict[str, str]] = []
    for record in event.get("Records", ()):
        try:
            work(record)
        except Poisoned as poisoned:
            logger.critical("poisoned message", message_id=record.get("messageId"), error=str(poisoned))
            failed.append({"itemIdentifier": record["messageId"]})
        except TransientError as error:
            logger.warning("not now; the message comes back", message_id=record.get("messageId"), error=str(error))
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
