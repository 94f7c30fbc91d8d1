"""A network to run tasks in."""

from typing import Any

_ZONES = "abc"


def create_network(ec2: Any, region: str) -> dict[str, str]:
    """A VPC with one subnet of 4,096 addresses in each of three zones: zone to subnet id."""
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = {}
    for number, letter in enumerate(_ZONES):
        zone = f"{region}{letter}"
        subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.0.{number * 16}.0/20", AvailabilityZone=zone)
        subnets[zone] = str(subnet["Subnet"]["SubnetId"])
    return subnets
