"""What AWS documents of the shapes that a manifest passes on, and botocore's model of them does not say."""

import re
from collections.abc import Mapping
from operator import itemgetter

from headcount.model.manifest_kinds import Block, Kind, ListOf, OneOf, Text, Unsupported, Whole
from headcount.model.manifest_shapes import MAXIMUM_ITEMS, Beyond, Shaped

MAXIMUM_TAGS = 50 - 3  # AWS allows 50 a task; headcount:service, headcount:deployment and headcount:install are three
MAXIMUM_DEFINITION_TAGS = 50 - 2  # of a task definition; headcount:service and headcount:content are two
MAXIMUM_OVERRIDES = 8192  # characters of JSON, AWS's limit for RunTask
MAXIMUM_DEFINITION = 64 * 1024  # characters of JSON, AWS's limit of a task definition
MAXIMUM_CONTAINERS = 10  # of a task definition
MAXIMUM_CONSTRAINTS = 10  # of a task; those of its definition count as well
MAXIMUM_STRATEGIES = 5
LARGEST_VOLUME = 16384  # GiB
MAXIMUM_UNITS = 2**31 - 1

_TAG_TEXT = r"(?:[\w.:/=+@-]|[^\S\t-\r\x1c-\x1f\x85])"  # AWS: letters, digits, separators and _.:/=+-@
_ELASTIC_INFERENCE = "AWS has ended Elastic Inference"

ANY_TEXT = Text(allowed="a string")
ROLE_ARN = Text(
    allowed="the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)",
    pattern=re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}", re.ASCII),
)
ROLE = Text(
    allowed="an IAM role's name or ARN",
    pattern=re.compile(r"(?:arn:aws[a-z-]*:iam::[0-9]{12}:role/)?[\w+=,.@/-]{1,576}", re.ASCII),
)
FAMILY = Text(
    allowed="a task definition's family (1 to 255 of A-Z a-z 0-9 _ -)",
    pattern=re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII),
)
CONTAINER_NAME = Text(
    allowed="a container's name (1 to 255 of A-Z a-z 0-9 _ -)", pattern=re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)
)
TASK_CPU = Text(
    allowed='CPU units or vCPUs in quotes, such as "256" or "0.25 vCPU"',
    pattern=re.compile(r"[1-9][0-9]{1,5}|[0-9]{0,3}\.?[0-9]{1,3} ?v[Cc][Pp][Uu]", re.ASCII),
)
TASK_MEMORY = Text(
    allowed='MiB or GB in quotes, such as "512" or "0.5 GB"',
    pattern=re.compile(r"[1-9][0-9]{1,6}|[0-9]{0,3}\.?[0-9]{1,3} ?[Gg][Bb]", re.ASCII),
)
EXPRESSION = Text(
    allowed="an expression of ECS's cluster query language, 1 to 2000 characters", pattern=re.compile(r"(?s:.{1,2000})")
)
TAG = Block(
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
)
TAGS = ListOf(maximum=MAXIMUM_TAGS, why="AWS allows 50 and Headcount adds three", identity=itemgetter("key"), item=TAG)

_UNITS: dict[str, Kind] = {
    "name": CONTAINER_NAME,
    "cpu": Whole(minimum=0, maximum=MAXIMUM_UNITS),
    "memory": Whole(minimum=4, maximum=MAXIMUM_UNITS, why="MiB"),
    "memoryReservation": Whole(minimum=4, maximum=MAXIMUM_UNITS, why="MiB"),
}
_PORT = Whole(minimum=0, maximum=65535)

BEYOND: Mapping[str, Beyond] = {
    # what several requests share
    "KeyValuePair": Beyond(
        required={"name": "", "value": ""},
        fields={"name": Text(allowed="a variable's name, without =", pattern=re.compile(r"[^=\0]+"))},
    ),
    "EnvironmentFiles": Beyond(maximum=10),
    "EnvironmentFile": Beyond(
        fields={
            "value": Text(
                allowed="the ARN of an object in S3", pattern=re.compile(r"arn:aws[a-z-]*:s3:::[^/\s]+/\S+", re.ASCII)
            )
        }
    ),
    "EphemeralStorage": Beyond(fields={"sizeInGiB": Whole(minimum=21, maximum=200, why="GiB")}),
    "ResourceRequirement": Beyond(
        fields={"type": OneOf(values=("GPU", "NeuronDevice"), refused={"InferenceAccelerator": _ELASTIC_INFERENCE})}
    ),
    "Tags": Beyond(identity=itemgetter("key")),
    "Tag": Beyond(required=TAG.required, fields=TAG.fields),
    # RunTask's overrides
    "TaskOverride": Beyond(
        fields={
            "cpu": TASK_CPU,
            "memory": TASK_MEMORY,
            "executionRoleArn": ROLE_ARN,
            "taskRoleArn": ROLE_ARN,
            "inferenceAcceleratorOverrides": Unsupported(reason=_ELASTIC_INFERENCE),
        }
    ),
    "ContainerOverrides": Beyond(maximum=MAXIMUM_CONTAINERS),
    "ContainerOverride": Beyond(required={"name": "AWS has to know which container"}, fields=_UNITS),
    # RunTask's placement
    "PlacementStrategies": Beyond(maximum=MAXIMUM_STRATEGIES),
    "PlacementStrategy": Beyond(required={"type": ""}),
    "PlacementConstraints": Beyond(maximum=MAXIMUM_CONSTRAINTS),
    "PlacementConstraint": Beyond(required={"type": ""}, fields={"expression": EXPRESSION}),
    # RunTask's volumes
    "TaskVolumeConfigurations": Beyond(maximum=1),
    "TaskVolumeConfiguration": Beyond(required={"managedEBSVolume": ""}),
    "TaskManagedEBSVolumeConfiguration": Beyond(
        fields={"roleArn": ROLE_ARN, "sizeInGiB": Whole(minimum=1, maximum=LARGEST_VOLUME, why="GiB")}
    ),
    "EBSTagSpecification": Beyond(
        fields={
            "propagateTags": OneOf(
                values=("TASK_DEFINITION", "NONE"), refused={"SERVICE": "only native ECS services have tags to copy"}
            )
        }
    ),
    # RegisterTaskDefinition
    "RegisterTaskDefinitionRequest": Beyond(
        optional=frozenset({"family"}),
        fields={
            "family": FAMILY,
            "cpu": TASK_CPU,
            "memory": TASK_MEMORY,
            "executionRoleArn": ROLE,
            "taskRoleArn": ROLE,
            "inferenceAccelerators": Unsupported(reason=_ELASTIC_INFERENCE),
            "tags": ListOf(
                maximum=MAXIMUM_DEFINITION_TAGS,
                why="AWS allows 50 and Headcount adds two",
                identity=itemgetter("key"),
                item=TAG,
            ),
        },
    ),
    "ContainerDefinitions": Beyond(minimum=1, maximum=MAXIMUM_CONTAINERS, identity=itemgetter("name")),
    "ContainerDefinition": Beyond(required={"name": "", "image": ""}, fields=_UNITS),
    "PortMapping": Beyond(fields={"containerPort": _PORT, "hostPort": _PORT}),
    "HealthCheck": Beyond(
        fields={
            "command": ListOf(minimum=1, maximum=MAXIMUM_ITEMS, item=ANY_TEXT),
            "interval": Whole(minimum=5, maximum=300, why="seconds"),
            "timeout": Whole(minimum=2, maximum=120, why="seconds"),
            "retries": Whole(minimum=1, maximum=10),
            "startPeriod": Whole(minimum=0, maximum=300, why="seconds"),
        }
    ),
    "VolumeList": Beyond(identity=itemgetter("name")),
    "Volume": Beyond(required={"name": ""}),
    "TaskDefinitionPlacementConstraints": Beyond(maximum=MAXIMUM_CONSTRAINTS),
    "TaskDefinitionPlacementConstraint": Beyond(
        required={"type": "", "expression": ""}, fields={"expression": EXPRESSION}
    ),
}

TASK_OVERRIDE = Shaped(shape="TaskOverride", beyond=BEYOND)
PLACEMENT_STRATEGY = Shaped(shape="PlacementStrategies", beyond=BEYOND)
PLACEMENT_CONSTRAINTS = Shaped(shape="PlacementConstraints", beyond=BEYOND)
VOLUME_CONFIGURATIONS = Shaped(shape="TaskVolumeConfigurations", beyond=BEYOND)
INLINE_TASK_DEFINITION = Shaped(shape="RegisterTaskDefinitionRequest", beyond=BEYOND)
