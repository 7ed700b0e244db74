"""boto3 reads every answer of aws-sim, and a change of strategy goes through to its end.

Run as: python read_everything.py http://127.0.0.1:PORT   (an aws-sim with accounts/demo.yaml)
"""

import json
import sys
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]
OPTIONS = {
    "region_name": "eu-west-1",
    "endpoint_url": URL,
    "aws_access_key_id": "x",
    "aws_secret_access_key": "y",
    "config": Config(retries={"max_attempts": 1, "mode": "standard"}),
}
SPOT = [
    {"capacityProvider": "FARGATE", "weight": 1, "base": 1},
    {"capacityProvider": "FARGATE_SPOT", "weight": 1},
]


def client(name):
    return boto3.client(name, **OPTIONS)


def sim(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(URL + path, data, method=method)) as answer:
        return json.load(answer)


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} expected")


def ecs_reads(ecs):
    clusters = ecs.list_clusters()["clusterArns"]
    described = ecs.describe_clusters(clusters=clusters, include=["TAGS"])["clusters"]
    assert {c["clusterName"] for c in described} == {"shop", "batch"}
    assert described[1]["runningTasksCount"] > 0
    names = [a for p in ecs.get_paginator("list_services").paginate(cluster="shop", PaginationConfig={"PageSize": 1}) for a in p["serviceArns"]]
    assert len(names) == 2, names
    web, api = (s for n in ("web", "api") for s in ecs.describe_services(cluster="shop", services=[n], include=["TAGS"])["services"])
    assert web["launchType"] == "FARGATE" and "capacityProviderStrategy" not in web
    assert "launchType" not in api and api["capacityProviderStrategy"][0]["capacityProvider"] == "od"
    assert web["tags"] == ecs.list_tags_for_resource(resourceArn=web["serviceArn"])["tags"]
    assert web["deployments"][0]["rolloutState"] == "COMPLETED"
    definition = ecs.describe_task_definition(taskDefinition=web["taskDefinition"], include=["TAGS"])["taskDefinition"]
    assert definition["cpu"] == "256" and definition["containerDefinitions"][0]["stopTimeout"] == 30
    providers = {p["name"]: p for p in ecs.describe_capacity_providers(capacityProviders=["FARGATE", "od", "mi-spot"])["capacityProviders"]}
    assert providers["od"]["type"] == "EC2_AUTOSCALING" and providers["FARGATE"]["type"] == "FARGATE"
    assert providers["mi-spot"]["managedInstancesProvider"]["instanceLaunchTemplate"]["capacityOptionType"] == "SPOT"
    assert providers["mi-spot"]["cluster"] == "batch"
    tasks = ecs.list_tasks(cluster="shop", serviceName="api")["taskArns"]
    task = ecs.describe_tasks(cluster="shop", tasks=tasks)["tasks"][0]
    assert task["capacityProviderName"] == "od" and task["group"] == "service:api" and task["containerInstanceArn"]
    assert ecs.list_tasks(cluster="shop", serviceName="api", desiredStatus="PENDING")["taskArns"] == []
    protection = ecs.get_task_protection(cluster="shop", tasks=tasks)["protectedTasks"]
    assert [p["protectionEnabled"] for p in protection] == [False] * len(tasks)
    instances = ecs.list_container_instances(cluster="shop")["containerInstanceArns"]
    instance = ecs.describe_container_instances(cluster="shop", containerInstances=instances)["containerInstances"][0]
    assert {r["name"]: r["integerValue"] for r in instance["registeredResources"]}["CPU"] == 2048
    return providers["od"]["autoScalingGroupProvider"]["autoScalingGroupArn"], web


def other_reads(group_arn, web):
    groups = client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    by_name = {g["AutoScalingGroupName"]: g for g in groups}
    assert by_name["od"]["AutoScalingGroupARN"] == group_arn and by_name["od"]["Instances"][0]["LifecycleState"] == "InService"
    policy = by_name["spot"]["MixedInstancesPolicy"]
    assert policy["InstancesDistribution"]["OnDemandPercentageAboveBaseCapacity"] == 0
    assert [o["InstanceType"] for o in policy["LaunchTemplate"]["Overrides"]] == ["m5.large", "m6i.large", "m5.xlarge"]
    assert by_name["spot"]["CapacityRebalance"] is True
    elb = client("elbv2")
    arn = web["loadBalancers"][0]["targetGroupArn"]
    assert elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]["TargetGroupName"] == "web"
    attributes = {a["Key"]: a["Value"] for a in elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]}
    assert attributes["deregistration_delay.timeout_seconds"] == "15"
    health = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert [h["TargetHealth"]["State"] for h in health] == ["healthy"] * 4
    assert elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"] == []
    refused("TargetGroupNotFound", elb.describe_target_group_attributes, TargetGroupArn="nope")
    changed = elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}])
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "20"} in changed["Attributes"]
    scaling = client("application-autoscaling")
    assert scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]["MinCapacity"] == 2
    action = scaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"][0]
    assert action["ScalableTargetAction"] == {"MinCapacity": 2, "MaxCapacity": 4} and action["Timezone"] == "Europe/Berlin"
    ec2 = client("ec2")
    template = ec2.describe_launch_template_versions(LaunchTemplateName="shop-od", Versions=["$Latest"])["LaunchTemplateVersions"][0]
    assert template["LaunchTemplateData"]["InstanceType"] == "m5.large"
    kind = ec2.describe_instance_types(InstanceTypes=["m5.large"])["InstanceTypes"][0]
    assert (kind["VCpuInfo"]["DefaultVCpus"], kind["MemoryInfo"]["SizeInMiB"]) == (2, 8192)
    subnets = ec2.describe_subnets()["Subnets"]
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert {s["AvailabilityZone"] for s in subnets} == {z["ZoneName"] for z in zones}
    ids = [i["InstanceId"] for i in by_name["od"]["Instances"]]
    found = ec2.describe_instances(InstanceIds=ids)["Reservations"]
    assert {i["InstanceId"] for r in found for i in r["Instances"]} == set(ids)
    quotas = client("service-quotas")
    assert quotas.get_service_quota(ServiceCode="fargate", QuotaCode="L-36FBB829")["Quota"]["Value"] == 4000
    assert len(quotas.list_service_quotas(ServiceCode="ec2")["Quotas"]) == 2
    refused("NoSuchResourceException", quotas.get_service_quota, ServiceCode="ec2", QuotaCode="L-0")


def refusals(ecs):
    forced = refused("InvalidParameterException", ecs.update_service, cluster="shop", service="web", capacityProviderStrategy=SPOT)
    assert "you must force a new deployment" in forced
    refused("ClusterNotFoundException", ecs.list_services, cluster="nope")
    refused("ServiceNotFoundException", ecs.update_service, cluster="shop", service="nope")
    refused("InvalidParameterException", ecs.list_services, cluster="shop", maxResults=101)
    refused("UnknownOperationException", ecs.create_cluster, clusterName="x")
    refused("InvalidAction", client("ec2").describe_vpcs)


def change_of_strategy(ecs):
    answer = ecs.update_service(cluster="shop", service="web", capacityProviderStrategy=SPOT, forceNewDeployment=True)["service"]
    assert [d["status"] for d in answer["deployments"]] == ["PRIMARY", "ACTIVE"]
    # AWS's own waiter, which polls every 15 s: the clock is moved for it.
    sim("POST", "/_sim/clock/advance", {"seconds": 600})
    ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    web = ecs.describe_services(cluster="shop", services=["web"])["services"][0]
    brief = ecs.list_service_deployments(cluster="shop", service="web")["serviceDeployments"]
    assert [d["status"] for d in brief] == ["SUCCESSFUL", "SUCCESSFUL"]
    deployment = ecs.describe_service_deployments(serviceDeploymentArns=[web["currentServiceDeployment"]])["serviceDeployments"][0]
    assert deployment["targetServiceRevision"]["runningTaskCount"] == 4
    assert deployment["deploymentCircuitBreaker"]["threshold"] == 3
    revision = ecs.describe_service_revisions(serviceRevisionArns=[deployment["targetServiceRevision"]["arn"]])["serviceRevisions"][0]
    assert [i["capacityProvider"] for i in revision["capacityProviderStrategy"]] == ["FARGATE", "FARGATE_SPOT"]
    tasks = ecs.describe_tasks(cluster="shop", tasks=ecs.list_tasks(cluster="shop", serviceName="web")["taskArns"])["tasks"]
    assert sorted(t["capacityProviderName"] for t in tasks) == ["FARGATE"] * 3 + ["FARGATE_SPOT"]
    assert all(t["containers"][0]["imageDigest"] == revision["containerImages"][0]["imageDigest"] for t in tasks)
    stopped = ecs.list_tasks(cluster="shop", serviceName="web", desiredStatus="STOPPED")["taskArns"]
    old = ecs.describe_tasks(cluster="shop", tasks=stopped)["tasks"]
    assert {t["stopCode"] for t in old} == {"ServiceSchedulerInitiated"}
    # And one that is stopped half way.
    ecs.update_service(cluster="shop", service="web", forceNewDeployment=True)
    time.sleep(0.1)
    arn = ecs.list_service_deployments(cluster="shop", service="web", status=["PENDING", "IN_PROGRESS"])["serviceDeployments"][0]["serviceDeploymentArn"]
    assert ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")["serviceDeploymentArn"] == arn
    sim("POST", "/_sim/clock/advance", {"seconds": 600})
    ended = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
    assert ended["status"] == "ROLLBACK_SUCCESSFUL" and ended["rollback"]["serviceRevisionArn"] == revision["serviceRevisionArn"]


def main():
    ecs = client("ecs")
    group_arn, web = ecs_reads(ecs)
    other_reads(group_arn, web)
    refusals(ecs)
    change_of_strategy(ecs)
    counted = sim("GET", "/_sim/counters")
    assert counted["updateService"] == {"shop/web": 2}, counted["updateService"]
    print("ok")


main()
