"""Every key of a manifest: what this version honours, and what it refuses and why. The tables are the specification.

Names, nesting and bounds are those of ECS's ``CreateService`` and ``RunTask``; keys that AWS does not have are marked
``+``. A test compares the tables with botocore's service model, so that a field that AWS adds is either honoured or
refused by name, never unknown.
"""

import re
from operator import itemgetter

from headcount.model.manifest import MAXIMUM_NAME, MAXIMUM_TASKS, SCALE_IN_RULES
from headcount.model.manifest_kinds import Block, Flag, Kind, ListOf, OneOf, Seconds, Text, Unsupported, Whole
from headcount.model.manifest_overrides import TASK_OVERRIDE

MAXIMUM_TAGS = 50 - 3  # AWS allows 50 a task; headcount:service, headcount:deployment and headcount:install are three
MAXIMUM_SUBNETS = 16
MAXIMUM_SECURITY_GROUPS = 5
LARGEST_MAXIMUM_PERCENT = 1000  # AWS documents no bound; ten times the service at once is a slip of the finger
DAY = 86400

_ARN = r"arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}"
_TAG_TEXT = r"(?:[\w.:/=+@-]|[^\S\t-\r\x1c-\x1f\x85])"  # AWS: letters, digits, separators and _.:/=+-@
_NO_LOAD_BALANCING = "Headcount does not register tasks with load balancers yet"
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
TASK_DEFINITION = Text(
    allowed="family, family:revision or a task definition's ARN (family: 1 to 255 of A-Z a-z 0-9 _ -)",
    pattern=re.compile(rf"(?:{_ARN}:task-definition/)?[A-Za-z0-9_-]{{1,255}}(?::[1-9][0-9]{{0,9}})?", re.ASCII),
    no_mapping="inline task definitions; register it with `aws ecs register-task-definition` and name it here",
)
LAUNCH_TYPE = OneOf(
    values=("FARGATE",),
    refused={
        "EC2": "it does not place tasks on container instances yet",
        "EXTERNAL": "it does not place tasks on ECS Anywhere instances",
        "MANAGED_INSTANCES": "ECS Managed Instances take tasks only through a capacity provider of your own",
    },
)
CAPACITY_PROVIDER_STRATEGY = ListOf(
    minimum=1,
    maximum=1,
    why="more than one is not supported by this version of Headcount: it does not divide tasks between providers yet",
    item=Block(
        required={"capacityProvider": ""},
        fields={
            "capacityProvider": OneOf(
                values=("FARGATE", "FARGATE_SPOT"), others="capacity providers of your own stand on container instances"
            ),
            "weight": Whole(minimum=1, maximum=1000, why="with a weight of 0 nothing is ever started"),
            "base": Whole(minimum=0, maximum=0, why="a base means something only with several providers"),
        },
    ),
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
TAGS = ListOf(
    maximum=MAXIMUM_TAGS,
    why="AWS allows 50 and Headcount adds three",
    identity=itemgetter("key"),
    item=Block(
        required={"key": ""},
        fields={
            "key": Text(
                allowed="1 to 128 letters, digits, spaces and _ . : / = + - @, not beginning with aws: or headcount:",
                pattern=re.compile(rf"(?!(?i:aws:|headcount:)){_TAG_TEXT}{{1,128}}"),
            ),
            "value": Text(
                allowed="0 to 256 letters, digits, spaces and _ . : / = + - @",
                pattern=re.compile(rf"{_TAG_TEXT}{{0,256}}"),
            ),
        },
    ),
)

_HONOURED: dict[str, Kind] = {
    "kind": OneOf(
        values=("Service",),
        refused={"Job": "it keeps services, not jobs", "NativeService": "it does not scale native ECS services"},
    ),
    "cluster": CLUSTER,
    "serviceName": SERVICE_NAME,
    "taskDefinition": TASK_DEFINITION,
    "desiredCount": Whole(minimum=0, maximum=MAXIMUM_TASKS, why=f"ECS allows {MAXIMUM_TASKS} tasks a service"),
    "launchType": LAUNCH_TYPE,
    "capacityProviderStrategy": CAPACITY_PROVIDER_STRATEGY,
    "platformVersion": Text(
        allowed="LATEST or a version such as 1.4.0", pattern=re.compile(r"LATEST|1\.[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)
    ),
    "networkConfiguration": NETWORK_CONFIGURATION,
    "deploymentConfiguration": DEPLOYMENT_CONFIGURATION,
    "restarts": RESTARTS,
    "deadlines": DEADLINES,
    "scaleIn": SCALE_IN,
    "enableExecuteCommand": Flag(),
    "enableECSManagedTags": Flag(),
    "propagateTags": OneOf(
        values=("NONE", "TASK_DEFINITION"),
        refused={"SERVICE": "RunTask refuses it; put the tags under tags, every task gets them"},
    ),
    "tags": TAGS,
    "overrides": TASK_OVERRIDE,
}

# Fields of AWS of which one value is what Headcount does anyway: that value may stand, and changes nothing.
_ONE_VALUE: dict[str, Kind] = {
    "schedulingStrategy": OneOf(
        values=("REPLICA",), refused={"DAEMON": "one task per container instance means nothing on Fargate"}
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
    "availabilityZoneRebalancing": OneOf(
        values=("DISABLED",), refused={"ENABLED": "running tasks are not moved between zones; new ones are spread"}
    ),
}

_REFUSED: dict[str, Kind] = {
    "loadBalancers": Unsupported(reason=_NO_LOAD_BALANCING),
    "healthCheckGracePeriodSeconds": Unsupported(reason=_NO_LOAD_BALANCING),
    "unhealthyTasks": Unsupported(reason="unhealthy tasks are not replaced yet, only stopped ones"),
    "scaling": Unsupported(reason="desired counts are set by `headcount scale` and apply, not by policies yet"),
    "capacityFallback": Unsupported(reason="there is one capacity provider and no fallback yet"),
    "serviceRegistries": Unsupported(reason="tasks are not registered in Cloud Map"),
    "serviceConnectConfiguration": Unsupported(reason=_NO_SERVICE_CONNECT),
    "gatewayConnectors": Unsupported(reason="gateway connectors belong to native ECS services"),
    "vpcLatticeConfigurations": Unsupported(reason="tasks are not registered with VPC Lattice"),
    "volumeConfigurations": Unsupported(reason="EBS volumes are not attached to tasks yet"),
    "placementConstraints": Unsupported(reason="Fargate takes none; they are for container instances"),
    "placementStrategy": Unsupported(reason="Fargate takes none; Headcount spreads tasks over the subnets' zones"),
    "monitoring": Unsupported(reason="ECS publishes service metrics only for native ECS services"),
    "role": Unsupported(reason="it is for load balancers of services without awsvpc"),
    "clientToken": Unsupported(reason="Headcount makes a token for every launch"),
    "forceNewDeployment": Unsupported(reason="it is an act, not a state; change taskDefinition or a tag"),
    "networkMode": Unsupported(
        reason="it belongs to the task definition, and on Fargate it is awsvpc, not bridge or host"
    ),
    "count": Unsupported(reason="use desiredCount"),
    "group": Unsupported(reason="Headcount puts every task into the group headcount:<serviceName>"),
    "startedBy": Unsupported(reason="Headcount writes there which launch a task belongs to"),
    "referenceId": Unsupported(reason="Headcount names its launches itself"),
}

SERVICE = Block(
    required={
        "cluster": "",
        "serviceName": "",
        "taskDefinition": "",
        "desiredCount": "",
        "networkConfiguration": "Fargate tasks have network mode awsvpc, never bridge or host",
    },
    fields={**_HONOURED, **_ONE_VALUE, **_REFUSED},
)
