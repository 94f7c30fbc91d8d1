"""Task definitions: those that a manifest names, and inline ones, which are registered once for each content.

A revision that Headcount registers carries the hash of its content and its service as tags, and is found again by them:
no record is needed, and revisions that people registered in the same family are never taken for its own.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from botocore.exceptions import ClientError

from headcount.aws.failures import error_code, error_message, translated
from headcount.model.manifest import Manifest
from headcount.model.problem import Problem
from headcount.model.values import dataclass

CONTENT_TAG, SERVICE_TAG = "headcount:content", "headcount:service"
REVISIONS_LOOKED_AT = 20  # of a family, newest first: those that no deployment uses are deregistered soon
TAG_VALUE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDefinition:
    """A task definition. ``arn`` is None for an inline one that would still have to be registered."""

    arn: str | None
    document: Mapping[str, Any]
    registered: bool = False


class TaskDefinitions:
    """ECS's task definitions, for a boto3 client. Problems are told with AWS's words."""

    def __init__(self, ecs: Any) -> None:
        self.ecs = ecs

    def find(
        self, manifest: Manifest, problems: list[Problem], retiring: Collection[str] = ()
    ) -> FoundDefinition | None:
        """What the manifest names or declares, but for inline ones that are ``retiring``; None after a problem."""
        try:
            with translated():
                inline = manifest.inline_task_definition
                if inline is None:
                    return self._named(manifest, problems)
                return self._registered(manifest, inline, retiring)
        except ClientError as error:
            problems.append(_told("ECS cannot describe it", manifest, error))
            return None

    def register(self, manifest: Manifest, problems: list[Problem]) -> str | None:
        """Register the inline task definition of a manifest: its ARN, or None after a problem."""
        inline = manifest.inline_task_definition or {}
        own = [
            {"key": CONTENT_TAG, "value": content_of(manifest)},
            {"key": SERVICE_TAG, "value": manifest.service[:TAG_VALUE]},
        ]
        try:
            with translated():
                answer = self.ecs.register_task_definition(**{**inline, "tags": [*inline.get("tags", ()), *own]})
        except ClientError as error:
            problems.append(_told("ECS does not register it", manifest, error))
            return None
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def _named(self, manifest: Manifest, problems: list[Problem]) -> FoundDefinition | None:
        name = manifest.task_definition
        document = self.ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
        if document.get("status") in (None, "ACTIVE"):
            return FoundDefinition(arn=document["taskDefinitionArn"], document=document)
        message = f"it is {document['status']}: only ACTIVE task definitions can be started"
        problems.append(Problem(path="taskDefinition", value=name, message=message))
        return None

    def _registered(self, manifest: Manifest, inline: Mapping[str, Any], retiring: Collection[str]) -> FoundDefinition:
        family, content = manifest.task_definition, content_of(manifest)
        revisions = self.ecs.list_task_definitions(
            familyPrefix=family, status="ACTIVE", sort="DESC", maxResults=REVISIONS_LOOKED_AT
        )
        for arn in (one for one in revisions["taskDefinitionArns"] if one not in retiring):
            answer = self.ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
            if {"key": CONTENT_TAG, "value": content} in answer.get("tags", ()):
                return FoundDefinition(arn=arn, document=answer["taskDefinition"], registered=True)
        return FoundDefinition(arn=None, document=inline, registered=True)


def content_of(manifest: Manifest) -> str:
    """A hash of an inline task definition and the service it is for: no two services share a revision."""
    text = json.dumps([manifest.service, manifest.inline_task_definition], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _told(what: str, manifest: Manifest, error: ClientError) -> Problem:
    message = f"{what}: {error_code(error)}: {error_message(error)}"
    return Problem(path="taskDefinition", value=manifest.task_definition, message=message)
