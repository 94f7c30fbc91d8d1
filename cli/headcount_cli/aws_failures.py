"""What the AWS SDK raises, as messages that say what to do. One table each for exceptions and for error codes.

AWS's own text is left out where it may carry parts of the signed request.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from headcount_cli.failures import BadInput, Failure, NotReached, Unanswered

LATER = "Try again in a minute."
SIGN_IN = "Set AWS_PROFILE or --profile, or sign in with 'aws sso login' or 'aws configure'."
EXPIRED = ("Your AWS credentials have expired.", "Sign in again, for example with 'aws sso login'.")
INVALID = ("AWS does not accept these credentials.", SIGN_IN)
THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException"})

CODES: dict[str, tuple[str, str]] = {
    "ExpiredToken": EXPIRED,
    "ExpiredTokenException": EXPIRED,
    "RequestExpired": ("AWS says that the request is too old.", "Sign in again, and check this machine's clock."),
    "InvalidClientTokenId": INVALID,
    "UnrecognizedClientException": INVALID,
    "InvalidSignatureException": INVALID,
    "SignatureDoesNotMatch": INVALID,
    "RequestTooLargeException": ("The request is larger than Lambda allows (6 MB).", "Make the manifest smaller."),
}
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})

EXCEPTIONS: dict[str, tuple[str, str]] = {
    "NoCredentialsError": ("No AWS credentials were found.", SIGN_IN),
    "PartialCredentialsError": ("The AWS credentials are incomplete.", SIGN_IN),
    "CredentialRetrievalError": ("The AWS credentials could not be retrieved.", SIGN_IN),
    "NoAuthTokenError": ("No AWS credentials were found.", SIGN_IN),
    "TokenRetrievalError": EXPIRED,
    "SSOTokenLoadError": EXPIRED,
    "UnauthorizedSSOTokenError": EXPIRED,
    "NoRegionError": ("No AWS region is chosen.", "Set AWS_REGION or --region, for example --region eu-central-1."),
}
UNREACHABLE = frozenset(
    {"EndpointConnectionError", "ConnectTimeoutError", "ConnectionClosedError", "ProxyConnectionError", "SSLError"}
)


@contextmanager
def explained(endpoint_url: str | None) -> Iterator[None]:
    """Turns whatever the SDK raises inside into a ``Failure``. ``endpoint_url`` as given by the user, if it was."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # boto3 is imported late

    chooser, address = _chosen(endpoint_url)
    if address and not _can_be_called(address):
        raise _no_address(chooser, address)
    try:
        yield
    except ClientError as error:
        raise _of_answer(dict(error.response.get("Error", {})), error.operation_name) from None
    except BotoCoreError as error:
        raise _of_exception(error, endpoint_url) from None
    except ValueError as error:
        if "endpoint" not in str(error).lower():
            raise
        raise _no_address(chooser, address) from None


def _chosen(endpoint_url: str | None) -> tuple[str, str]:
    """By what an address was chosen, and which: the option, else the AWS SDK's variable; empty for AWS's own."""
    if endpoint_url:
        return "--endpoint-url", endpoint_url
    return "AWS_ENDPOINT_URL", os.environ.get("AWS_ENDPOINT_URL", "")


def _can_be_called(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        return False


def _no_address(chooser: str, address: str) -> Failure:
    return BadInput(
        f"{chooser} is '{without_password(address)}': http://HOST, https://HOST or one of them with :PORT is allowed.",
        hint="Write it in full, for example http://127.0.0.1:5000.",
    )


def _of_answer(error: dict[str, Any], operation: str) -> Failure:
    code, text = str(error.get("Code", "")), str(error.get("Message", "")).splitlines()
    first_line = text[0] if text else code
    if code in CODES:
        message, hint = CODES[code]
        return NotReached(message, hint=hint)
    if code in THROTTLED:
        return Unanswered("AWS throttled the request.", hint=LATER)
    if code in DENIED:
        return NotReached(
            f"AWS denied {operation}: {first_line}",
            hint="Ask for lambda:InvokeFunction and cloudformation:DescribeStacks.",
        )
    if operation == "DescribeStacks" and code == "ValidationError":
        return Failure(
            f"{first_line.rstrip('.')}.",
            hint="Deploy Headcount with 'sam deploy', or name its stack with --stack and its region with --region.",
        )
    if code == "ResourceNotFoundException":
        return Failure(
            f"The control function was not found: {first_line}",
            hint="Check --region, --stack, HEADCOUNT_CONTROL_FUNCTION.",
        )
    return Unanswered(f"AWS refused {operation} ({code}): {first_line}", hint=LATER)


def _of_exception(error: Exception, endpoint_url: str | None) -> Failure:
    names = {kind.__name__ for kind in type(error).__mro__}
    known = next((EXCEPTIONS[name] for name in EXCEPTIONS if name in names), None)
    if known:
        return NotReached(known[0], hint=known[1])
    if "ReadTimeoutError" in names:
        return Unanswered("AWS did not answer in time.", hint="See 'headcount events SERVICE' for what was done of it.")
    if names & UNREACHABLE:
        return _unreachable(endpoint_url)
    # Profile not found, a broken configuration file, an impossible region: the SDK says it in one line.
    first_line = (str(error).splitlines() or [type(error).__name__])[0]
    return Failure(first_line.rstrip(".") + ".", hint="Check --profile, --region and ~/.aws/config.")


def _unreachable(endpoint_url: str | None) -> Failure:
    chooser, address = _chosen(endpoint_url)
    if not address:
        return Unanswered("AWS could not be reached.", hint="Check the network and the region's name.")
    return Unanswered(
        f"Nothing answers at {without_password(address)}.",
        hint=f"Is the sandbox running ('headcount sandbox')? Check {chooser}.",
    )


def without_password(url: str) -> str:
    """The address without ``user:password@``."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rsplit('@', 1)[-1]}"
