"""Loops of functions, which Lambda stops after sixteen rounds unless a function says that they are meant.

Lambda follows invocations through SQS and through its own API (developer guide, recursive loop detection); the SDK
hands the lineage on by itself. Timers and kicks go round as long as a service is not steady: the loops are the design.
"""

from collections import defaultdict

import pytest


@pytest.fixture(scope="module")
def calls(of_type, statements):
    """Which function may bring about an invocation of which: through a queue, or directly."""
    fed = defaultdict(set)
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        fed[mapping["EventSourceArn"]["Fn::GetAtt"][0]].add(mapping["FunctionName"]["Ref"])
    graph = defaultdict(set)
    for statement in statements:
        caller = statement.role.removesuffix("Role")
        for resource in statement.resources:
            name = resource["Fn::GetAtt"][0] if isinstance(resource, dict) and "Fn::GetAtt" in resource else None
            if "sqs:SendMessage" in statement.actions:
                graph[caller] |= fed.get(name, set())
            if "lambda:InvokeFunction" in statement.actions and name in of_type("AWS::Lambda::Function"):
                graph[caller].add(name)
    return graph


def test_functions_that_lead_to_themselves_say_that_they_are_meant_to(of_type, calls):
    functions = of_type("AWS::Lambda::Function")
    looping = {name for name in functions if name in _reached(calls, name)}
    assert "ReconcileService" in looping, "a pass kicks its service again"
    assert {name for name, one in functions.items() if one.get("RecursiveLoop") == "Allow"} == looping


def _reached(calls, name):
    """Everything that a function brings about, directly or by others."""
    reached, ahead = set(), [name]
    while ahead:
        new = calls[ahead.pop()] - reached
        reached |= new
        ahead += new
    return reached
