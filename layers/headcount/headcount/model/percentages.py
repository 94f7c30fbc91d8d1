"""What minimum healthy percent and maximum percent mean in tasks: integers only, never floats.

Source: ECS API, DeploymentConfiguration. ECS's pages differ on whether stopping tasks count towards the maximum; here
they do, which is the stricter reading.
"""


def minimum_healthy(desired: int, percent: int) -> int:
    """The least number of healthy tasks that a deployment may leave: rounded up."""
    return -(-desired * percent // 100)


def maximum_total(desired: int, percent: int) -> int:
    """The greatest number of tasks, stopping ones counted: rounded down."""
    return desired * percent // 100
