//! EC2 Auto Scaling: AWS Query, version 2011-01-01.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::page::Paging;
use super::protocol::Service;
use super::{Handler, iso, read};
use crate::world::groups::{Activity, Group, InstancesDistribution, LaunchTemplate};
use crate::world::groups_by_hand::GroupChange;
use crate::world::instances::Instance;
use crate::world::{Refusal, World};

pub(super) const CALLS: &[(&str, Handler)] = &[
    ("DescribeAutoScalingGroups", |w, i| describe_groups(w, i)),
    ("UpdateAutoScalingGroup", update_group),
    ("SetDesiredCapacity", set_desired_capacity),
    ("DescribeScalingActivities", |w, i| describe_activities(w, i)),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Describe {
    #[serde(default)]
    auto_scaling_group_names: Vec<String>,
    #[serde(default = "yes")]
    include_instances: bool,
    #[serde(default)]
    filters: Vec<Filter>,
    max_records: Option<i64>,
    next_token: Option<String>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    name: String,
    #[serde(default)]
    values: Vec<String>,
}

fn describe_groups(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: Describe = read(Service::AutoScaling, input)?;
    let names = &call.auto_scaling_group_names;
    // "By default, you can only specify up to 50 names. You can optionally increase this limit using
    // the MaxRecords property" (AutoScalingGroupNames).
    let most = call.max_records.and_then(|n| usize::try_from(n).ok()).unwrap_or(50);
    if names.len() > most {
        let what = format!("AutoScalingGroupNames cannot have more than {most} elements");
        return Err(Refusal::new("ValidationError", what));
    }
    let mut found = Vec::new();
    // Names that do not exist are left out, without an error, as on AWS.
    for group in world.groups.values().filter(|g| names.is_empty() || names.contains(&g.name)) {
        if passes(group, &call.filters)? {
            found.push(group.name.clone());
        }
    }
    let paging = Paging { service: Service::AutoScaling, token: call.next_token.as_deref(), max: call.max_records };
    // "The default value is 50 and the maximum value is 100" (MaxRecords).
    let (found, next) = paging.cut(found, 50, 1..=100)?;
    let groups: Vec<Value> =
        found.iter().filter_map(|n| world.groups.get(n)).map(|g| group(world, g, call.include_instances)).collect();
    Ok(json!({"AutoScalingGroups": groups, "NextToken": next}))
}

/// Whether a group has the tags that the filters ask for: `tag-key`, `tag-value` and `tag:KEY`
/// (Filter, Auto Scaling API reference).
fn passes(group: &Group, filters: &[Filter]) -> Result<bool, Refusal> {
    for Filter { name, values } in filters {
        let one_of = |text: &String| values.contains(text);
        let passes = match (name.as_str(), name.strip_prefix("tag:")) {
            ("tag-key", _) => group.tags.iter().any(|t| one_of(&t.key)),
            ("tag-value", _) => group.tags.iter().any(|t| one_of(&t.value)),
            (_, Some(key)) => group.tags.iter().any(|t| t.key == key && one_of(&t.value)),
            _ => {
                let what = format!("The filter {name} is not valid: allowed are tag-key, tag-value and tag:KEY");
                return Err(Refusal::new("ValidationError", what));
            }
        };
        if !passes {
            return Ok(false);
        }
    }
    Ok(true)
}

fn group(world: &World, g: &Group, instances: bool) -> Value {
    let template = world.launch_templates.get(&g.launch_template).map(specification);
    let zones: std::collections::BTreeSet<&str> =
        g.subnets.iter().filter_map(|s| world.subnets.get(s)).map(|s| s.zone.as_str()).collect();
    let instances: Vec<Value> = world
        .instances_of(&g.name)
        .filter(|_| instances)
        .map(|i| {
            json!({
                "InstanceId": i.id,
                "InstanceType": i.instance_type,
                "AvailabilityZone": i.zone,
                "LifecycleState": lifecycle_state(i),
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

fn lifecycle_state(i: &Instance) -> &'static str {
    match (i.registered, i.leaving && i.draining) {
        (false, _) => "Pending",
        // A lifecycle hook of ECS holds it until its tasks have gone (managed draining).
        (true, true) => "Terminating:Wait",
        (true, false) => "InService",
    }
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
        "SpotAllocationStrategy": d.spot_allocation_strategy.as_deref().unwrap_or("lowest-price"),
        "SpotInstancePools": d.spot_instance_pools,
        "SpotMaxPrice": d.spot_max_price,
    })
}

/// A size that a request gives; AWS's sizes are not negative.
fn size(name: &str, value: Option<i64>) -> Result<Option<u32>, Refusal> {
    let what = || Refusal::new("ValidationError", format!("{name} must be 0 or more"));
    value.map(|v| u32::try_from(v).map_err(|_| what())).transpose()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Update {
    auto_scaling_group_name: String,
    min_size: Option<i64>,
    max_size: Option<i64>,
    desired_capacity: Option<i64>,
    capacity_rebalance: Option<bool>,
    new_instances_protected_from_scale_in: Option<bool>,
    mixed_instances_policy: Option<MixedInstancesPolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MixedInstancesPolicy {
    #[serde(default)]
    instances_distribution: Map<String, Value>,
}

fn update_group(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: Update = read(Service::AutoScaling, input)?;
    let distribution = call.mixed_instances_policy.map(|p| p.instances_distribution).unwrap_or_default();
    world.update_group(
        &call.auto_scaling_group_name,
        GroupChange {
            min_size: size("MinSize", call.min_size)?,
            max_size: size("MaxSize", call.max_size)?,
            desired: size("DesiredCapacity", call.desired_capacity)?,
            capacity_rebalance: call.capacity_rebalance,
            protects_new_instances: call.new_instances_protected_from_scale_in,
            distribution: distribution.into_iter().map(|(k, v)| (super::check::lower(&k), v)).collect(),
        },
    )?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SetDesired {
    auto_scaling_group_name: String,
    desired_capacity: i64,
    // There are no cooldowns here.
    #[serde(default, rename = "HonorCooldown")]
    _honor_cooldown: bool,
}

fn set_desired_capacity(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: SetDesired = read(Service::AutoScaling, input)?;
    let desired = size("DesiredCapacity", Some(call.desired_capacity))?.unwrap_or_default();
    world.set_desired_capacity(&call.auto_scaling_group_name, desired)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeActivities {
    #[serde(default)]
    activity_ids: Vec<String>,
    auto_scaling_group_name: Option<String>,
    max_records: Option<i64>,
    next_token: Option<String>,
}

fn describe_activities(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: DescribeActivities = read(Service::AutoScaling, input)?;
    if let Some(name) = &call.auto_scaling_group_name {
        world.group(name)?;
    }
    let mut found: Vec<(String, &Group, &Activity)> = world
        .groups
        .values()
        .filter(|g| call.auto_scaling_group_name.as_ref().is_none_or(|n| *n == g.name))
        .flat_map(|g| g.activities.iter().map(move |a| (g, a)))
        .filter(|(_, a)| call.activity_ids.is_empty() || call.activity_ids.contains(&a.id))
        .map(|(g, a)| (format!("{:030} {}", a.at.as_nanosecond(), a.id), g, a))
        .collect();
    // Newest first.
    found.sort_by(|a, b| b.0.cmp(&a.0));
    let paging = Paging { service: Service::AutoScaling, token: call.next_token.as_deref(), max: call.max_records };
    // "The default value is 100 and the maximum value is 100" (MaxRecords).
    let (keys, next) = paging.cut(found.iter().map(|f| f.0.clone()).collect(), 100, 1..=100)?;
    let shown: Vec<Value> =
        found.iter().filter(|f| keys.contains(&f.0)).map(|(_, g, a)| activity(world, g, a)).collect();
    Ok(json!({"Activities": shown, "NextToken": next}))
}

fn activity(world: &World, g: &Group, a: &Activity) -> Value {
    json!({
        "ActivityId": a.id,
        "AutoScalingGroupName": g.name,
        "AutoScalingGroupARN": world.arns.group(&g.name),
        "Description": a.description,
        "Cause": format!("At {} the group had a desired capacity of {}.", iso(a.at), g.desired),
        "StartTime": iso(a.at),
        "EndTime": iso(a.at),
        "StatusCode": a.status_code,
        "StatusMessage": a.status_message.as_deref().map(|m| m.chars().take(255).collect::<String>()),
        "Progress": 100,
        "Details": "{}",
    })
}
