"""Drives every call with the AWS CLI, in one process, and holds every answer to its model (strict.py).

    python every_call.py URL MODELS

URL is a simulator with accounts/demo.yaml, MODELS the directory with the simulator's request models: every
operation in it must be called here.
"""

import contextlib
import io
import json
import pathlib
import shlex
import sys
import urllib.request

import jmespath
from awscli.clidriver import create_clidriver

from strict import watch

URL, MODELS = sys.argv[1], pathlib.Path(sys.argv[2])
DRIVER = create_clidriver()
WATCH = watch(DRIVER.session)


def aws(line, **values):
    """Runs a command line; answers its exit code and what it printed and complained of."""
    words = [word.format(**values) for word in shlex.split(line)]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = DRIVER.main([*words, "--endpoint-url", URL, "--region", "eu-west-1", "--output", "json"])
    return code, out.getvalue(), err.getvalue()


def said(line, **values):
    """What a command prints, read."""
    code, out, err = aws(line, **values)
    assert code == 0, f"{line}: {err}"
    return json.loads(out) if out.strip() else None


def shows(line, query, wanted, **values):
    answer = said(line, **values)
    found = jmespath.search(query, answer)
    assert found == wanted, f"{line}: {query} is {found!r}, not {wanted!r}, in {answer}"


def refused(line, code, text, **values):
    status, out, err = aws(line, **values)
    assert status != 0, f"{line}: {out}"
    assert f"({code})" in err and text in err, f"{line}: {err}"


def skip(seconds):
    body = json.dumps({"seconds": seconds}).encode()
    with urllib.request.urlopen(f"{URL}/_sim/clock/advance", body) as answer:
        return json.load(answer)


def fault(body):
    with urllib.request.urlopen(f"{URL}/_sim/faults", json.dumps(body).encode()) as answer:
        return json.load(answer)


def ecs_reads():
    shows("ecs list-clusters", "length(clusterArns)", 2)
    shows("ecs list-clusters --max-items 1 --page-size 1", "length(clusterArns)", 1)
    shows("ecs describe-clusters --clusters shop nope", "[clusters[0].status, failures[0].reason]", ["ACTIVE", "MISSING"])
    shows("ecs describe-clusters --clusters shop", "clusters[0].[tags, settings, statistics]", [[], [], []])
    statistics = "clusters[0].statistics[?name=='runningFargateTasksCount'].value"
    shows("ecs describe-clusters --clusters shop --include STATISTICS SETTINGS TAGS", statistics, ["4"])
    shows("ecs list-services --cluster shop", "length(serviceArns)", 2)
    shows("ecs list-services --cluster shop --launch-type FARGATE", "length(serviceArns)", 1)
    shows("ecs list-services --cluster shop --scheduling-strategy DAEMON", "serviceArns", [])
    web = said("ecs describe-services --cluster shop --services web --include TAGS")["services"][0]
    assert web["launchType"] == "FARGATE" and "capacityProviderStrategy" not in web, web
    shows("ecs describe-services --cluster shop --services api nope", "[services[0].runningCount, failures[0].reason]", [6, "MISSING"])
    shows("ecs list-task-definitions", "taskDefinitionArns[0]", "arn:aws:ecs:eu-west-1:123456789012:task-definition/api:7")
    shows("ecs list-task-definitions --sort DESC --family-prefix web", "length(taskDefinitionArns)", 1)
    shows("ecs list-task-definitions --status INACTIVE", "taskDefinitionArns", [])
    shows("ecs list-task-definition-families --family-prefix c", "families", ["crunch"])
    shows("ecs list-task-definition-families --status INACTIVE", "families", [])
    shows("ecs describe-task-definition --task-definition web --include TAGS", "taskDefinition.revision", 3)
    shows("ecs describe-capacity-providers", "length(capacityProviders)", 6)
    of_batch = "ecs describe-capacity-providers --cluster batch --capacity-providers mi-spot od"
    shows(of_batch, "[capacityProviders[0].type, failures[0].reason]", ["MANAGED_INSTANCES", "MISSING"])
    shows("ecs list-container-instances --cluster shop --status DRAINING", "containerInstanceArns", [])
    instances = said("ecs list-container-instances --cluster shop --status ACTIVE")["containerInstanceArns"]
    filtered = "ecs list-container-instances --cluster shop --filter 'attribute:ecs.instance-type == m5.large and ec2InstanceId in [{id}]'"
    shown = said("ecs describe-container-instances --cluster shop --container-instances {instance}", instance=instances[0])
    shows(filtered, "containerInstanceArns", instances[:1], id=shown["containerInstances"][0]["ec2InstanceId"])
    refused("ecs list-container-instances --cluster shop --filter 'task:group == x'", "InvalidParameterException", "cannot be read")
    described = "ecs describe-container-instances --cluster shop --include TAGS CONTAINER_INSTANCE_HEALTH --container-instances {instance} nope"
    shows(described, "[containerInstances[0].healthStatus.overallStatus, failures[0].reason]", ["OK", "MISSING"], instance=instances[0])
    shows("ecs list-tasks --cluster shop", "length(taskArns)", 10)
    for filter, count in [
        ("--service-name web", 4), ("--family api", 6), ("--launch-type EC2", 6), ("--desired-status STOPPED", 0),
        ("--desired-status PENDING", 0), (f"--started-by {web['deployments'][0]['id']}", 4),
    ]:
        shows(f"ecs list-tasks --cluster shop {filter}", "length(taskArns)", count)
    on_instance = said("ecs list-tasks --cluster shop --container-instance {instance}", instance=instances[0])
    assert on_instance["taskArns"], on_instance
    described = "ecs describe-tasks --cluster shop --include TAGS --tasks {task} nope"
    shows(described, "[tasks[0].lastStatus, failures[0].reason]", ["RUNNING", "MISSING"], task=on_instance["taskArns"][0])
    deployments = said("ecs list-service-deployments --cluster shop --service web --status SUCCESSFUL")["serviceDeployments"]
    of_deployment = "ecs describe-service-deployments --service-deployment-arns {arn}"
    shows(of_deployment, "serviceDeployments[0].status", "SUCCESSFUL", arn=deployments[0]["serviceDeploymentArn"])
    of_revision = "ecs describe-service-revisions --service-revision-arns {arn}"
    shows(of_revision, "serviceRevisions[0].launchType", "FARGATE", arn=deployments[0]["targetServiceRevisionArn"])
    return web


def ecs_writes(web):
    tag = "ecs tag-resource --resource-arn {arn} --tags key=team,value=a"
    assert said(tag, arn=web["serviceArn"]) is None
    shows("ecs list-tags-for-resource --resource-arn {arn}", "tags[-1].value", "a", arn=web["serviceArn"])
    assert said("ecs untag-resource --resource-arn {arn} --tag-keys team", arn=web["serviceArn"]) is None
    shows("ecs list-tags-for-resource --resource-arn {arn}", "length(tags)", 1, arn=web["serviceArn"])
    for kind in ("cluster/shop", "task-definition/web:3", "capacity-provider/od"):
        assert said(tag, arn=f"arn:aws:ecs:eu-west-1:123456789012:{kind}") is None

    task = said("ecs list-tasks --cluster shop --service-name web")["taskArns"][0]
    protect = "ecs update-task-protection --cluster shop --tasks {task} nope --protection-enabled --expires-in-minutes 60"
    shows(protect, "[protectedTasks[0].protectionEnabled, failures[0].reason]", [True, "MISSING"], task=task)
    shows("ecs get-task-protection --cluster shop --tasks {task}", "protectedTasks[0].protectionEnabled", True, task=task)
    unprotect = "ecs update-task-protection --cluster shop --tasks {task} --no-protection-enabled"
    shows(unprotect, "protectedTasks[0].protectionEnabled", False, task=task)
    shows("ecs stop-task --cluster shop --task {task} --reason test", "task.[desiredStatus, stopCode, stoppedReason]", ["STOPPED", "UserInitiated", "test"], task=task)
    skip(300)
    shows("ecs describe-services --cluster shop --services web", "services[0].runningCount", 4)

    put = "ecs put-cluster-capacity-providers --cluster shop --default-capacity-provider-strategy capacityProvider=FARGATE,weight=1 --capacity-providers"
    refused(f"{put} FARGATE FARGATE_SPOT", "ResourceInUseException", "od is in use")
    shows(f"{put} FARGATE FARGATE_SPOT od", "cluster.capacityProviders", ["FARGATE", "FARGATE_SPOT", "od"])
    refused(f"{put} od", "InvalidParameterException", "not associated with the cluster")
    refused(f"{put} od FARGATE nope", "InvalidParameterException", "'nope' was not found")
    shows(f"{put} FARGATE FARGATE_SPOT od spot", "cluster.defaultCapacityProviderStrategy[0].weight", 1)
    change = "ecs update-capacity-provider --name od --auto-scaling-group-provider managedScaling={{targetCapacity=90}},managedDraining=DISABLED"
    provider = "capacityProvider.autoScalingGroupProvider.[managedScaling.targetCapacity, managedScaling.status, managedDraining]"
    shows(change, provider, [90, "ENABLED", "DISABLED"])
    back = "ecs update-capacity-provider --name od --auto-scaling-group-provider managedScaling={{targetCapacity=100}},managedDraining=ENABLED"
    shows(back, provider, [100, "ENABLED", "ENABLED"])

    instance = said("ecs list-container-instances --cluster shop")["containerInstanceArns"][0]
    drain = "ecs update-container-instances-state --cluster shop --container-instances {instance} nope --status"
    shows(f"{drain} DRAINING", "[containerInstances[0].status, failures[0].reason]", ["DRAINING", "MISSING"], instance=instance)
    shows("ecs list-container-instances --cluster shop --status DRAINING", "containerInstanceArns", [instance])
    refused(f"{drain} DEREGISTERING", "InvalidParameterException", "ACTIVE and DRAINING", instance=instance)
    skip(240)
    shows("ecs describe-container-instances --cluster shop --container-instances {instance}", "containerInstances[0].runningTasksCount", 0, instance=instance)
    shows(f"{drain} ACTIVE", "containerInstances[0].status", "ACTIVE", instance=instance)

    spot = "ecs update-service --cluster shop --service web --capacity-provider-strategy capacityProvider=FARGATE,base=1,weight=1 capacityProvider=FARGATE_SPOT,weight=1"
    refused(spot, "InvalidParameterException", "you must force a new deployment")
    shows(f"{spot} --force-new-deployment", "service.capacityProviderStrategy[1].weight", 1)
    shows("ecs update-service --cluster shop --service api --desired-count 7 --health-check-grace-period-seconds 30", "service.[desiredCount, healthCheckGracePeriodSeconds]", [7, 30])
    shows("ecs update-service --cluster shop --service api --placement-constraints type=distinctInstance --placement-strategy type=spread,field=instanceId", "service.placementStrategy[0].type", "spread")
    refused("ecs update-service --cluster shop --service api --placement-constraints 'type=memberOf,expression=task:group == x'", "InvalidParameterException", "cannot be read")
    shows("ecs update-service --cluster shop --service api --placement-constraints [] --availability-zone-rebalancing ENABLED", "service.[placementConstraints, availabilityZoneRebalancing]", [[], "ENABLED"])
    shows("ecs update-service --cluster shop --service api --deployment-configuration minimumHealthyPercent=50,maximumPercent=150", "service.deploymentConfiguration.maximumPercent", 150)
    deployment = said("ecs list-service-deployments --cluster shop --service web")["serviceDeployments"][0]
    stopped = "ecs stop-service-deployment --service-deployment-arn {arn} --stop-type ROLLBACK"
    shows(stopped, "serviceDeploymentArn", deployment["serviceDeploymentArn"], arn=deployment["serviceDeploymentArn"])
    refused(stopped, "ConflictException", "not in progress", arn=deployment["serviceDeploymentArn"])
    skip(1200)
    shows("ecs describe-services --cluster shop --services web", "services[0].[launchType, length(deployments)]", ["FARGATE", 1])


def traffic_shift():
    """A blue/green deployment that pauses, goes on, pauses at its last stage and is rolled back; then an alarm."""
    pause = "{{targetType=PAUSE,lifecycleStages=[%s],timeoutConfiguration={{timeoutInMinutes=60}}}}"
    function = "{{targetType=AWS_LAMBDA,hookTargetArn=arn:aws:lambda:eu-west-1:123456789012:function:check,lifecycleStages=[POST_SCALE_UP]}}"
    hooks = f"lifecycleHooks=[{function},{pause % 'POST_SCALE_UP,PRE_PRODUCTION_TRAFFIC_SHIFT,POST_PRODUCTION_TRAFFIC_SHIFT'}]"
    deploy = "ecs update-service --cluster shop --service web --force-new-deployment --deployment-configuration"
    alarms = "alarms={{alarmNames=[web-errors],enable=true,rollback=true}}"
    blue_green = f"strategy=BLUE_GREEN,bakeTimeInMinutes=5,{hooks},{alarms}"
    hook = "service.deploymentConfiguration.lifecycleHooks[1].timeoutConfiguration.timeoutInMinutes"
    shows(f"{deploy} {blue_green}", hook, 60)
    refused(f"{deploy} strategy=BLUE_GREEN,lifecycleHooks=[{pause % 'TEST_TRAFFIC_SHIFT'}]", "InvalidParameterException", "PAUSE hooks cannot")

    arn = said("ecs list-service-deployments --cluster shop --service web")["serviceDeployments"][0]["serviceDeploymentArn"]
    continues = "ecs continue-service-deployment --service-deployment-arn {arn} --hook-id"

    def paused(stage, statuses, green, blue):
        skip(300)
        answer = said("ecs describe-service-deployments --service-deployment-arns {arn}", arn=arn)["serviceDeployments"][0]
        details = answer["lifecycleHookDetails"]
        assert (answer["lifecycleStage"], [d["status"] for d in details]) == (stage, statuses), answer
        assert details[-1]["timeoutAction"] == "ROLLBACK" and "targetArn" not in details[-1], details
        names = ("requestedTestTrafficWeight", "requestedProductionTrafficWeight")
        weights = [[r[name] for name in names] for r in (answer["targetServiceRevision"], answer["sourceServiceRevisions"][0])]
        assert weights == [green, blue], (stage, weights)
        assert answer["alarms"] == {"status": "MONITORING", "alarmNames": ["web-errors"], "triggeredAlarmNames": []}, answer
        return answer, details[-1]["hookId"]

    answer, hook = paused("POST_SCALE_UP", ["SUCCEEDED", "AWAITING_ACTION"], [0.0, 0.0], [0.0, 100.0])
    of_revision = "ecs describe-service-revisions --service-revision-arns {arn}"
    serves = "serviceRevisions[0].resolvedConfiguration.loadBalancers[0].targetGroupArn | contains(@, 'targetgroup/web/')"
    shows(of_revision, serves, True, arn=answer["targetServiceRevision"]["arn"])
    refused(f"{continues} nope", "InvalidParameterException", "does not await", arn=arn)
    refused(f"{continues} {hook}", "ServiceDeploymentNotFoundException", "not found", arn="nope")
    shows(f"{continues} {hook}", "serviceDeploymentArn", arn, arn=arn)
    _, hook = paused("PRODUCTION_TRAFFIC_SHIFT", ["AWAITING_ACTION"], [100.0, 0.0], [0.0, 100.0])
    shows(f"{continues} {hook} --action CONTINUE", "serviceDeploymentArn", arn, arn=arn)
    _, hook = paused("POST_PRODUCTION_TRAFFIC_SHIFT", ["AWAITING_ACTION"], [100.0, 100.0], [0.0, 0.0])
    shows(f"{continues} {hook} --action ROLLBACK", "serviceDeploymentArn", arn, arn=arn)
    skip(600)
    ended = "serviceDeployments[0].[status, alarms.status, lifecycleHookDetails[0].status, targetServiceRevision.requestedProductionTrafficWeight]"
    shows("ecs describe-service-deployments --service-deployment-arns {arn}", ended, ["ROLLBACK_SUCCESSFUL", "MONITORING_COMPLETE", "FAILED", 0.0], arn=arn)

    def alarmed(configuration, on):
        shows(f"{deploy} {configuration}", "service.status", "ACTIVE")
        fault({"fault": "alarm", "name": "web-errors", "on": on})
        skip(1200)
        newest = said("ecs list-service-deployments --cluster shop --service web")["serviceDeployments"][0]
        described = said("ecs describe-service-deployments --service-deployment-arns {arn}", arn=newest["serviceDeploymentArn"])
        answer = described["serviceDeployments"][0]
        return [answer["status"], answer["alarms"]["status"], answer["alarms"]["triggeredAlarmNames"]]

    # The alarm is still on when the second begins, which therefore heeds none; the third does again.
    assert alarmed(alarms, True) == ["ROLLBACK_SUCCESSFUL", "TRIGGERED", ["web-errors"]]
    assert alarmed(alarms, False) == ["SUCCESSFUL", "DISABLED", []]
    assert alarmed(alarms, False) == ["SUCCESSFUL", "MONITORING_COMPLETE", []]


def load_balancing(web):
    arn = web["loadBalancers"][0]["targetGroupArn"]
    shows("elbv2 describe-target-groups --target-group-arns {arn}", "TargetGroups[0].TargetGroupName", "web", arn=arn)
    shows("elbv2 describe-target-groups --names web api --page-size 1", "length(TargetGroups)", 1)
    of_delay = "Attributes[?Key=='deregistration_delay.timeout_seconds'].Value"
    shows("elbv2 describe-target-group-attributes --target-group-arn {arn}", of_delay, ["15"], arn=arn)
    change = "elbv2 modify-target-group-attributes --target-group-arn {arn} --attributes Key=deregistration_delay.timeout_seconds,Value="
    shows(f"{change}20", of_delay, ["20"], arn=arn)
    refused(f"{change}3601", "InvalidConfigurationRequest", "0 to 3600", arn=arn)
    refused("elbv2 describe-target-group-attributes --target-group-arn nope", "TargetGroupNotFound", "not found")
    health = said("elbv2 describe-target-health --target-group-arn {arn}", arn=arn)["TargetHealthDescriptions"]
    assert [h["TargetHealth"]["State"] for h in health] == ["healthy"] * 4, health
    asked = f"elbv2 describe-target-health --target-group-arn {{arn}} --targets Id={health[0]['Target']['Id']} Id=10.9.9.9"
    shows(asked, "TargetHealthDescriptions[].TargetHealth.State", ["healthy", "unused"], arn=arn)
    shows("elbv2 describe-tags --resource-arns {arn}", "TagDescriptions[0].Tags", [], arn=arn)


def auto_scaling():
    shows("autoscaling describe-auto-scaling-groups --auto-scaling-group-names od nope", "AutoScalingGroups[].AutoScalingGroupName", ["od"])
    shows("autoscaling describe-auto-scaling-groups --no-include-instances", "AutoScalingGroups[0].Instances", [])
    shows("autoscaling describe-auto-scaling-groups --filters Name=tag-key,Values=none", "AutoScalingGroups", [])
    refused("autoscaling describe-auto-scaling-groups --filters Name=nope,Values=none", "ValidationError", "tag:KEY")
    refused("autoscaling describe-auto-scaling-groups --max-records 101", "ValidationError", "between 1 and 100")
    group = "--auto-scaling-group-name od"
    assert said(f"autoscaling set-desired-capacity {group} --desired-capacity 4 --no-honor-cooldown") is None
    skip(300)
    of_group = "AutoScalingGroups[0].[DesiredCapacity, length(Instances)]"
    shows("autoscaling describe-auto-scaling-groups --auto-scaling-group-names od", of_group, [4, 4])
    refused(f"autoscaling set-desired-capacity {group} --desired-capacity 21", "ValidationError", "above max value 20")
    refused(f"autoscaling set-desired-capacity {group} --desired-capacity 0", "ValidationError", "below min value 1")
    refused("autoscaling set-desired-capacity --auto-scaling-group-name nope --desired-capacity 1", "ValidationError", "nope not found")
    assert said(f"autoscaling update-auto-scaling-group {group} --min-size 1 --max-size 10 --desired-capacity 3 --capacity-rebalance") is None
    refused(f"autoscaling update-auto-scaling-group {group} --min-size 11", "ValidationError", "less than or equal")
    refused(f"autoscaling update-auto-scaling-group {group} --desired-capacity 11", "ValidationError", "between the specified")
    refused(f"autoscaling update-auto-scaling-group {group} --default-cooldown 1", "ValidationError", "DefaultCooldown")
    skip(900)
    shows("autoscaling describe-auto-scaling-groups --auto-scaling-group-names od", of_group, [3, 3])
    spot = "autoscaling update-auto-scaling-group --auto-scaling-group-name spot --mixed-instances-policy InstancesDistribution={{OnDemandPercentageAboveBaseCapacity=50}}"
    assert said(spot) is None
    percent = "AutoScalingGroups[0].MixedInstancesPolicy.InstancesDistribution.[OnDemandPercentageAboveBaseCapacity, SpotAllocationStrategy]"
    shows("autoscaling describe-auto-scaling-groups --auto-scaling-group-names spot", percent, [50, "capacity-optimized"])
    refused(spot.replace("name spot", "name od"), "ValidationError", "no MixedInstancesPolicy")
    activities = said(f"autoscaling describe-scaling-activities {group}")["Activities"]
    assert activities[0]["Description"].startswith("Terminating EC2 instance: i-"), activities
    assert activities[-1]["StatusCode"] == "Successful" and activities[-1]["Description"].startswith("Launching"), activities
    shows("autoscaling describe-scaling-activities --activity-ids {id} nope", "length(Activities)", 1, id=activities[0]["ActivityId"])
    refused("autoscaling describe-scaling-activities --auto-scaling-group-name nope", "ValidationError", "not found")


def application_auto_scaling():
    aas = "application-autoscaling"
    shows(f"{aas} describe-scalable-targets --service-namespace ecs", "ScalableTargets[0].MaxCapacity", 10)
    shows(f"{aas} describe-scalable-targets --service-namespace dynamodb", "ScalableTargets", [])
    register = f"{aas} register-scalable-target --service-namespace ecs --scalable-dimension ecs:service:DesiredCount --resource-id"
    assert said(f"{register} service/shop/api --min-capacity 2 --max-capacity 8")["ScalableTargetARN"]
    refused(f"{register} service/shop/nope --min-capacity 2 --max-capacity 8", "ValidationException", "doesn't exist")
    refused(f"{register} service/batch/crunch --min-capacity 2", "ValidationException", "MaxCapacity")
    refused(f"{register} service/shop/api --min-capacity 9", "ValidationException", "cannot be greater")
    put = f"{aas} put-scheduled-action --service-namespace ecs --scalable-dimension ecs:service:DesiredCount --scheduled-action-name day --resource-id"
    assert said(f"{put} service/shop/api --schedule 'rate(1 day)' --scalable-target-action MinCapacity=3,MaxCapacity=8") is None
    refused(f"{put} service/batch/crunch --schedule 'rate(1 day)'", "ObjectNotFoundException", "No scalable target")
    refused(f"{put} service/shop/api --schedule daily", "ValidationException", "daily")
    shows(f"{aas} describe-scheduled-actions --service-namespace ecs --resource-id service/shop/api", "ScheduledActions[].ScheduledActionName", ["day"])


def ec2():
    shows("ec2 describe-instance-types --instance-types m5.large", "InstanceTypes[0].VCpuInfo.DefaultVCpus", 2)
    shows("ec2 describe-instance-types --filters Name=instance-type,Values=m5.l*", "InstanceTypes[].InstanceType", ["m5.large"])
    shows("ec2 describe-subnets --filters Name=availability-zone,Values=eu-west-1a", "length(Subnets)", 1)
    shows("ec2 describe-availability-zones --zone-names eu-west-1b", "AvailabilityZones[0].ZoneId", "euw1-az2")
    shows("ec2 describe-launch-template-versions --launch-template-name shop-od --versions $Latest", "LaunchTemplateVersions[0].LaunchTemplateData.InstanceType", "m5.large")
    reservations = said("ec2 describe-instances --filters Name=instance-state-name,Values=running")["Reservations"]
    instance = reservations[0]["Instances"][0]["InstanceId"]
    shows("ec2 describe-instances --instance-ids {instance}", "Reservations[0].Instances[0].State.Name", "running", instance=instance)
    refused("ec2 describe-instances --instance-ids {instance} --max-results 5", "InvalidParameterCombination", "maxResults", instance=instance)
    for line, code, text in [
        ("ec2 describe-instances --instance-ids i-0", "InvalidInstanceID.NotFound", "i-0"),
        ("ec2 describe-instances --dry-run", "DryRunOperation", "would have succeeded"),
        ("ec2 describe-subnets --subnet-ids subnet-0", "InvalidSubnetID.NotFound", "subnet-0"),
        ("ec2 describe-subnets --max-results 1001", "InvalidParameterValue", "less than or equal to 1000"),
        ("ec2 describe-subnets --next-token x", "InvalidNextToken", "not valid"),
        ("ec2 describe-instance-types --instance-types x9.tiny", "InvalidInstanceType", "x9.tiny"),
        ("ec2 describe-instance-types --filters Name=hypervisor,Values=nitro", "InvalidParameterValue", "hypervisor"),
        ("ec2 describe-launch-template-versions", "MissingParameter", "launchTemplateId"),
        ("ec2 describe-launch-template-versions --launch-template-name nope", "InvalidLaunchTemplateName.NotFoundException", "does not exist"),
        ("ec2 describe-launch-template-versions --launch-template-id lt-0", "InvalidLaunchTemplateId.NotFound", "lt-0"),
        ("ec2 describe-availability-zones --zone-names eu-west-1z", "InvalidParameterValue", "eu-west-1z"),
        ("ec2 describe-instances --no-include-managed-resources", "UnsupportedOperation", "IncludeManagedResources"),
    ]:
        refused(line, code, text)


def spot():
    """Scores and prices of the demo's pools, which have no limit."""
    types = "--instance-types m5.large m6i.large m5.xlarge"
    scores = "ec2 get-spot-placement-scores --target-capacity 10"
    shows(f"{scores} {types}", "SpotPlacementScores", [{"Region": "eu-west-1", "Score": 10}])
    shows(f"{scores} {types} --single-availability-zone", "SpotPlacementScores[].AvailabilityZoneId", ["euw1-az1", "euw1-az2", "euw1-az3"])
    shows(f"{scores} --instance-types m5.large m6i.large", "SpotPlacementScores[0].Score", 3)
    shows(f"{scores} {types} --region-names us-east-1", "SpotPlacementScores", [])
    needs = "InstanceRequirements={{VCpuCount={{Min=2,Max=4}},MemoryMiB={{Min=%d}}}}"
    shows(f"{scores} --instance-requirements-with-metadata {needs % 4096}", "SpotPlacementScores[0].Score", 10)
    for line, code, text in [
        (f"{scores} --instance-requirements-with-metadata {needs % 16385}", "InvalidParameterValue", "at least 3"),
        (f"{scores} {types} --instance-requirements-with-metadata {needs % 4096}", "InvalidParameterCombination", "together"),
        (scores, "MissingParameter", "InstanceTypes"),
        (f"{scores} --instance-types m5.large nope.large", "InvalidParameterValue", "nope.large"),
        (f"{scores} {types} --max-results 1001", "InvalidParameterValue", "less than or equal to 1000"),
        (f"{scores} {types} --dry-run", "DryRunOperation", "would have succeeded"),
        ("ec2 describe-spot-price-history --availability-zone a --availability-zone-id b", "InvalidParameterCombination", "not both"),
    ]:
        refused(line, code, text)
    for capacity in range(100, 200):
        code, out, err = aws(f"ec2 get-spot-placement-scores {types} --target-capacity {capacity}")
        if code:
            break
    assert capacity == 146 and "(MaxConfigLimitExceeded)" in err, (capacity, err)
    shows(f"{scores} {types}", "SpotPlacementScores[0].Score", 10)
    skip(86_400)
    shows(f"ec2 get-spot-placement-scores {types} --target-capacity 999", "SpotPlacementScores[0].Score", 10)

    prices = "ec2 describe-spot-price-history --instance-types m5.large --availability-zone eu-west-1a"
    history = said(prices)["SpotPriceHistory"]
    assert len(history) > 500 and history == sorted(history, key=lambda p: p["Timestamp"], reverse=True), len(history)
    assert all(0.028 <= float(p["SpotPrice"]) <= 0.042 for p in history), history
    shows(f"{prices} --start-time {history[0]['Timestamp']}", "SpotPriceHistory", history[:1])
    shows(f"{prices} --product-descriptions Windows", "SpotPriceHistory", [])
    # The effective price of each pool: two types in three zones.
    now = skip(0)["now"]
    shows("ec2 describe-spot-price-history --filters Name=instance-type,Values=m5.* --start-time {now}", "length(SpotPriceHistory)", 6, now=now)


def quotas():
    shows("service-quotas get-service-quota --service-code fargate --quota-code L-3032A538", "Quota.Value", 4000.0)
    shows("service-quotas get-aws-default-service-quota --service-code ec2 --quota-code L-1216C47A", "Quota.Value", 4000.0)
    shows("service-quotas list-service-quotas --service-code ec2", "length(Quotas)", 2)
    refused("service-quotas get-service-quota --service-code ec2 --quota-code L-0", "NoSuchResourceException", "does not exist")


def price_list():
    products = "pricing get-products --service-code"
    linux = "Type=TERM_MATCH,Field=operatingSystem,Value=Linux Type=TERM_MATCH,Field=capacitystatus,Value=Used Type=TERM_MATCH,Field=tenancy,Value=Shared"
    answer = said(f"{products} AmazonEC2 --filters {linux} 'Type=ANY_OF,Field=instanceType,Value=\"m5.large,c5.large\"'")
    listed = [json.loads(item) for item in answer["PriceList"]]
    names = sorted(item["product"]["attributes"]["instanceType"] for item in listed)
    assert answer["FormatVersion"] == "aws_v1" and names == ["c5.large", "m5.large"], answer
    terms = [term for item in listed for term in item["terms"]["OnDemand"].values()]
    prices = [rate["pricePerUnit"]["USD"] for term in terms for rate in term["priceDimensions"].values()]
    assert prices == ["0.1000000000"] * 2, prices
    shows(f"{products} AmazonEC2 --filters Type=EQUALS,Field=regionCode,Value=us-east-1", "PriceList", [])
    shows(f"{products} AmazonEC2 --page-size 7 --max-items 9", "length(PriceList)", 9)
    shows(f"{products} AmazonECS --filters Type=CONTAINS,Field=usagetype,Value=Fargate-ARM", "length(PriceList)", 2)
    for line, code, text in [
        (f"{products} AmazonS3", "NotFoundException", "AmazonS3"),
        (f"{products} AmazonEC2 --format-version aws_v2", "InvalidParameterException", "aws_v1"),
        (f"{products} AmazonEC2 --max-results 101", "InvalidParameterException", "less than or equal to 100"),
        (f"{products} AmazonEC2 --next-token x", "InvalidNextTokenException", "not valid"),
    ]:
        refused(line, code, text)


def refusals():
    for line, code, text in [
        ("ecs describe-services --cluster nope --services web", "ClusterNotFoundException", "Cluster not found"),
        ("ecs update-service --cluster shop --service nope --desired-count 1", "ServiceNotFoundException", "not found"),
        ("ecs update-service --cluster shop --service web --desired-count -1", "InvalidParameterException", "negative"),
        ("ecs update-service --cluster shop --service web --enable-execute-command", "ClientException", "enableExecuteCommand"),
        ("ecs update-service --cluster shop --service web --placement-strategy type=random", "InvalidParameterException", "not supported with FARGATE"),
        ("ecs list-services --cluster shop --max-results 101", "InvalidParameterException", "between 1 and 100"),
        ("ecs list-tasks --cluster shop --started-by x --family y", "InvalidParameterException", "only filter"),
        ("ecs stop-task --cluster shop --task nope", "InvalidParameterException", "The referenced task was not found"),
        ("ecs describe-capacity-providers --max-results 11", "InvalidParameterException", "between 1 and 10"),
        ("ecs update-capacity-provider --name FARGATE --auto-scaling-group-provider managedDraining=ENABLED", "InvalidParameterException", "Auto Scaling group"),
        ("ecs update-task-protection --cluster shop --tasks a --protection-enabled --expires-in-minutes 2881", "InvalidParameterException", "2880"),
        ("ecs tag-resource --resource-arn arn:aws:ecs:eu-west-1:123456789012:task/shop/x --tags key=a,value=b", "InvalidParameterException", "not found"),
        ("ecs create-cluster --cluster-name x", "UnknownOperationException", "CreateCluster"),
        ("ec2 describe-vpcs", "InvalidAction", "DescribeVpcs"),
        ("elbv2 describe-load-balancers", "InvalidAction", "DescribeLoadBalancers"),
    ]:
        refused(line, code, text)


def main():
    web = ecs_reads()
    load_balancing(web)
    ecs_writes(web)
    traffic_shift()
    auto_scaling()
    application_auto_scaling()
    ec2()
    spot()
    quotas()
    price_list()
    shows("sts get-caller-identity", "[Account, Arn]", ["123456789012", "arn:aws:sts::123456789012:assumed-role/aws-sim/session"])
    refusals()
    assert not WATCH.mistakes, "\n".join(WATCH.mistakes)
    missed = [
        f"{path.stem} {name}"
        for path in sorted(MODELS.glob("*.json"))
        for name in json.loads(path.read_text())["operations"]
        if f"{path.stem} {name}" not in WATCH.called
    ]
    assert not missed, f"never called: {missed}"
    print(f"{sum(WATCH.called.values())} calls of {len(WATCH.called)} operations")


main()
