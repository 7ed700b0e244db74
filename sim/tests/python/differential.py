"""The same calls on this simulator and on another one: every difference must be listed, with what decides it,
and every listed one must be there. A difference is written `probe: what is here | what is there`.

    python differential.py NAME URL_OF_THE_OTHER URL_OF_AWS_SIM LIST

URL_OF_AWS_SIM is a simulator with tests/accounts/differential.yaml; the other one is empty: the same account is
made in it first. NAME is `moto` (URL `-`: it is started here) or `ministack`. LIST is tests/differences.toml.
"""

import datetime
import logging
import pathlib
import re
import sys
import tomllib

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

NAME, OTHER, HERE, LIST = sys.argv[1:]
# Names, numbers and times that are anybody's own, by the last part of their path.
OWN = re.compile(
    r"(Arns?|ARNs?|Ids?|At|Time|[cC]reatedBy|message|rolloutStateReason|subnets|securityGroups|VPCZoneIdentifier)$"
    r"|^(id|arn|currentServiceDeployment)$"
)
# Of these answers this simulator gives a part, and says which: only that part is compared.
PART = {"instance type"}


class Account:
    """One simulator, by its clients."""

    def __init__(self, url):
        core = botocore.session.Session()
        self.session = boto3.Session(
            aws_access_key_id="x", aws_secret_access_key="y", region_name="eu-west-1", botocore_session=core
        )
        self.url, self.clients, self.known = url, {}, {}

    def client(self, service):
        if service not in self.clients:
            config = Config(retries={"max_attempts": 1, "mode": "standard"})
            self.clients[service] = self.session.client(service, endpoint_url=self.url, config=config)
        return self.clients[service]


def make(account):
    """Makes the account of tests/accounts/differential.yaml by calls."""
    ec2, groups, ecs = account.client("ec2"), account.client("autoscaling"), account.client("ecs")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"]["SubnetId"]
        for n, zone in enumerate("abc")
    ]
    firewall = ec2.create_security_group(GroupName="diff", Description="diff", VpcId=vpc)["GroupId"]
    ec2.create_launch_template(LaunchTemplateName="diff", LaunchTemplateData={"ImageId": "ami-0123456789abcdef0", "InstanceType": "m5.large"})
    groups.create_auto_scaling_group(
        AutoScalingGroupName="diff", LaunchTemplate={"LaunchTemplateName": "diff", "Version": "$Latest"},
        MinSize=0, MaxSize=4, DesiredCapacity=0, VPCZoneIdentifier=",".join(subnets),
    )
    group = groups.describe_auto_scaling_groups()["AutoScalingGroups"][0]["AutoScalingGroupARN"]
    ecs.create_capacity_provider(
        name="diff",
        autoScalingGroupProvider={"autoScalingGroupArn": group, "managedScaling": {"status": "ENABLED", "targetCapacity": 100}},
    )
    ecs.create_cluster(
        clusterName="diff", capacityProviders=["FARGATE", "FARGATE_SPOT", "diff"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}], tags=[{"key": "team", "value": "a"}],
    )
    ecs.register_task_definition(
        family="web", cpu="256", memory="512", networkMode="awsvpc", requiresCompatibilities=["FARGATE"],
        containerDefinitions=[{"name": "web", "image": "diff/web:1", "essential": True, "portMappings": [{"containerPort": 8080}]}],
    )
    target = account.client("elbv2").create_target_group(Name="diff", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    ecs.create_service(
        cluster="diff", serviceName="web", taskDefinition="web", desiredCount=2, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [firewall]}},
        loadBalancers=[{"targetGroupArn": target["TargetGroups"][0]["TargetGroupArn"], "containerName": "web", "containerPort": 8080}],
    )


def make_scaling(account):
    scaling = account.client("application-autoscaling")
    web = {"ServiceNamespace": "ecs", "ResourceId": "service/diff/web", "ScalableDimension": "ecs:service:DesiredCount"}
    scaling.register_scalable_target(**web, MinCapacity=1, MaxCapacity=4)
    scaling.put_scheduled_action(
        **web, ScheduledActionName="night", Schedule="cron(0 22 * * ? *)", Timezone="Europe/Berlin",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 2},
    )


WEB = {"ServiceNamespace": "ecs", "ResourceId": "service/diff/web", "ScalableDimension": "ecs:service:DesiredCount"}
NOBODY = "0123456789abcdef0123456789abcdef"
NOW = datetime.datetime.now(datetime.UTC)
STRATEGY = [{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}]


def probes(account):
    """What is asked, in this order: a name, the service, the operation, the arguments."""
    ecs, elb = account.client("ecs"), account.client("elbv2")
    target = elb.describe_target_groups(Names=["diff"])["TargetGroups"][0]["TargetGroupArn"]
    service = ecs.describe_services(cluster="diff", services=["web"])["services"][0]["serviceArn"]
    delay = lambda value: {"TargetGroupArn": target, "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": value}]}
    update = {"cluster": "diff", "service": "web"}
    yield from [
        ("clusters", "ecs", "list_clusters", {}),
        ("cluster", "ecs", "describe_clusters", {"clusters": ["diff", "nope"], "include": ["TAGS"]}),
        ("services", "ecs", "list_services", {"cluster": "diff"}),
        ("services of no cluster", "ecs", "list_services", {"cluster": "nope"}),
        ("service", "ecs", "describe_services", {"cluster": "diff", "services": ["web", "nope"], "include": ["TAGS"]}),
        ("eleven services", "ecs", "describe_services", {"cluster": "diff", "services": ["web"] * 11}),
        ("no services", "ecs", "describe_services", {"cluster": "diff", "services": []}),
        ("task definitions", "ecs", "list_task_definitions", {}),
        ("families", "ecs", "list_task_definition_families", {}),
        ("task definition", "ecs", "describe_task_definition", {"taskDefinition": "web", "include": ["TAGS"]}),
        ("no task definition", "ecs", "describe_task_definition", {"taskDefinition": "nope"}),
        ("provider", "ecs", "describe_capacity_providers", {"capacityProviders": ["diff", "nope"]}),
        ("page of providers too large", "ecs", "describe_capacity_providers", {"maxResults": 11}),
        ("tags", "ecs", "list_tags_for_resource", {"resourceArn": service}),
        ("tasks", "ecs", "list_tasks", {"cluster": "diff", "desiredStatus": "STOPPED"}),
        ("tasks of no service", "ecs", "list_tasks", {"cluster": "diff", "serviceName": "nope"}),
        ("no task", "ecs", "describe_tasks", {"cluster": "diff", "tasks": ["0123456789abcdef0123456789abcdef"]}),
        ("stop no task", "ecs", "stop_task", {"cluster": "diff", "task": "0123456789abcdef0123456789abcdef"}),
        ("protection of no task", "ecs", "get_task_protection", {"cluster": "diff", "tasks": ["0123456789abcdef0123456789abcdef"]}),
        ("container instances", "ecs", "list_container_instances", {"cluster": "diff"}),
        ("no container instance", "ecs", "describe_container_instances", {"cluster": "diff", "containerInstances": ["0123456789abcdef0123456789abcdef"]}),
        ("service deployments", "ecs", "list_service_deployments", {"cluster": "diff", "service": "web"}),
        ("update no service", "ecs", "update_service", {"cluster": "diff", "service": "nope", "desiredCount": 1}),
        ("strategy without a new deployment", "ecs", "update_service", {**update, "capacityProviderStrategy": STRATEGY}),
        ("strategy of zero weights", "ecs", "update_service", {**update, "forceNewDeployment": True, "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 0}]}),
        ("strategy with a provider that is not there", "ecs", "update_service", {**update, "forceNewDeployment": True, "capacityProviderStrategy": [{"capacityProvider": "nope", "weight": 1}]}),
        ("strategy that mixes Fargate and a group", "ecs", "update_service", {**update, "forceNewDeployment": True, "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "diff", "weight": 1}]}),
        ("min 100, max 100", "ecs", "update_service", {**update, "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100}}),
        # Before the deployment below: what it starts is pending for some seconds, and counted in the answer.
        ("providers of a cluster", "ecs", "put_cluster_capacity_providers", {"cluster": "diff", "capacityProviders": ["FARGATE", "FARGATE_SPOT"], "defaultCapacityProviderStrategy": []}),
        ("a provider that is not there for a cluster", "ecs", "put_cluster_capacity_providers", {"cluster": "diff", "capacityProviders": ["nope"], "defaultCapacityProviderStrategy": []}),
        ("strategy with a new deployment", "ecs", "update_service", {**update, "forceNewDeployment": True, "capacityProviderStrategy": STRATEGY}),
        ("change a provider", "ecs", "update_capacity_provider", {"name": "diff", "autoScalingGroupProvider": {"managedScaling": {"status": "ENABLED", "targetCapacity": 80}}}),
        ("tag", "ecs", "tag_resource", {"resourceArn": service, "tags": [{"key": "a", "value": "b"}]}),
        ("tags then", "ecs", "list_tags_for_resource", {"resourceArn": service}),
        ("target groups", "elbv2", "describe_target_groups", {"Names": ["diff"]}),
        ("no target group", "elbv2", "describe_target_groups", {"Names": ["nope"]}),
        ("attributes", "elbv2", "describe_target_group_attributes", {"TargetGroupArn": target}),
        ("attributes of none", "elbv2", "describe_target_group_attributes", {"TargetGroupArn": target.rsplit("/", 1)[0] + "/0000000000000000"}),
        ("delay of 20 s", "elbv2", "modify_target_group_attributes", delay("20")),
        ("delay of 4000 s", "elbv2", "modify_target_group_attributes", delay("4000")),
        ("tags of a target group", "elbv2", "describe_tags", {"ResourceArns": [target]}),
        ("groups", "autoscaling", "describe_auto_scaling_groups", {"AutoScalingGroupNames": ["diff", "nope"]}),
        ("desired above the maximum", "autoscaling", "set_desired_capacity", {"AutoScalingGroupName": "diff", "DesiredCapacity": 5}),
        ("desired of no group", "autoscaling", "set_desired_capacity", {"AutoScalingGroupName": "nope", "DesiredCapacity": 1}),
        ("minimum above maximum", "autoscaling", "update_auto_scaling_group", {"AutoScalingGroupName": "diff", "MinSize": 5}),
        ("change a group", "autoscaling", "update_auto_scaling_group", {"AutoScalingGroupName": "diff", "MaxSize": 6}),
        ("activities of no group", "autoscaling", "describe_scaling_activities", {"AutoScalingGroupName": "nope"}),
        ("scalable targets", "application-autoscaling", "describe_scalable_targets", {"ServiceNamespace": "ecs"}),
        ("target without a maximum", "application-autoscaling", "register_scalable_target", {**WEB, "ResourceId": "service/diff/web2", "MinCapacity": 1}),
        ("scheduled actions", "application-autoscaling", "describe_scheduled_actions", {"ServiceNamespace": "ecs"}),
        ("action without a target", "application-autoscaling", "put_scheduled_action", {**WEB, "ResourceId": "service/diff/web2", "ScheduledActionName": "x", "Schedule": "rate(1 day)"}),
        ("page of targets too large", "application-autoscaling", "describe_scalable_targets", {"ServiceNamespace": "ecs", "MaxResults": 51}),
        ("instance type", "ec2", "describe_instance_types", {"InstanceTypes": ["m5.large"]}),
        ("no instance type", "ec2", "describe_instance_types", {"InstanceTypes": ["x9.tiny"]}),
        ("launch template", "ec2", "describe_launch_template_versions", {"LaunchTemplateName": "diff", "Versions": ["$Latest"]}),
        ("no launch template", "ec2", "describe_launch_template_versions", {"LaunchTemplateName": "nope"}),
        ("no subnet", "ec2", "describe_subnets", {"SubnetIds": ["subnet-0123456789abcdef0"]}),
        ("no instance", "ec2", "describe_instances", {"InstanceIds": ["i-0123456789abcdef0"]}),
        ("zones", "ec2", "describe_availability_zones", {"ZoneNames": ["eu-west-1a"]}),
        ("no zone", "ec2", "describe_availability_zones", {"ZoneNames": ["eu-west-1x"]}),
        ("prices", "ec2", "describe_spot_price_history", {"InstanceTypes": ["m5.large"], "ProductDescriptions": ["Linux/UNIX"], "AvailabilityZone": "eu-west-1a", "StartTime": NOW, "EndTime": NOW}),
        ("scores", "ec2", "get_spot_placement_scores", {"InstanceTypes": ["m5.large", "c5.large", "r5.large"], "TargetCapacity": 1}),
        ("price list", "pricing", "get_products", {"ServiceCode": "AmazonEC2", "Filters": [{"Type": "TERM_MATCH", "Field": "instanceType", "Value": "m5.large"}]}),
        ("price list of nothing", "pricing", "get_products", {"ServiceCode": "AmazonNothing"}),
        ("quota", "service-quotas", "get_service_quota", {"ServiceCode": "ec2", "QuotaCode": "L-34B43A08"}),
        ("no quota", "service-quotas", "get_service_quota", {"ServiceCode": "ec2", "QuotaCode": "L-00000000"}),
        ("default of a quota", "service-quotas", "get_aws_default_service_quota", {"ServiceCode": "ec2", "QuotaCode": "L-34B43A08"}),
        ("quotas", "service-quotas", "list_service_quotas", {"ServiceCode": "fargate"}),
        ("who asks", "sts", "get_caller_identity", {}),
        ("health of targets", "elbv2", "describe_target_health", {"TargetGroupArn": target}),
        ("untag", "ecs", "untag_resource", {"resourceArn": service, "tagKeys": ["a"]}),
        ("tags at last", "ecs", "list_tags_for_resource", {"resourceArn": service}),
        ("protect no task", "ecs", "update_task_protection", {"cluster": "diff", "tasks": [NOBODY], "protectionEnabled": True}),
        ("drain no container instance", "ecs", "update_container_instances_state", {"cluster": "diff", "containerInstances": [NOBODY], "status": "DRAINING"}),
    ]
    # What was changed above has a deployment under way.
    deployment, revision = newest(account, service)
    yield from [
        ("service deployment", "ecs", "describe_service_deployments", {"serviceDeploymentArns": [deployment]}),
        ("service revision", "ecs", "describe_service_revisions", {"serviceRevisionArns": [revision]}),
        ("go on where nothing waits", "ecs", "continue_service_deployment", {"serviceDeploymentArn": deployment, "hookId": "ecs-pause-x", "action": "CONTINUE"}),
        ("stop a deployment", "ecs", "stop_service_deployment", {"serviceDeploymentArn": deployment, "stopType": "ROLLBACK"}),
        ("stop it again", "ecs", "stop_service_deployment", {"serviceDeploymentArn": deployment, "stopType": "ROLLBACK"}),
    ]


def newest(account, service):
    """The service's newest deployment and revision; where the other simulator has none, ARNs of such."""
    ecs = account.client("ecs")
    of = service.replace(":service/", ":service-deployment/") + "/0123456789abcdefghijkl"
    try:
        found = ecs.list_service_deployments(cluster="diff", service="web")["serviceDeployments"][0]
        return found["serviceDeploymentArn"], found["targetServiceRevisionArn"]
    except (ClientError, ResponseParserError, LookupError):
        return of, service.replace(":service/", ":service-revision/") + "/1234567890123456789"


def asked(account, service, operation, arguments):
    """What the answer says: a member's path, and its value; or the code of its error. A simulator that breaks
    on a call does not model it."""
    try:
        answer = getattr(account.client(service), operation)(**arguments)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            return {"call": "not modelled"}
        return {"error": error.response["Error"]["Code"]}
    except ResponseParserError:
        return {"call": "not modelled"}
    answer.pop("ResponseMetadata")
    facts = {}
    collect("", answer, facts)
    return facts


def collect(path, value, facts):
    if isinstance(value, dict):
        if is_attribute(value):
            key, text = sorted(value.items(), key=lambda item: item[0].lower())
            facts[f"{path}[{key[1]}]"] = str(text[1])
            return
        for name, member in value.items():
            collect(f"{path}.{name}".lstrip("."), member, facts)
    elif isinstance(value, list):
        # What is empty and what is absent say the same.
        if value and not isinstance(value[0], (dict, list)):
            scalar(path, sorted(map(str, value)), facts)
            return
        for n, item in enumerate(value):
            collect(path if is_attribute(item) else f"{path}[{n}]", item, facts)
    else:
        scalar(path, value, facts)


def is_attribute(value):
    """An attribute or a tag is told by its key."""
    return isinstance(value, dict) and set(map(str.lower, value)) == {"key", "value"}


def scalar(path, value, facts):
    own = OWN.search(path.rsplit(".", 1)[-1]) or str(value).startswith("arn:")
    facts[path] = "*" if own else str(value)


def differences(one, other):
    if "call" in other or ("error" in one) != ("error" in other):
        # One line is enough: what the members are does not matter then.
        told = lambda facts: facts.get("call") or facts.get("error") or "an answer"
        yield f"{told(one)} | {told(other)}"
        return
    for path in sorted(set(one) | set(other)):
        if one.get(path) != other.get(path):
            here = one.get(path, "absent")
            there = other.get(path, "absent")
            yield f"{path}: {here} | {there}"


def fits(pattern, line):
    """`*` in a pattern stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), line) is not None


def main():
    server = None
    url = OTHER
    if NAME == "moto":
        from moto.server import ThreadedMotoServer

        # Every request would be told, and every traceback.
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        url = "http://{}:{}".format(*server.get_host_and_port())
    here, there = Account(HERE), Account(url)
    make(there)
    try:
        make_scaling(there)
    except ClientError:
        # MiniStack has no Application Auto Scaling: the probes will say so.
        assert NAME == "ministack"
    found = set()
    for (probe, service, operation, arguments), (*_, theirs) in zip(probes(here), probes(there)):
        one, other = asked(here, service, operation, arguments), asked(there, service, operation, theirs)
        if probe in PART:
            other = {path: value for path, value in other.items() if path in one or path in ("call", "error")}
        found |= {f"{probe}: {line}" for line in differences(one, other)}
    if server:
        server.stop()
    listed = []
    for entry in tomllib.loads(pathlib.Path(LIST).read_text())["difference"]:
        assert entry["decided"].strip(), f"nothing decides {entry}"
        listed += entry.get(NAME, [])
    news = [f"not listed: {line}" for line in sorted(found) if not any(fits(p, line) for p in listed)]
    gone = [f"listed, and not there: {p}" for p in listed if not any(fits(p, line) for line in found)]
    if news or gone:
        sys.exit("\n".join(news + gone))
    print(f"{len(found)} differences from {NAME}, all listed")


main()
