"""The example service of a sandbox: a task definition and a manifest that can be applied as they are."""

from pathlib import Path

from headcount_sandbox.sandbox import Sandbox

CONTAINER_PORT = 8080
LISTENER_PORT = 8000
_MANIFEST = """\
# Made by the sandbox for the network it has. Try: headcount apply -f {path}
kind: Service
cluster: {cluster}
serviceName: web
taskDefinition: web
desiredCount: {count}
launchType: FARGATE
networkConfiguration:
  awsvpcConfiguration:
    subnets: [{subnets}]
loadBalancers:
  - containerName: app
    containerPort: {container_port}
    targetGroup:  # declared, so Headcount makes it and keeps it so
      name: web
      protocol: HTTP
      port: {container_port}
      vpcId: {vpc}
      targetType: ip
      healthCheckPath: /
      healthCheckIntervalSeconds: 5
      healthCheckTimeoutSeconds: 2
      healthyThresholdCount: 2
      targetGroupAttributes:
        - {{key: deregistration_delay.timeout_seconds, value: "2"}}  # by default 300: each stop waits for it
elasticLoadBalancers:
  - name: web
    type: application
    scheme: internal
    subnets: [{subnets}]
    listeners:
      - port: {listener_port}
        protocol: HTTP
        defaultActions:
          - {{type: forward, targetGroup: web}}
healthCheckGracePeriodSeconds: 60
"""


def prepare_example(sandbox: Sandbox, folder: Path, *, count: int = 3, listener_port: int = LISTENER_PORT) -> Path:
    """Register the task definition ``web`` and write ``web.yaml`` for it; the manifest's path."""
    command = ["python", "-m", "headcount_sandbox.example_web"]
    sandbox.register_task_definition("web", command, container_port=CONTAINER_PORT)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "web.yaml"
    subnets = list(sandbox.subnets.values())
    network = sandbox.client("ec2").describe_subnets(SubnetIds=subnets[:1])["Subnets"]
    path.write_text(
        _MANIFEST.format(
            path=path,
            cluster=sandbox.clusters[0],
            count=count,
            subnets=", ".join(subnets),
            vpc=network[0]["VpcId"],
            container_port=CONTAINER_PORT,
            listener_port=listener_port,
        )
    )
    return path
