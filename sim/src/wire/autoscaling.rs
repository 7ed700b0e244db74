//! EC2 Auto Scaling: AWS Query, version 2011-01-01.

use serde_json::{Value, json};

use super::iso;
use super::page::page;
use super::protocol::Params;
use crate::world::groups::{Group, InstancesDistribution, LaunchTemplate};
use crate::world::{Refusal, World};

pub(super) const ACTIONS: &[&str] = &["autoscaling:DescribeAutoScalingGroups"];

pub(super) fn answer(world: &World, action: &str, params: &Params) -> Result<Value, Refusal> {
    if action != "DescribeAutoScalingGroups" {
        return Err(super::unknown_action(false, action));
    }
    // Names that do not exist are left out, without an error, as on AWS.
    let names = params.list("AutoScalingGroupNames.member");
    if (1..).map_while(|n| params.get(&format!("Filters.member.{n}.Name"))).next().is_some() {
        return Err(Refusal::new("ValidationError", "aws-sim does not model the filters of DescribeAutoScalingGroups"));
    }
    let found = world.groups.keys().filter(|n| names.is_empty() || names.contains(&n.as_str())).cloned().collect();
    // "The default value is 50 and the maximum value is 100" (MaxRecords).
    let (found, next) =
        page(found, params.get("NextToken"), params.get("MaxRecords").and_then(|m| m.parse().ok()), 50, 100)
            .map_err(|e| Refusal::new("ValidationError", e.message))?;
    let groups: Vec<Value> = found.iter().filter_map(|n| world.groups.get(n)).map(|g| group(world, g)).collect();
    Ok(json!({"AutoScalingGroups": groups, "NextToken": next}))
}

fn group(world: &World, g: &Group) -> Value {
    let template = world.launch_templates.get(&g.launch_template).map(specification);
    let zones: std::collections::BTreeSet<&str> =
        g.subnets.iter().filter_map(|s| world.subnets.get(s)).map(|s| s.zone.as_str()).collect();
    let instances: Vec<Value> = world
        .instances_of(&g.name)
        .map(|i| {
            json!({
                "InstanceId": i.id,
                "InstanceType": i.instance_type,
                "AvailabilityZone": i.zone,
                "LifecycleState": if i.registered { "InService" } else { "Pending" },
                "HealthStatus": "Healthy",
                "LaunchTemplate": template,
                "ProtectedFromScaleIn": g.protects_new_instances,
            })
        })
        .collect();
    let policy = g.distribution.as_ref().map(|d| {
        let overrides: Vec<Value> = g.instance_types.iter().map(|t| json!({"InstanceType": t})).collect();
        json!({"LaunchTemplate": {"LaunchTemplateSpecification": template, "Overrides": overrides}, "InstancesDistribution": distribution(d)})
    });
    json!({
        "AutoScalingGroupName": g.name,
        "AutoScalingGroupARN": world.arns.group(&g.name),
        "LaunchTemplate": if policy.is_some() { None } else { template },
        "MixedInstancesPolicy": policy,
        "MinSize": g.min_size,
        "MaxSize": g.max_size,
        "DesiredCapacity": g.desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": zones,
        "LoadBalancerNames": [],
        "TargetGroupARNs": [],
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": 0,
        "Instances": instances,
        "CreatedTime": iso(g.created_at),
        "SuspendedProcesses": [],
        "VPCZoneIdentifier": g.subnets.join(","),
        "EnabledMetrics": [],
        "Tags": g.tags.iter().map(|t| json!({"ResourceId": g.name, "ResourceType": "auto-scaling-group", "Key": t.key, "Value": t.value, "PropagateAtLaunch": true})).collect::<Vec<_>>(),
        "TerminationPolicies": ["Default"],
        "NewInstancesProtectedFromScaleIn": g.protects_new_instances,
        "ServiceLinkedRoleARN": format!("arn:aws:iam::{}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", world.arns.account),
        "CapacityRebalance": g.capacity_rebalance,
    })
}

fn specification(t: &LaunchTemplate) -> Value {
    json!({"LaunchTemplateId": t.id, "LaunchTemplateName": t.name, "Version": "$Latest"})
}

fn distribution(d: &InstancesDistribution) -> Value {
    json!({
        "OnDemandAllocationStrategy": d.on_demand_allocation_strategy.as_deref().unwrap_or("prioritized"),
        "OnDemandBaseCapacity": d.base(),
        // Left out where the account file leaves it out: absent means 100.
        "OnDemandPercentageAboveBaseCapacity": d.on_demand_percentage_above_base_capacity,
        "SpotAllocationStrategy": d.spot_allocation_strategy.as_deref().unwrap_or("capacity-optimized"),
        "SpotInstancePools": d.spot_instance_pools,
        "SpotMaxPrice": d.spot_max_price,
    })
}
