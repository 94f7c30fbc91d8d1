"""Every key of a manifest: what this version honours, and what it refuses and why. The tables are the specification.

Names, nesting and bounds are those of ECS's ``CreateService`` and ``RunTask``; keys that AWS does not have are marked
``+``. A test compares the tables with botocore's service model, so that a field that AWS adds is either honoured or
refused by name, never unknown.
"""

import re
from operator import itemgetter

from headcount.model.manifest import MAXIMUM_TASKS, SCALE_IN_RULES
from headcount.model.manifest_balancing import (
    ELASTIC_LOAD_BALANCERS,
    FUNCTION_TARGETS,
    GRACE,
    LOAD_BALANCERS,
    UNHEALTHY_TASKS,
)
from headcount.model.manifest_bounds import (
    INLINE_TASK_DEFINITION,
    PLACEMENT_CONSTRAINTS,
    PLACEMENT_STRATEGY,
    TAGS,
    TASK_OVERRIDE,
    VOLUME_CONFIGURATIONS,
)
from headcount.model.manifest_kinds import Block, Flag, Kind, ListOf, NameOr, OneOf, Seconds, Text, Unsupported, Whole
from headcount.model.manifest_scaling import SCALING
from headcount.model.names import MAXIMUM_NAME

MAXIMUM_PROVIDERS = 20  # of a capacityProviderStrategy
MAXIMUM_FALLBACKS = 10
MAXIMUM_ZONES = 10
MAXIMUM_SUBNETS = 16
MAXIMUM_SECURITY_GROUPS = 5
LARGEST_MAXIMUM_PERCENT = 1000  # AWS documents no bound; ten times the service at once is a slip of the finger
NATIVE_SERVICE = "NativeService"
DAY = 86400
YEAR = 365 * DAY

_ARN = r"arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}"
_NO_SERVICE_CONNECT = "Service Connect works only for tasks of native ECS services"
_ONLY_ROLLING = "deployments are rolling updates"


def _subset(prefix: str) -> re.Pattern[str]:
    return re.compile(rf"{prefix}-[a-z0-9][a-z0-9-]{{0,62}}", re.ASCII)


CLUSTER = Text(
    allowed="a cluster's name (1 to 255 of A-Z a-z 0-9 _ -) or its ARN",
    pattern=re.compile(rf"(?:{_ARN}:cluster/)?(?P<value>[A-Za-z0-9_-]{{1,255}})", re.ASCII),
)
SERVICE_NAME = Text(
    allowed=f"1 to {MAXIMUM_NAME} of A-Z a-z 0-9 _ - (a task group, headcount:<serviceName>, has at most 255 in all)",
    pattern=re.compile(rf"[A-Za-z0-9_-]{{1,{MAXIMUM_NAME}}}", re.ASCII),
)
TASK_DEFINITION = NameOr(
    name=Text(
        allowed="family, family:revision or a task definition's ARN (family: 1 to 255 of A-Z a-z 0-9 _ -)",
        pattern=re.compile(rf"(?:{_ARN}:task-definition/)?[A-Za-z0-9_-]{{1,255}}(?::[1-9][0-9]{{0,9}})?", re.ASCII),
    ),
    mapping=INLINE_TASK_DEFINITION,
)
COUNT = Whole(minimum=0, maximum=MAXIMUM_TASKS, why=f"ECS allows {MAXIMUM_TASKS} tasks a service")
LAUNCH_TYPE = OneOf(
    values=("FARGATE", "EC2"),
    refused={
        "EXTERNAL": "ECS Anywhere instances report no zones, no draining and no capacity that could be acted on",
        "MANAGED_INSTANCES": "AWS replaces ECS Managed Instances on a schedule of its own, which is not followed yet",
    },
)
CAPACITY_PROVIDER = Text(
    allowed="FARGATE, FARGATE_SPOT or a capacity provider of the cluster (1 to 255 of A-Z a-z 0-9 _ -)",
    pattern=re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII),
)
CAPACITY_PROVIDER_STRATEGY = ListOf(
    minimum=1,
    maximum=MAXIMUM_PROVIDERS,
    identity=itemgetter("capacityProvider"),
    item=Block(
        required={"capacityProvider": ""},
        fields={
            "capacityProvider": CAPACITY_PROVIDER,
            "weight": Whole(minimum=0, maximum=1000),
            "base": Whole(minimum=0, maximum=100_000),
        },
    ),
)
CAPACITY_FALLBACK = ListOf(  # +
    maximum=MAXIMUM_FALLBACKS,
    item=Block(
        fields={
            "capacityProvider": CAPACITY_PROVIDER,
            "launchType": LAUNCH_TYPE,
            "availabilityZones": ListOf(
                minimum=1,
                maximum=MAXIMUM_ZONES,
                identity=str,
                item=Text(
                    allowed="the name of an Availability Zone, such as eu-central-1a",
                    pattern=re.compile(r"[a-z]{2}(?:-[a-z0-9]+){2,5}", re.ASCII),
                ),
            ),
        },
    ),
)
CAPACITY_RETURN = Block(  # +
    fields={
        "afterSeconds": Seconds(minimum=10, maximum=7 * DAY),
        "atOncePercent": Whole(minimum=1, maximum=100),
    },
)
MAXIMUM_AGE = Block(  # +
    required={"seconds": ""},
    fields={
        "seconds": Seconds(minimum=60, maximum=YEAR),
        "jitterPercent": Whole(minimum=0, maximum=90),
    },
)
NETWORK_CONFIGURATION = Block(
    required={"awsvpcConfiguration": ""},
    fields={
        "awsvpcConfiguration": Block(
            required={"subnets": "they decide the Availability Zones"},
            fields={
                "subnets": ListOf(
                    minimum=1,
                    maximum=MAXIMUM_SUBNETS,
                    identity=str,
                    item=Text(allowed="a subnet id (subnet-...)", pattern=_subset("subnet")),
                ),
                "securityGroups": ListOf(
                    maximum=MAXIMUM_SECURITY_GROUPS,
                    identity=str,
                    item=Text(allowed="a security group id (sg-...)", pattern=_subset("sg")),
                ),
                "assignPublicIp": OneOf(values=("ENABLED", "DISABLED")),
            },
        ),
    },
)
DEPLOYMENT_CONFIGURATION = Block(
    fields={
        "minimumHealthyPercent": Whole(minimum=0, maximum=100),
        "maximumPercent": Whole(
            minimum=100, maximum=LARGEST_MAXIMUM_PERCENT, why="below 100 percent desiredCount itself would not fit"
        ),
        "strategy": OneOf(
            values=("ROLLING",), refused=dict.fromkeys(("BLUE_GREEN", "LINEAR", "CANARY"), _ONLY_ROLLING)
        ),
        "deploymentCircuitBreaker": Unsupported(reason="deployments are not failed or rolled back yet"),
        "alarms": Unsupported(reason="deployments are not rolled back on alarms yet"),
        "bakeTimeInMinutes": Unsupported(reason=f"{_ONLY_ROLLING} without a bake time"),
        "earlySuccessCriteria": Unsupported(reason="a deployment is complete when every task is replaced"),
        "lifecycleHooks": Unsupported(reason="deployments call no hooks"),
        "linearConfiguration": Unsupported(reason=_ONLY_ROLLING),
        "canaryConfiguration": Unsupported(reason=_ONLY_ROLLING),
    },
)
RESTARTS = Block(  # +
    fields={
        "initialSeconds": Seconds(minimum=0, maximum=DAY),
        "maximumSeconds": Seconds(minimum=0, maximum=DAY),
        "resetAfterSeconds": Seconds(minimum=0, maximum=DAY),
    },
)
DEADLINES = Block(  # +
    fields={
        "provisioningSeconds": Seconds(minimum=5, maximum=DAY),
        "pendingSeconds": Seconds(minimum=5, maximum=DAY),
        "activatingSeconds": Seconds(minimum=5, maximum=DAY),
        "stoppingSeconds": Seconds(minimum=5, maximum=DAY),
        "disconnectedSeconds": Seconds(minimum=5, maximum=DAY),
    },
)
SCALE_IN = Block(  # +
    required={"prefer": ""},
    fields={
        "prefer": ListOf(
            minimum=1, maximum=len(SCALE_IN_RULES), identity=str, item=OneOf(values=tuple(SCALE_IN_RULES))
        ),
    },
)
_HONOURED: dict[str, Kind] = {
    "kind": OneOf(
        values=("Service", NATIVE_SERVICE),
        refused={"Job": "it keeps services, not jobs"},
    ),
    "cluster": CLUSTER,
    "serviceName": SERVICE_NAME,
    "taskDefinition": TASK_DEFINITION,
    "desiredCount": COUNT,
    "launchType": LAUNCH_TYPE,
    "capacityProviderStrategy": CAPACITY_PROVIDER_STRATEGY,
    "capacityFallback": CAPACITY_FALLBACK,
    "capacityReturn": CAPACITY_RETURN,
    "placementStrategy": PLACEMENT_STRATEGY,
    "placementConstraints": PLACEMENT_CONSTRAINTS,
    "platformVersion": Text(
        allowed="LATEST or a version such as 1.4.0", pattern=re.compile(r"LATEST|1\.[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)
    ),
    "networkConfiguration": NETWORK_CONFIGURATION,
    "loadBalancers": LOAD_BALANCERS,
    "functionTargets": FUNCTION_TARGETS,
    "elasticLoadBalancers": ELASTIC_LOAD_BALANCERS,
    "healthCheckGracePeriodSeconds": GRACE,
    "unhealthyTasks": UNHEALTHY_TASKS,
    "deploymentConfiguration": DEPLOYMENT_CONFIGURATION,
    "restarts": RESTARTS,
    "availabilityZoneRebalancing": OneOf(values=("ENABLED", "DISABLED")),
    "availabilityZoneSpread": OneOf(values=("BEST_EFFORT", "STRICT")),
    "deadlines": DEADLINES,
    "maximumAge": MAXIMUM_AGE,
    "scaleIn": SCALE_IN,
    "scaling": SCALING,
    "enableExecuteCommand": Flag(),
    "enableECSManagedTags": Flag(),
    "propagateTags": OneOf(
        values=("NONE", "TASK_DEFINITION"),
        refused={"SERVICE": "RunTask refuses it; put the tags under tags, every task gets them"},
    ),
    "tags": TAGS,
    "overrides": TASK_OVERRIDE,
    "volumeConfigurations": VOLUME_CONFIGURATIONS,
}

# Fields of AWS of which one value is what Headcount does anyway: that value may stand, and changes nothing.
_ONE_VALUE: dict[str, Kind] = {
    "schedulingStrategy": OneOf(
        values=("REPLICA",), refused={"DAEMON": "it keeps a number of tasks, not one on every container instance"}
    ),
    "deploymentController": Block(
        required={"type": ""},
        fields={
            "type": OneOf(
                values=("ECS",),
                refused={"CODE_DEPLOY": _ONLY_ROLLING, "EXTERNAL": "task sets are not handed to other controllers"},
            )
        },
    ),
}

_REFUSED: dict[str, Kind] = {
    "serviceRegistries": Unsupported(reason="tasks are not registered in Cloud Map"),
    "serviceConnectConfiguration": Unsupported(reason=_NO_SERVICE_CONNECT),
    "gatewayConnectors": Unsupported(reason="gateway connectors belong to native ECS services"),
    "vpcLatticeConfigurations": Unsupported(reason="tasks are not registered with VPC Lattice"),
    "monitoring": Unsupported(reason="ECS publishes service metrics only for native ECS services"),
    "role": Unsupported(reason="it is for load balancers of services without awsvpc"),
    "clientToken": Unsupported(reason="Headcount makes a token for every launch"),
    "forceNewDeployment": Unsupported(reason="it is an act, not a state; change taskDefinition or a tag"),
    "networkMode": Unsupported(reason="it belongs to the task definition"),
    "count": Unsupported(reason="use desiredCount"),
    "group": Unsupported(reason="Headcount puts every task into the group headcount:<serviceName>"),
    "startedBy": Unsupported(reason="Headcount writes there which launch a task belongs to"),
    "referenceId": Unsupported(reason="Headcount names its launches itself"),
}

SERVICE = Block(
    required={"cluster": "", "serviceName": "", "taskDefinition": ""},
    fields={**_HONOURED, **_ONE_VALUE, **_REFUSED},
)
