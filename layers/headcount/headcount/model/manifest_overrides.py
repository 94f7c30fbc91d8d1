"""``overrides``: RunTask's ``TaskOverride``, as far as Fargate takes it."""

import re

from headcount.model.manifest_kinds import Block, ListOf, OneOf, Text, Unsupported, Whole

MAXIMUM_OVERRIDES = 8192  # characters of JSON, AWS's limit for RunTask
MAXIMUM_CONTAINERS = 10  # of a task definition
MAXIMUM_ITEMS = 1000  # of a list; AWS's own limit is the size of the whole
MAXIMUM_UNITS = 2**31 - 1
ANY_TEXT = Text(allowed="a string")

ROLE_ARN = Text(
    allowed="the ARN of an IAM role (arn:aws:iam::<account>:role/<name>)",
    pattern=re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}", re.ASCII),
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
ENVIRONMENT_VARIABLE = Block(
    required={"name": "", "value": ""},
    fields={
        "name": Text(allowed="a variable's name, without =", pattern=re.compile(r"[^=\0]+")),
        "value": ANY_TEXT,
    },
)
ENVIRONMENT_FILE = Block(
    required={"value": "", "type": ""},
    fields={
        "value": Text(
            allowed="the ARN of an object in S3", pattern=re.compile(r"arn:aws[a-z-]*:s3:::[^/\s]+/\S+", re.ASCII)
        ),
        "type": OneOf(values=("s3",)),
    },
)
CONTAINER_OVERRIDE = Block(
    required={"name": "AWS has to know which container"},
    fields={
        "name": CONTAINER_NAME,
        "command": ListOf(maximum=MAXIMUM_ITEMS, item=ANY_TEXT),
        "environment": ListOf(maximum=MAXIMUM_ITEMS, item=ENVIRONMENT_VARIABLE),
        "environmentFiles": ListOf(maximum=10, item=ENVIRONMENT_FILE),
        "cpu": Whole(minimum=0, maximum=MAXIMUM_UNITS),
        "memory": Whole(minimum=4, maximum=MAXIMUM_UNITS, why="MiB"),
        "memoryReservation": Whole(minimum=4, maximum=MAXIMUM_UNITS, why="MiB"),
        "resourceRequirements": Unsupported(reason="Fargate has no GPUs or other accelerators"),
    },
)
TASK_OVERRIDE = Block(
    fields={
        "containerOverrides": ListOf(maximum=MAXIMUM_CONTAINERS, item=CONTAINER_OVERRIDE),
        "cpu": TASK_CPU,
        "memory": TASK_MEMORY,
        "executionRoleArn": ROLE_ARN,
        "taskRoleArn": ROLE_ARN,
        "ephemeralStorage": Block(
            required={"sizeInGiB": ""}, fields={"sizeInGiB": Whole(minimum=21, maximum=200, why="GiB")}
        ),
        "inferenceAcceleratorOverrides": Unsupported(reason="Fargate has no GPUs or other accelerators"),
    },
)
