"""Cannot be imported."""

import a_module_that_is_not_there  # noqa: F401  this is what the test wants


def lambda_handler(event: object, context: object) -> None: ...
