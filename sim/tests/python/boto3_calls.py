"""boto3 against a simulator: paginators, waiters, modelled exceptions, a change of strategy and one of a distribution.

    python boto3_calls.py URL_OF_PAGES URL_OF_DEMO URL_OF_MIXED

The first is a simulator with tests/accounts/pages.yaml, the others have accounts/demo.yaml and mixed.yaml.
"""

import json
import sys
import urllib.request

import boto3
import botocore.session
import jmespath
from botocore.config import Config
from botocore.exceptions import ClientError

from strict import watch

CORE = botocore.session.Session()
WATCH = watch(CORE)
SESSION = boto3.Session(
    aws_access_key_id="x", aws_secret_access_key="y", region_name="eu-west-1", botocore_session=CORE
)
SPOT = [
    {"capacityProvider": "FARGATE", "weight": 1, "base": 1},
    {"capacityProvider": "FARGATE_SPOT", "weight": 1},
]


def client(name, url):
    return SESSION.client(name, endpoint_url=url, config=Config(retries={"max_attempts": 1, "mode": "standard"}))


def skip(url, seconds):
    body = json.dumps({"seconds": seconds}).encode()
    with urllib.request.urlopen(f"{url}/_sim/clock/advance", body) as answer:
        return json.load(answer)


# Service, operation, arguments, the smallest page that AWS allows, what a page has.
PAGES = [
    ("ecs", "list_clusters", {}, 1, "clusterArns"),
    ("ecs", "list_services", {"cluster": "c1"}, 1, "serviceArns"),
    ("ecs", "list_tasks", {"cluster": "c1"}, 1, "taskArns"),
    ("ecs", "list_container_instances", {"cluster": "c1"}, 1, "containerInstanceArns"),
    ("ecs", "list_task_definitions", {}, 1, "taskDefinitionArns"),
    ("ecs", "list_task_definitions", {"sort": "DESC"}, 1, "taskDefinitionArns"),
    ("ecs", "list_task_definition_families", {}, 1, "families"),
    ("elbv2", "describe_target_groups", {}, 1, "TargetGroups[].TargetGroupArn"),
    ("autoscaling", "describe_auto_scaling_groups", {}, 1, "AutoScalingGroups[].AutoScalingGroupName"),
    ("autoscaling", "describe_scaling_activities", {}, 1, "Activities[].ActivityId"),
    ("application-autoscaling", "describe_scalable_targets", {"ServiceNamespace": "ecs"}, 1, "ScalableTargets[].ResourceId"),
    ("application-autoscaling", "describe_scheduled_actions", {"ServiceNamespace": "ecs"}, 1, "ScheduledActions[].ScheduledActionName"),
    ("ec2", "describe_instances", {}, 5, "Reservations[].Instances[].InstanceId"),
    ("ec2", "describe_instance_types", {}, 5, "InstanceTypes[].InstanceType"),
    ("ec2", "describe_subnets", {}, 5, "Subnets[].SubnetId"),
    ("ec2", "describe_launch_template_versions", {"Versions": ["$Latest"]}, 1, "LaunchTemplateVersions[].LaunchTemplateName"),
    ("ec2", "describe_spot_price_history", {"InstanceTypes": ["m5.large"]}, 500, "SpotPriceHistory[].[Timestamp, AvailabilityZone]"),
    ("service-quotas", "list_service_quotas", {"ServiceCode": "ec2"}, 1, "Quotas[].QuotaCode"),
]


def pages(url):
    """Small pages, put together, are what one large page says."""
    client("autoscaling", url).set_desired_capacity(AutoScalingGroupName="g1", DesiredCapacity=7)
    for service, operation, arguments, size, query in PAGES:
        api = client(service, url)
        every = [
            jmespath.search(query, page)
            for page in api.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": size})
        ]
        together = [item for page in every for item in page]
        assert len(every) > 1 and all(len(page) == size for page in every[:-1]), f"{operation}: {every}"
        assert len(together) == len({json.dumps(item, default=str) for item in together}), f"{operation}: {together}"
        whole = jmespath.search(query, api.get_paginator(operation).paginate(**arguments).build_full_result())
        assert together == whole, f"{operation}: {together} is not {whole}"
    # These have tokens, and botocore no paginator.
    ecs = client("ecs", url)
    names, token = [], {}
    while True:
        page = ecs.describe_capacity_providers(maxResults=2, **token)
        names += [provider["name"] for provider in page["capacityProviders"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert names == ["FARGATE", "FARGATE_SPOT", "p1", "p2"], names
    for _ in range(3):
        ecs.update_service(cluster="c1", service="svc-1", forceNewDeployment=True)
        skip(url, 600)
    first = ecs.list_service_deployments(cluster="c1", service="svc-1", maxResults=3)
    rest = ecs.list_service_deployments(cluster="c1", service="svc-1", nextToken=first["nextToken"])
    times = [d["createdAt"] for d in first["serviceDeployments"] + rest["serviceDeployments"]]
    assert len(times) == 4 and times == sorted(times, reverse=True), times


def refused(exception, call, **arguments):
    try:
        call(**arguments)
    except exception as error:
        return error.response["Error"]["Message"]
    raise AssertionError(f"{exception} expected")


def exceptions(url):
    """Errors that are modelled come as the model's exceptions."""
    ecs, elb = client("ecs", url), client("elbv2", url)
    scaling, quotas = client("application-autoscaling", url), client("service-quotas", url)
    groups = client("autoscaling", url)
    for exception, call, arguments in [
        (ecs.exceptions.ClusterNotFoundException, ecs.list_services, {"cluster": "nope"}),
        (ecs.exceptions.ServiceNotFoundException, ecs.update_service, {"cluster": "shop", "service": "nope"}),
        (ecs.exceptions.InvalidParameterException, ecs.describe_services, {"cluster": "shop", "services": ["x"] * 11}),
        (ecs.exceptions.ClientException, ecs.describe_task_definition, {"taskDefinition": "nope"}),
        (ecs.exceptions.ServiceDeploymentNotFoundException, ecs.stop_service_deployment, {"serviceDeploymentArn": "nope"}),
        (elb.exceptions.TargetGroupNotFoundException, elb.describe_target_health, {"TargetGroupArn": "nope"}),
        (scaling.exceptions.InvalidNextTokenException, scaling.describe_scalable_targets, {"ServiceNamespace": "ecs", "NextToken": "?"}),
        (scaling.exceptions.ValidationException, scaling.describe_scalable_targets, {"ServiceNamespace": "ecs", "MaxResults": 51}),
        (groups.exceptions.InvalidNextToken, groups.describe_auto_scaling_groups, {"NextToken": "?"}),
        (quotas.exceptions.NoSuchResourceException, quotas.list_service_quotas, {"ServiceCode": "nope"}),
        (quotas.exceptions.InvalidPaginationTokenException, quotas.list_service_quotas, {"ServiceCode": "ec2", "NextToken": "?"}),
        (ClientError, ecs.create_cluster, {"clusterName": "x"}),
    ]:
        refused(exception, call, **arguments)


def change_of_strategy(url):
    ecs = client("ecs", url)
    change = {"cluster": "shop", "service": "web", "capacityProviderStrategy": SPOT}
    told = refused(ecs.exceptions.InvalidParameterException, ecs.update_service, **change)
    assert "you must force a new deployment" in told, told
    answer = ecs.update_service(**change, forceNewDeployment=True)["service"]
    assert [d["status"] for d in answer["deployments"]] == ["PRIMARY", "ACTIVE"], answer
    skip(url, 600)
    # AWS's own waiter.
    ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"], WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    web = ecs.describe_services(cluster="shop", services=["web"])["services"][0]
    assert "launchType" not in web, web
    brief = ecs.list_service_deployments(cluster="shop", service="web")["serviceDeployments"]
    assert [d["status"] for d in brief] == ["SUCCESSFUL", "SUCCESSFUL"], brief
    deployment = ecs.describe_service_deployments(serviceDeploymentArns=[web["currentServiceDeployment"]])["serviceDeployments"][0]
    assert deployment["targetServiceRevision"]["runningTaskCount"] == 4, deployment
    assert deployment["deploymentCircuitBreaker"]["threshold"] == 3, deployment
    revision = ecs.describe_service_revisions(serviceRevisionArns=[deployment["targetServiceRevision"]["arn"]])["serviceRevisions"][0]
    assert [i["capacityProvider"] for i in revision["capacityProviderStrategy"]] == ["FARGATE", "FARGATE_SPOT"], revision
    tasks = ecs.describe_tasks(cluster="shop", tasks=ecs.list_tasks(cluster="shop", serviceName="web")["taskArns"])["tasks"]
    assert sorted(t["capacityProviderName"] for t in tasks) == ["FARGATE"] * 3 + ["FARGATE_SPOT"], tasks
    assert all(t["containers"][0]["imageDigest"] == revision["containerImages"][0]["imageDigest"] for t in tasks), tasks
    stopped = ecs.list_tasks(cluster="shop", serviceName="web", desiredStatus="STOPPED")["taskArns"]
    old = ecs.describe_tasks(cluster="shop", tasks=stopped)["tasks"]
    assert {t["stopCode"] for t in old} == {"ServiceSchedulerInitiated"}, old


def change_of_distribution(url):
    """A group that is turned to On-Demand replaces its Spot instances, and back: who is what, EC2 tells alone."""
    groups, ec2 = client("autoscaling", url), client("ec2", url)
    group = lambda: groups.describe_auto_scaling_groups(AutoScalingGroupNames=["spot"])["AutoScalingGroups"][0]
    turn = lambda percent: groups.update_auto_scaling_group(
        AutoScalingGroupName="spot",
        MixedInstancesPolicy={"InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": percent}},
    )

    def lifecycles():
        ids = [i["InstanceId"] for i in group()["Instances"]]
        found = ec2.describe_instances(InstanceIds=ids)["Reservations"]
        return {i.get("InstanceLifecycle") for r in found for i in r["Instances"]}

    groups.update_auto_scaling_group(AutoScalingGroupName="spot", MinSize=3)
    skip(url, 900)
    original = group()["MixedInstancesPolicy"]
    assert lifecycles() == {"spot"}, lifecycles()
    told = refused(ClientError, turn, percent=101)
    assert "from 0 to 100" in told, told
    turn(100)
    assert lifecycles() >= {"spot"}, "nothing is ended before its replacement is there"
    skip(url, 7200)
    turned = group()["MixedInstancesPolicy"]
    assert lifecycles() == {None}, lifecycles()
    assert turned["LaunchTemplate"] == original["LaunchTemplate"], turned
    assert turned["InstancesDistribution"] == {**original["InstancesDistribution"], "OnDemandPercentageAboveBaseCapacity": 100}, turned
    turn(0)
    skip(url, 7200)
    assert (lifecycles(), group()["MixedInstancesPolicy"]) == ({"spot"}, original), group()


def blue_green(url):
    """A blue/green deployment, looked at all the way: each answer is held to its model."""
    ecs = client("ecs", url)
    arn = ecs.update_service(cluster="shop", service="checkout", forceNewDeployment=True)["service"]["currentServiceDeployment"]
    stages = []
    for _ in range(60):
        deployment = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
        ecs.describe_services(cluster="shop", services=["checkout", "legacy", "ledger"], include=["TAGS"])
        ecs.describe_service_revisions(serviceRevisionArns=[deployment["targetServiceRevision"]["arn"]])
        stages += [deployment["lifecycleStage"]] if "lifecycleStage" in deployment else []
        if deployment["status"] not in ("PENDING", "IN_PROGRESS"):
            break
        skip(url, 20)
    assert deployment["status"] == "SUCCESSFUL" and "BAKE_TIME" in stages, (deployment["status"], stages)
    crunch = ecs.list_container_instances(cluster="batch")["containerInstanceArns"]
    managed = ecs.describe_container_instances(cluster="batch", containerInstances=crunch)["containerInstances"]
    assert {i["capacityProviderName"] for i in managed} == {"mi-on-demand"}, managed


def main():
    many, demo, mixed = sys.argv[1:]
    pages(many)
    exceptions(demo)
    change_of_strategy(demo)
    change_of_distribution(demo)
    blue_green(mixed)
    assert not WATCH.mistakes, "\n".join(WATCH.mistakes)
    print(f"{sum(WATCH.called.values())} calls")


main()
