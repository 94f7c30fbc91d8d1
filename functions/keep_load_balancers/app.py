"""Keeps target groups, rules, listeners and load balancers of a service as they are declared (asynchronous)."""

from typing import Any

from headcount import bootstrap, handlers, triggers

logger = bootstrap.logger()
keeper, _ = bootstrap.keeper()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The event names a service whose load balancing is to be looked at. What fails raises: Lambda tries it again."""
    looked = keeper.keep(triggers.load_balancer_request(event), handlers.remaining_seconds(context))
    return {"steps": looked.steps, "problems": list(looked.problems), "removed": looked.removed}
