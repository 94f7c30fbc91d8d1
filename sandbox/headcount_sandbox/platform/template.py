"""Reads a SAM template into a `Deployment`: AWS's own SAM transform, offline, then one reader a resource type.

Local folders of code and layers are written as s3 addresses before the transform, because it asks for such; `stack`
reads them back from there.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse
from yaml import YAMLError

from headcount_sandbox.errors import HeadcountSandboxError
from headcount_sandbox.platform.deployment import Deployment, Place
from headcount_sandbox.platform.parameters import parameter_values, reference
from headcount_sandbox.platform.resources import read_resources
from headcount_sandbox.platform.stack import Stack

_FOLDER_KEYS = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def read_template(
    path: Path, place: Place, *, stack_name: str = "headcount", parameters: Mapping[str, str] | None = None
) -> Deployment:
    """What the template at `path` deploys; raises `HeadcountSandboxError` for what the sandbox cannot run."""
    source = _load(path)
    declared = source.get("Parameters", {})
    values = parameter_values(declared, parameters or {})
    stack = Stack(
        name=stack_name,
        place=place,
        root=path.parent.resolve(),
        template=_transformed(source, path, place),
        parameters={name: reference(declared[name], value) for name, value in values.items()},
    )
    return read_resources(stack, values)


def template_parameters(path: Path) -> frozenset[str]:
    """The names of the parameters that the template has."""
    return frozenset(_load(path).get("Parameters", {}))


def _load(path: Path) -> dict[str, Any]:
    try:
        source = yaml_parse(path.read_text())  # type: ignore[no-untyped-call]  # the translator has no types here
    except OSError as error:
        raise HeadcountSandboxError(f"The template {path} cannot be read: {error.strerror}.") from error
    except (YAMLError, ValueError) as error:
        raise HeadcountSandboxError(f"The template {path} is not valid YAML: {error}") from error
    if not isinstance(source, dict) or not isinstance(source.get("Resources"), dict):
        raise HeadcountSandboxError(f"The template {path} has no Resources.")
    return source


def _transformed(source: dict[str, Any], path: Path, place: Place) -> dict[str, Any]:
    prepared = copy.deepcopy(source)
    for logical_id, resource in prepared["Resources"].items():
        _point_to_bucket(logical_id, resource)
    try:
        session = boto3.Session(region_name=place.region)
        translator = Translator({}, Parser(), boto_session=session)
        transformed: dict[str, Any] = translator.translate(prepared, {})
        translator.metrics.publish()  # to nobody; without it the translator warns
    except InvalidDocumentException as error:
        causes = "; ".join(str(cause.message) for cause in error.causes)
        raise HeadcountSandboxError(f"The template {path} is not valid SAM: {causes}") from error
    return transformed


def _point_to_bucket(logical_id: str, resource: dict[str, Any]) -> None:
    key = _FOLDER_KEYS.get(resource.get("Type", ""))
    if key is None:
        return
    folder = resource.get("Properties", {}).get(key)
    if not isinstance(folder, str):
        raise HeadcountSandboxError(f"{logical_id}: {key} must name a folder beside the template.")
    resource["Properties"][key] = f"s3://local-folder/{quote(folder, safe='')}"
