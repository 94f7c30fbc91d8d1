"""Writes what CloudFormation would create, for the analysers: `python -m unit.template.analysers.deployed <folder>`.

Resolved, because analysers skip what they cannot read: checkov passes over every policy with an `Fn::If` in it, so over
those of the two functions that may do most.
"""

import json
import sys
from pathlib import Path

from headcount_sandbox.platform.deployment import Place
from unit.template.iam import ResolvedTemplate

ROOT = Path(__file__).parents[4]
PARAMETERS = {
    "Clusters": "prod,staging",
    "PassableRoles": "arn:aws:iam::123456789012:role/task,arn:aws:iam::123456789012:role/execution",
    "AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:operators",
    "ManageLoadBalancers": "true",
    "ScalingFunctions": "arn:aws:lambda:eu-west-1:123456789012:function:headcount-scaling-*",
}
PLACE = Place(account="123456789012", region="eu-west-1", endpoint_url="https://aws.example")


def write(folder: Path) -> None:
    """`template.json`, and `policies/<role>.json` for each role."""
    template = ResolvedTemplate(ROOT / "template.yaml", PARAMETERS, PLACE)
    (folder / "policies").mkdir(parents=True, exist_ok=True)
    resources = {
        name: {"Type": one.type, "Properties": dict(one.properties)} for name, one in template.resources.items()
    }
    document = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    (folder / "template.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    for role, policy in template.policies():
        (folder / "policies" / f"{role}.json").write_text(json.dumps(policy, indent=1), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
