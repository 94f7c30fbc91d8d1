"""Where a service of ECS is read from: ECS itself, or a file with the output of ``aws ecs describe-services``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headcount_cli.aws_failures import explained
from headcount_cli.connection import Connection, aws_clients
from headcount_cli.control_client import Document
from headcount_cli.documents import UnreadableDocument, read_documents
from headcount_cli.failures import BadInput, Failure

DESCRIBE = "aws ecs describe-services --cluster CLUSTER --services NAME --include TAGS"


def from_ecs(connection: Connection, cluster: str, name: str) -> tuple[Document, Document | None]:
    """The service and its task definition, from ECS. Needs ecs:DescribeServices and ecs:DescribeTaskDefinition."""
    with explained(connection.endpoint_url):
        ecs = aws_clients(connection)("ecs")
        answer = ecs.describe_services(cluster=cluster, services=[name], include=["TAGS"])
        if not answer["services"]:
            reasons = ", ".join(str(failure.get("reason")) for failure in answer.get("failures", []))
            raise Failure(
                f"ECS has no service {name} in cluster {cluster} ({reasons or 'no reason given'}).",
                hint="Check --cluster, --region and --profile.",
            )
        service: Document = answer["services"][0]
        definition = service.get("taskDefinition")
        described = ecs.describe_task_definition(taskDefinition=definition) if definition else {}
        return service, described.get("taskDefinition")


def from_file(file: Path, name: str | None) -> Document:
    """The service of that name in a file; the only one where none is named. Raises ``BadInput``."""
    try:
        documents = read_documents(file)
    except UnreadableDocument as unreadable:
        raise BadInput(f"{unreadable}.", hint=f"Write it with: {DESCRIBE}") from None
    services = [service for document in documents for service in _services(document.content)]
    if not services:
        raise BadInput(f"{file} describes no service.", hint=f"Write it with: {DESCRIBE}")
    names = [str(service.get("serviceName")) for service in services]
    if name is None and len(services) == 1:
        return services[0]
    if name is None or name not in names:
        wrong = f"{file} describes {len(services)} services" if name is None else f"{file} does not describe {name}"
        raise BadInput(f"{wrong}: {', '.join(names)}.", hint="Name one with --from-ecs-service NAME.")
    return services[names.index(name)]


def _services(content: Any) -> Sequence[Document]:
    """Of the whole answer, of a list, or of one service by itself."""
    found = content.get("services", [content]) if isinstance(content, Mapping) else content
    found = found if isinstance(found, list) else []
    return [one for one in found if isinstance(one, dict) and "serviceName" in one]
