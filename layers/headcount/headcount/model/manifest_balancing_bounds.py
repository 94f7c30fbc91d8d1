"""What Elastic Load Balancing documents of the shapes that a manifest declares, and botocore's model does not say."""

import re
from collections.abc import Mapping
from operator import itemgetter

from headcount.model.manifest_bounds import TAG
from headcount.model.manifest_kinds import Kind, ListOf, OneOf, Text, Unsupported, Whole
from headcount.model.manifest_shapes import Beyond, Shaped

MAXIMUM_TAGS = 50 - 2  # AWS allows 50; headcount:service and headcount:install are two
MAXIMUM_ATTRIBUTES = 40  # more than any resource of ELB has
MAXIMUM_RULES = 100  # of an application load balancer
MAXIMUM_LISTENERS = 50  # of a load balancer
MAXIMUM_SUBNETS = 16
MAXIMUM_SECURITY_GROUPS = 5
MAXIMUM_VALUES = 5  # of all conditions of a rule, and wildcards in them
MAXIMUM_GROUPS = 5  # of a forward action
MAXIMUM_ACTIONS = 5  # one that routes, after those that authenticate
WEEK = 7 * 86400

_ELB = r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}"
_NAME = r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)"
_ID = r"[0-9a-f]{8,32}"
_LENGTH = "128 characters"
_GATEWAY = "gateway load balancers carry packets to appliances, not requests to tasks"
_QUIC = "a target of QUIC is registered with a server id of its own, which tasks do not tell"
_OF_LISTENER = "the listener stands in its load balancer"


def _text(allowed: str, pattern: str) -> Text:
    return Text(allowed=allowed, pattern=re.compile(pattern, re.ASCII))


def _id(prefix: str, what: str) -> Text:
    return _text(f"the id of {what} ({prefix}-...)", rf"{prefix}-[a-z0-9][a-z0-9-]{{0,62}}")


GROUP_NAME = _text("1 to 32 of A-Z a-z 0-9 -, no hyphen first or last", _NAME)
BALANCER_NAME = _text(
    "1 to 32 of A-Z a-z 0-9 -, no hyphen first or last, and not beginning with internal-", rf"(?!internal-){_NAME}"
)
TARGET_GROUP_ARN = _text(
    "the ARN of a target group (arn:aws:elasticloadbalancing:<region>:<account>:targetgroup/<name>/<id>)",
    rf"{_ELB}:targetgroup/{_NAME}/{_ID}",
)
LISTENER_ARN = _text(
    "the ARN of a listener of an application load balancer (arn:...:listener/app/<name>/<id>/<id>): "
    "Network Load Balancers have no rules",
    rf"{_ELB}:listener/app/{_NAME}/{_ID}/{_ID}",
)
LISTENER = _text("<name>:<port> of a listener under elasticLoadBalancers", rf"{_NAME}:[1-9][0-9]{{0,4}}")
FUNCTION_ARN = _text(
    "the ARN of a Lambda function, a version or an alias of it (arn:aws:lambda:<region>:<account>:function:<name>)",
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(?::[A-Za-z0-9$_-]{1,128})?",
)
CERTIFICATE_ARN = _text(
    "the ARN of a certificate of ACM or IAM",
    r"arn:aws[a-z-]*:(?:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]{1,64}|iam::[0-9]{12}:server-certificate/[\w+=,.@/-]{1,640})",
)
CODES = _text(
    'codes in quotes: "200", "200,202" or "200-299"', r"[0-9]{1,3}(?:-[0-9]{1,3})?(?:,[0-9]{1,3}(?:-[0-9]{1,3})?){0,31}"
)
HEALTH_CHECK_PORT = _text(
    "traffic-port or a port from 1 to 65535, in quotes",
    r"traffic-port|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]",
)
ATTRIBUTES = Shaped(
    service="elbv2",
    shape="TargetGroupAttributes",  # those of load balancers have the same form
    beyond={
        "TargetGroupAttributes": Beyond(maximum=MAXIMUM_ATTRIBUTES, identity=itemgetter("key")),
        "TargetGroupAttribute": Beyond(
            required={"key": "", "value": ""},
            fields={
                "key": _text("an attribute's key (1 to 256 of a-z 0-9 _ .)", r"[a-z0-9_.]{1,256}"),
                "value": Text(allowed="text of at most 1024 characters", pattern=re.compile(r"[^\0-\x1f]{0,1024}")),
            },
        ),
    },
)
TAGS = ListOf(
    minimum=1,
    maximum=MAXIMUM_TAGS,
    why="AWS allows 50 and Headcount adds two",
    identity=itemgetter("key"),
    item=TAG,
)


def _pattern(what: str, longest: int = 128) -> Text:
    return Text(allowed=f"{what}, 1 to {longest} characters", pattern=re.compile(rf"[ -~]{{1,{longest}}}", re.ASCII))


def _values(item: Kind) -> ListOf:
    return ListOf(minimum=1, maximum=MAXIMUM_VALUES, item=item, identity=str, why="AWS allows 5 values a rule")


_HOST = _text(
    f"a host name with a dot, * and ? as wildcards, at most {_LENGTH}", r"(?=.{1,128}\Z)[A-Za-z0-9.*?-]*\.[A-Za-z*?]+"
)
_PATH = _text(
    f"a path, * and ? as wildcards, at most {_LENGTH}: A-Z a-z 0-9 and _ - . $ / ~ \" ' @ : + & * ?",
    r"""[A-Za-z0-9_.$/~"'@:+&*?-]{1,128}""",
)
IN_SHORT: Mapping[str, Kind] = {"host-header": _HOST, "path-pattern": _PATH}  # what `values` of a condition may be
_REGEX = _pattern("a regular expression")
_CIDR = _text("a range of addresses such as 10.0.0.0/8 or 2001:db8::/32", r"[0-9a-fA-F.:]{2,45}/[0-9]{1,3}")
_METHOD = _text("a method of HTTP (1 to 40 of A-Z - _)", r"[A-Z_-]{1,40}")
_MATCHING: Mapping[str, Kind] = {"regexValues": _values(_REGEX)}

RULES_AND_ACTIONS: Mapping[str, Beyond] = {
    "CreateRuleInput": Beyond(
        optional=frozenset({"listenerArn", "actions"}),
        fields={
            "listenerArn": LISTENER_ARN,
            "listener": LISTENER,
            "actions": Unsupported(reason="a rule forwards to the target group that it stands with"),
            "tags": TAGS,
        },
    ),
    "RuleConditionList": Beyond(minimum=1, maximum=MAXIMUM_VALUES),
    "RuleCondition": Beyond(
        required={"field": ""},
        fields={
            "field": OneOf(
                values=(
                    "http-header",
                    "http-request-method",
                    "host-header",
                    "path-pattern",
                    "query-string",
                    "source-ip",
                )
            ),
            "values": _values(_pattern("a host name or path")),
            **_MATCHING,
        },
    ),
    "HostHeaderConditionConfig": Beyond(fields={"values": _values(_HOST), **_MATCHING}),
    "PathPatternConditionConfig": Beyond(fields={"values": _values(_PATH), **_MATCHING}),
    "HttpHeaderConditionConfig": Beyond(
        required={"httpHeaderName": ""},
        fields={
            "httpHeaderName": _text(
                "a header's name (1 to 40 characters of RFC 7230; for Host there is host-header)",
                r"(?!(?i:host)\Z)[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}",
            ),
            "values": _values(_pattern("what the header is compared with")),
            **_MATCHING,
        },
    ),
    "QueryStringConditionConfig": Beyond(required={"values": ""}),
    "QueryStringKeyValuePairList": Beyond(minimum=1, maximum=MAXIMUM_VALUES),
    "QueryStringKeyValuePair": Beyond(
        required={"value": ""}, fields={"key": _pattern("a parameter's name"), "value": _pattern("a parameter's value")}
    ),
    "HttpRequestMethodConditionConfig": Beyond(required={"values": ""}, fields={"values": _values(_METHOD)}),
    "SourceIpConditionConfig": Beyond(
        required={"values": ""},
        fields={
            "values": _values(_CIDR),
            "ipAddressType": Unsupported(reason="only Network Load Balancers compare it, and their listeners forward"),
        },
    ),
    "RuleTransformList": Beyond(minimum=1, maximum=2, identity=itemgetter("type")),
    "RewriteConfigList": Beyond(minimum=1, maximum=1),
    "RewriteConfig": Beyond(
        fields={"regex": _pattern("a regular expression", 1024), "replace": _pattern("text", 1024)}
    ),
    "Actions": Beyond(minimum=1, maximum=MAXIMUM_ACTIONS),
    "Action": Beyond(
        fields={
            "type": OneOf(
                values=("forward", "redirect", "fixed-response", "authenticate-cognito", "jwt-validation"),
                refused={"authenticate-oidc": "its client secret would stand in the manifest, where all can read it"},
            ),
            "targetGroup": GROUP_NAME,
            "targetGroupArn": TARGET_GROUP_ARN,
            "authenticateOidcConfig": Unsupported(reason="no action of that type is"),
        }
    ),
    "AuthenticateCognitoActionConfig": Beyond(
        fields={
            "userPoolArn": _text(
                "the ARN of a Cognito user pool",
                r"arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[\w-]{1,55}",
            ),
            "userPoolClientId": _text("a client's id", r"[\w+]{1,128}"),
            "userPoolDomain": _text("the user pool's domain", r"[A-Za-z0-9.-]{1,253}"),
            "sessionCookieName": _pattern("a cookie's name"),
            "scope": _pattern("scopes, divided by spaces"),
            "sessionTimeout": Whole(minimum=1, maximum=WEEK, why="seconds"),
        }
    ),
    "JwtValidationActionConfig": Beyond(
        fields={
            "jwksEndpoint": _text("an https URL", r"https://[!-~]{1,248}"),
            "issuer": _pattern("an issuer", 256),
        }
    ),
    "JwtValidationActionAdditionalClaims": Beyond(maximum=10),
    "JwtValidationActionAdditionalClaim": Beyond(
        fields={
            "name": _pattern("a claim's name", 256),
            "values": ListOf(minimum=1, maximum=10, item=_pattern("a claim's value", 256)),
        }
    ),
    "RedirectActionConfig": Beyond(
        fields={
            "protocol": OneOf(values=("HTTP", "HTTPS", "#{protocol}")),
            "port": _text("a port from 1 to 65535 in quotes, or #{port}", r"[1-9][0-9]{0,4}|#\{port\}"),
            "host": _pattern("a host name, or #{host}"),
            "path": _text("a path that begins with /, such as /#{path}", r"/[ -~]{0,127}"),
            "query": _text("a query without ?, such as #{query}", r"(?!\?)[ -~]{0,128}"),
        }
    ),
    "FixedResponseActionConfig": Beyond(
        fields={
            "statusCode": _text('2XX, 4XX or 5XX in quotes, such as "503"', r"[245][0-9]{2}"),
            "contentType": OneOf(
                values=("text/plain", "text/css", "text/html", "application/javascript", "application/json")
            ),
        }
    ),
    "TargetGroupList": Beyond(minimum=1, maximum=MAXIMUM_GROUPS),
    "TargetGroupTuple": Beyond(
        fields={
            "targetGroup": GROUP_NAME,
            "targetGroupArn": TARGET_GROUP_ARN,
            "weight": Whole(minimum=0, maximum=999),
        }
    ),
    "TargetGroupStickinessConfig": Beyond(
        fields={"durationSeconds": Whole(minimum=1, maximum=WEEK, why="seconds")},
    ),
}
GROUP = Beyond(
    required={"protocol": "", "port": "", "vpcId": ""},
    fields={
        "name": GROUP_NAME,
        "protocol": OneOf(
            values=("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP"),
            refused={"GENEVE": _GATEWAY, "QUIC": _QUIC, "TCP_QUIC": _QUIC},
        ),
        "protocolVersion": OneOf(values=("HTTP1", "HTTP2", "GRPC")),
        "vpcId": _id("vpc", "a VPC"),
        "healthCheckProtocol": OneOf(values=("HTTP", "HTTPS", "TCP")),
        "healthCheckPort": HEALTH_CHECK_PORT,
        "healthCheckPath": _text("a path that begins with /, at most 1024 characters", r"/[!-~]{0,1023}"),
        "targetType": OneOf(
            values=("instance", "ip"),
            refused={
                "lambda": "a function is no container: it stands under functionTargets",
                "alb": "a load balancer behind a load balancer is no task",
            },
        ),
        "ipAddressType": OneOf(values=("ipv4",), refused={"ipv6": "tasks are registered with their IPv4 address"}),
        "tags": TAGS,
        "targetGroupAttributes": ATTRIBUTES,
    },
)
FUNCTION_GROUP = Beyond(
    fields={
        "name": GROUP_NAME,
        "healthCheckPath": GROUP.fields["healthCheckPath"],
        "targetType": OneOf(values=("lambda",)),
        "tags": TAGS,
        "targetGroupAttributes": ATTRIBUTES,
    }
)
MATCHER = Beyond(fields={"httpCode": CODES, "grpcCode": CODES})
BALANCERS: Mapping[str, Beyond] = {
    **RULES_AND_ACTIONS,
    "CreateListenerInput": Beyond(
        optional=frozenset({"loadBalancerArn"}),
        required={"port": "", "protocol": ""},
        fields={
            "loadBalancerArn": Unsupported(reason=_OF_LISTENER),
            "protocol": GROUP.fields["protocol"],
            "sslPolicy": _text(
                "the name of one of ELB's policies, such as ELBSecurityPolicy-TLS13-1-2-2021-06",
                r"ELBSecurityPolicy-[A-Za-z0-9-]{1,80}",
            ),
            "alpnPolicy": ListOf(
                minimum=1,
                maximum=1,
                item=OneOf(values=("HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None")),
            ),
            "tags": TAGS,
        },
    ),
    "CertificateList": Beyond(minimum=1, maximum=1),
    "Certificate": Beyond(
        required={"certificateArn": ""},
        fields={
            "certificateArn": CERTIFICATE_ARN,
            "isDefault": Unsupported(reason="a listener's only certificate is its default one; AWS refuses it here"),
        },
    ),
    "MutualAuthenticationAttributes": Beyond(
        fields={
            "mode": OneOf(values=("off", "passthrough", "verify")),
            "trustStoreArn": _text("the ARN of a trust store", rf"{_ELB}:truststore/{_NAME}/{_ID}"),
            "trustStoreAssociationStatus": Unsupported(reason="AWS tells it, nobody sets it"),
        }
    ),
}

TARGET_GROUP = Shaped(
    service="elbv2", shape="CreateTargetGroupInput", beyond={"CreateTargetGroupInput": GROUP, "Matcher": MATCHER}
)
FUNCTION_TARGET_GROUP = Shaped(
    service="elbv2",
    shape="CreateTargetGroupInput",
    beyond={"CreateTargetGroupInput": FUNCTION_GROUP, "Matcher": MATCHER},
)
RULES = ListOf(
    maximum=MAXIMUM_RULES,
    item=Shaped(service="elbv2", shape="CreateRuleInput", beyond=RULES_AND_ACTIONS),
)
LISTENERS = ListOf(
    maximum=MAXIMUM_LISTENERS,
    item=Shaped(service="elbv2", shape="CreateListenerInput", beyond=BALANCERS),
)
LOAD_BALANCER = Shaped(
    service="elbv2",
    shape="CreateLoadBalancerInput",
    beyond={
        **BALANCERS,
        "CreateLoadBalancerInput": Beyond(
            fields={
                "name": BALANCER_NAME,
                "type": OneOf(values=("application", "network"), refused={"gateway": _GATEWAY}),
                "subnets": ListOf(minimum=1, maximum=MAXIMUM_SUBNETS, identity=str, item=_id("subnet", "a subnet")),
                "securityGroups": ListOf(
                    maximum=MAXIMUM_SECURITY_GROUPS, identity=str, item=_id("sg", "a security group")
                ),
                "tags": TAGS,
                "loadBalancerAttributes": ATTRIBUTES,
                "listeners": LISTENERS,
            }
        ),
        "SubnetMappings": Beyond(minimum=1, maximum=MAXIMUM_SUBNETS, identity=itemgetter("subnetId")),
        "SubnetMapping": Beyond(
            required={"subnetId": ""},
            fields={
                "subnetId": _id("subnet", "a subnet"),
                "allocationId": _id("eipalloc", "an Elastic IP address"),
                "privateIPv4Address": _text("an IPv4 address", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"),
                "iPv6Address": _text("an IPv6 address", r"[0-9a-fA-F:.]{2,45}"),
                "sourceNatIpv6Prefix": _text(
                    "a prefix of /80, or auto_assigned", r"auto_assigned|[0-9a-fA-F:]{2,39}/80"
                ),
            },
        ),
    },
)
