"""A function in a fresh interpreter, as Lambda would start it, and bare boto3 with the same clients."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.measurement import NotMeasured

ROOT = Path(__file__).parents[1]
CLIENTS: dict[str, tuple[str, ...]] = {
    "observe_tasks": ("dynamodb", "sqs"),
    "reconcile_service": ("dynamodb", "ecs", "events", "sqs"),
    "audit_clusters": ("dynamodb", "ecs", "sqs"),
    "wake_services": ("dynamodb", "sqs"),
    "keep_load_balancers": ("dynamodb", "sqs"),
    "decide_scaling": ("dynamodb", "sqs"),
    "control": ("dynamodb", "ec2", "ecs", "sqs"),
}
FUNCTION = "import app"
_BARE = """
import boto3
from botocore.config import Config
patience = Config(connect_timeout=2, read_timeout=5, retries={{"mode": "standard", "total_max_attempts": 2}})
for service in {clients!r}:
    boto3.client(service, config=patience)
"""


def boto3_alone(name: str) -> str:
    """A program that makes the clients of a function, and nothing else."""
    return _BARE.format(clients=CLIENTS[name])


def python(name: str, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a program as the function ``name`` would be run: its folder first on the path, its environment."""
    done = subprocess.run(
        [sys.executable, *options, "-c", program],
        cwd=ROOT / "functions" / name,
        env=_environment(name),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotMeasured(f"{name} does not start: {done.stderr.strip().splitlines()[-1]}")
    return done


def _environment(name: str) -> Mapping[str, str]:
    """What Lambda and the template give a function; credentials from the environment, as on Lambda."""
    queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/bench"
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT / "layers" / "headcount"),
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "HEADCOUNT_TABLE": "bench",
        "HEADCOUNT_INSTALL": "main",
        "HEADCOUNT_CLUSTERS": "bench",
        "HEADCOUNT_RECONCILE_QUEUE_URL": f"{queue}.fifo",
        "HEADCOUNT_TIMER_QUEUE_URL": queue,
        "HEADCOUNT_BALANCER_FUNCTION": "bench-KeepLoadBalancers",
        "HEADCOUNT_SCALING_FUNCTION": "bench-DecideScaling",
        "HEADCOUNT_SCHEDULE_GROUP": "bench",
        "HEADCOUNT_SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/bench",
        "HEADCOUNT_EVENT_DEAD_LETTERS_ARN": "arn:aws:sqs:eu-west-1:123456789012:bench",
        "POWERTOOLS_SERVICE_NAME": name,
        "POWERTOOLS_METRICS_NAMESPACE": "Headcount",
    }
