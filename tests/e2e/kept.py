"""A service with everything around load balancing that Headcount keeps, and a hand that changes all of it."""

from typing import Any

from e2e.install import Install, runs_for_ever

PORT = 8080
BY_HAND = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]


class Kept:
    """Application and Network Load Balancer with listeners, three target groups, rules, a Lambda function."""

    SERVICE = "kept"

    def __init__(self, install: Install) -> None:
        self._install = install
        self._elb = install.sandbox.client("elbv2")
        self._subnets = list(install.sandbox.subnets.values())
        ec2 = install.sandbox.client("ec2")
        self._vpc = str(ec2.describe_subnets(SubnetIds=self._subnets[:1])["Subnets"][0]["VpcId"])
        self._security_groups = [
            str(ec2.create_security_group(GroupName=name, Description=name, VpcId=self._vpc)["GroupId"])
            for name in ("kept-one", "kept-two")
        ]
        self._definition = install.sandbox.register_task_definition(
            self.SERVICE, runs_for_ever(self.SERVICE), container_port=PORT
        ).rpartition("/")[2]
        self._function, self.another_function = (self._a_function(name) for name in ("sorry", "closed"))

    def _a_function(self, name: str) -> str:
        world = self._install.sandbox.world
        world.functions.add(name)
        return f"arn:aws:lambda:{world.region}:{world.account}:function:{name}"

    # ------------------------------------------------------------------------------------------------- what is declared

    def declare(self, function: str | None = None, path: str = "/health") -> None:
        manifest = self._install.manifest(
            self.SERVICE,
            self._definition,
            1,
            loadBalancers=[
                {
                    "containerName": "app",
                    "containerPort": PORT,
                    "targetGroup": {**self._group("kept-app", "HTTP"), "healthCheckPath": path},
                    "rules": [self._rule(10, "/api/*")],
                },
                {"containerName": "app", "containerPort": PORT, "targetGroup": self._group("kept-net", "TCP")},
            ],
            functionTargets=[
                {
                    "functionArn": function or self._function,
                    "targetGroup": {"name": "kept-sorry", "targetType": "lambda"},
                    "rules": [self._rule(50000, "/*")],
                }
            ],
            elasticLoadBalancers=[
                self._balancer("kept-alb", "application", {"port": 18180, "protocol": "HTTP"}, "kept-app"),
                self._balancer("kept-nlb", "network", {"port": 18181, "protocol": "TCP"}, "kept-net"),
            ],
        )
        self._install.ask("apply", manifest=manifest)

    def _group(self, name: str, protocol: str) -> dict[str, Any]:
        attributes = [{"key": "deregistration_delay.timeout_seconds", "value": "1"}]
        group = {"name": name, "protocol": protocol, "port": PORT, "vpcId": self._vpc, "targetType": "ip"}
        return {**group, "targetGroupAttributes": attributes}

    def _rule(self, priority: int, path: str) -> dict[str, Any]:
        conditions = [{"field": "path-pattern", "pathPatternConfig": {"values": [path]}}]
        return {"listener": "kept-alb:18180", "priority": priority, "conditions": conditions}

    def _balancer(self, name: str, kind: str, listener: dict[str, Any], group: str) -> dict[str, Any]:
        return {
            "name": name,
            "type": kind,
            "scheme": "internet-facing",
            "subnets": self._subnets[:2],
            "securityGroups": self._security_groups[:1],
            "loadBalancerAttributes": [{"key": "deletion_protection.enabled", "value": "false"}],
            "listeners": [{**listener, "defaultActions": [{"type": "forward", "targetGroup": group}]}],
        }

    # ---------------------------------------------------------------------------------------------------- what there is

    def wait_until_kept(self) -> None:
        """Until the manifest that was declared last has been looked at, and nothing stands against it."""

        def kept() -> bool:
            said = self._install.describe(self.SERVICE)
            balancing = said["loadBalancing"]
            return bool(balancing) and balancing["upToDate"] and not balancing["problems"]

        self._install.wait(kept, "its load balancing is as declared", self.SERVICE)
        self._install.wait(lambda: bool(self.targets(self.arn("kept-app"))), "its task is a target", self.SERVICE)

    def targets(self, group: str) -> list[str]:
        """The ids of a group's targets."""
        told = self._elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [str(one["Target"]["Id"]) for one in told]

    def a_group_of_instances(self, name: str) -> str:
        """A target group that a user made; its ARN."""
        made = self._elb.create_target_group(
            Name=name, Protocol="HTTP", Port=PORT, VpcId=self._vpc, TargetType="instance"
        )
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def arn(self, group: str) -> str:
        """A target group's ARN."""
        return str(self._elb.describe_target_groups(Names=[group])["TargetGroups"][0]["TargetGroupArn"])

    def url(self, balancer: str, port: int) -> str:
        """Where a listener takes traffic."""
        listeners = self._elb.describe_listeners(LoadBalancerArn=self._balancers()[balancer]["LoadBalancerArn"])
        (arn,) = [one["ListenerArn"] for one in listeners["Listeners"] if one["Port"] == port]
        return self._install.sandbox.listener_url(arn)

    def left(self) -> list[str]:
        """What is in the account of what was declared, by name."""
        balancers = (one["LoadBalancerName"] for one in self._elb.describe_load_balancers()["LoadBalancers"])
        groups = (one["TargetGroupName"] for one in self._elb.describe_target_groups()["TargetGroups"])
        alarms = self._install.sandbox.client("cloudwatch").describe_alarms(
            AlarmNamePrefix="headcount/main/unhealthy/kept"
        )
        named = (alarm["AlarmName"] for alarm in alarms["MetricAlarms"])
        return [name for name in (*balancers, *groups, *named) if "kept-" in name]

    def _balancers(self) -> dict[str, dict[str, Any]]:
        found = self._elb.describe_load_balancers(Names=["kept-alb", "kept-nlb"])["LoadBalancers"]
        return {one["LoadBalancerName"]: one for one in found}

    # -------------------------------------------------------------------------------------------------------- the hand

    def change_everything_by_hand(self) -> None:
        """Whatever can be changed in place is other than declared then."""
        self._elb.modify_target_group(TargetGroupArn=self.arn("kept-app"), HealthCheckPath="/by-hand")
        delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "7"}]
        self._elb.modify_target_group_attributes(TargetGroupArn=self.arn("kept-app"), Attributes=delay)
        for name, balancer in self._balancers().items():
            self._change_balancer(balancer["LoadBalancerArn"])
            for listener in self._elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
                self._change_listener(listener["ListenerArn"], f"{name}-by-hand", listener["Protocol"])
        cloudwatch = self._install.sandbox.client("cloudwatch")
        for alarm in cloudwatch.describe_alarms(AlarmNamePrefix="headcount/main/unhealthy/kept-app/")["MetricAlarms"]:
            kept = ("AlarmName", "AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic", "Period")
            more = ("EvaluationPeriods", "ComparisonOperator")
            cloudwatch.put_metric_alarm(**{name: alarm[name] for name in (*kept, *more)}, Threshold=5)

    def delete_by_hand(self, group: str) -> None:
        """The target group, and before it what forwards to it."""
        arn = self.arn(group)
        for balancer in self._balancers().values():
            for listener in self._elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
                for rule in self._elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
                    if rule["Priority"] != "default" and arn in str(rule["Actions"]):
                        self._elb.delete_rule(RuleArn=rule["RuleArn"])
                if arn in str(listener["DefaultActions"]):
                    self._elb.modify_listener(ListenerArn=listener["ListenerArn"], DefaultActions=BY_HAND)
        self._elb.delete_target_group(TargetGroupArn=arn)

    def _change_balancer(self, arn: str) -> None:
        self._elb.set_subnets(LoadBalancerArn=arn, Subnets=self._subnets)
        self._elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=self._security_groups[1:])
        self._elb.set_ip_address_type(LoadBalancerArn=arn, IpAddressType="dualstack")
        protect = [{"Key": "deletion_protection.enabled", "Value": "true"}]
        self._elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=protect)

    def _change_listener(self, arn: str, group: str, protocol: str) -> None:
        for rule in self._elb.describe_rules(ListenerArn=arn)["Rules"]:
            if rule["Priority"] == "10":
                self._elb.modify_rule(RuleArn=rule["RuleArn"], Actions=BY_HAND)
        made = self._elb.create_target_group(
            Name=group, Protocol=protocol, Port=PORT, VpcId=self._vpc, TargetType="ip"
        )["TargetGroups"][0]["TargetGroupArn"]
        self._elb.modify_listener(ListenerArn=arn, DefaultActions=[{"Type": "forward", "TargetGroupArn": made}])

    def assert_put_right(self) -> None:
        for balancer in self._balancers().values():
            assert {one["SubnetId"] for one in balancer["AvailabilityZones"]} == set(self._subnets[:2])
            assert balancer["SecurityGroups"] == self._security_groups[:1]
            assert balancer["IpAddressType"] == "ipv4"
        (group,) = self._elb.describe_target_groups(Names=["kept-app"])["TargetGroups"]
        assert group["HealthCheckPath"] == "/health"
        assert self.targets(self.arn("kept-sorry")) == [self.another_function]
        told = self._install.history(self.SERVICE, "balancing")
        corrected = [one["reason"] for one in told if one["reason"].startswith("correcting ")]
        assert len(corrected) >= 10, "\n".join(one["reason"] for one in told)
