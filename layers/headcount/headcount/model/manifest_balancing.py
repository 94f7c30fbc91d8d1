"""The keys of a manifest for traffic and health: target groups, load balancers, grace, unhealthy tasks.

The tables say what each key may be by itself; what must hold between them stands in ``manifest_balancing_checks``.
"""

from operator import itemgetter

from headcount.model.manifest_balancing_bounds import (
    FUNCTION_ARN,
    FUNCTION_TARGET_GROUP,
    LOAD_BALANCER,
    RULES,
    TARGET_GROUP,
    TARGET_GROUP_ARN,
)
from headcount.model.manifest_bounds import CONTAINER_NAME
from headcount.model.manifest_kinds import Block, ListOf, OneOf, Seconds, Unsupported, Whole

MAXIMUM_TARGET_GROUPS = 5  # ECS's limit of a service
MAXIMUM_FUNCTION_TARGETS = 5
MAXIMUM_LOAD_BALANCERS = 5
LONGEST_GRACE = 2**31 - 1  # seconds, ECS's own bound
DAY = 86400
TARGET_ACTIONS = ("replace", "stopRouting", "ignore")

LOAD_BALANCERS = ListOf(
    maximum=MAXIMUM_TARGET_GROUPS,
    why="ECS allows 5 target groups a service",
    item=Block(
        required={"containerName": "", "containerPort": ""},
        fields={
            "targetGroupArn": TARGET_GROUP_ARN,
            "targetGroup": TARGET_GROUP,  # +
            "rules": RULES,  # +
            "containerName": CONTAINER_NAME,
            "containerPort": Whole(minimum=1, maximum=65535),
            "loadBalancerName": Unsupported(reason="Classic Load Balancers have no target groups"),
            "advancedConfiguration": Unsupported(reason="it is for blue/green deployments; deployments are rolling"),
        },
    ),
)
FUNCTION_TARGETS = ListOf(  # +
    maximum=MAXIMUM_FUNCTION_TARGETS,
    item=Block(
        required={"functionArn": "", "targetGroup": ""},
        fields={"functionArn": FUNCTION_ARN, "targetGroup": FUNCTION_TARGET_GROUP, "rules": RULES},
    ),
)
ELASTIC_LOAD_BALANCERS = ListOf(maximum=MAXIMUM_LOAD_BALANCERS, identity=itemgetter("name"), item=LOAD_BALANCER)  # +
GRACE = Whole(minimum=0, maximum=LONGEST_GRACE, why="seconds")
UNHEALTHY_TASKS = Block(  # +
    fields={
        "action": OneOf(values=TARGET_ACTIONS),
        "targetAction": OneOf(values=TARGET_ACTIONS),
        "afterSeconds": Seconds(minimum=0, maximum=DAY),
        "atOncePercent": Whole(minimum=1, maximum=100),
        "freezeAbovePercent": Whole(minimum=0, maximum=100),
    },
)
