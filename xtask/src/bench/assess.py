"""Reads what `spotkeeper assess` reads of an account, one call after the other: the plain script beside it.

    python assess.py URL
"""

import sys

import boto3
from botocore.config import Config

CONFIG = Config(region_name="us-east-1", retries={"mode": "standard", "max_attempts": 10})


def batches(items, size):
    return [items[n : n + size] for n in range(0, len(items), size)]


def main(url):
    ecs, elb, scaling = (
        boto3.client(name, endpoint_url=url, aws_access_key_id="x", aws_secret_access_key="y", config=CONFIG)
        for name in ("ecs", "elbv2", "application-autoscaling")
    )
    clusters = [arn for page in ecs.get_paginator("list_clusters").paginate() for arn in page["clusterArns"]]
    ecs.describe_clusters(clusters=clusters)
    known = set()
    for cluster in clusters:
        pages = ecs.get_paginator("list_services").paginate(cluster=cluster, PaginationConfig={"PageSize": 100})
        services = []
        for arns in batches([arn for page in pages for arn in page["serviceArns"]], 10):
            services += ecs.describe_services(cluster=cluster, services=arns, include=["TAGS"])["services"]
        for service in services:
            if service["taskDefinition"] not in known:
                ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
            groups = [balancer["targetGroupArn"] for balancer in service["loadBalancers"]]
            for group in groups:
                if group not in known:
                    elb.describe_target_group_attributes(TargetGroupArn=group)
            known.update([service["taskDefinition"], *groups])
        providers = ecs.describe_clusters(clusters=[cluster])["clusters"][0]["capacityProviders"]
        ecs.describe_capacity_providers(capacityProviders=providers)
        for some in batches([f"service/{s['serviceArn'].split(':service/')[1]}" for s in services], 50):
            scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=some)
        tasks = [arn for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster) for arn in page["taskArns"]]
        for some in batches(tasks, 100):
            ecs.describe_tasks(cluster=cluster, tasks=some)
            ecs.get_task_protection(cluster=cluster, tasks=some)


main(sys.argv[1])
