//! Elastic Load Balancing v2: AWS Query, version 2015-12-01.

use serde::Deserialize;
use serde_json::{Value, json};

use super::page::Paging;
use super::protocol::Service;
use super::{Handler, read};
use crate::world::elb::TargetGroup;
use crate::world::tasks::TargetState;
use crate::world::{Refusal, World};

pub(super) const CALLS: &[(&str, Handler)] = &[
    ("DescribeTargetGroups", |w, i| describe_target_groups(w, i)),
    ("DescribeTargetGroupAttributes", |w, i| describe_attributes(w, i)),
    ("ModifyTargetGroupAttributes", modify_attributes),
    ("DescribeTargetHealth", |w, i| describe_target_health(w, i)),
    ("DescribeTags", |w, i| describe_tags(w, i)),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Describe {
    #[serde(default)]
    target_group_arns: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    marker: Option<String>,
    page_size: Option<i64>,
}

fn describe_target_groups(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: Describe = read(Service::Elbv2, input)?;
    for arn in &call.target_group_arns {
        world.target_group(arn)?;
    }
    if call.names.iter().any(|n| !world.target_groups.values().any(|g| g.name == *n)) {
        return Err(Refusal::new("TargetGroupNotFound", "One or more target groups not found"));
    }
    let all = call.target_group_arns.is_empty() && call.names.is_empty();
    let found: Vec<String> = world
        .target_groups
        .values()
        .filter(|g| all || call.target_group_arns.contains(&g.arn) || call.names.contains(&g.name))
        .map(|g| g.arn.clone())
        .collect();
    let paging = Paging { service: Service::Elbv2, token: call.marker.as_deref(), max: call.page_size };
    let (page, next) = paging.cut(found, 400, 1..=400)?;
    let groups: Vec<Value> = page.iter().filter_map(|arn| world.target_groups.get(arn)).map(target_group).collect();
    Ok(json!({"TargetGroups": groups, "NextMarker": next}))
}

fn target_group(g: &TargetGroup) -> Value {
    json!({
        "TargetGroupArn": g.arn,
        "TargetGroupName": g.name,
        "Protocol": g.protocol,
        "Port": g.port,
        "VpcId": "vpc-0a1b2c3d4e5f60718",
        "HealthCheckProtocol": g.protocol,
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": true,
        // The defaults of HTTP target groups (CreateTargetGroup).
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "HealthCheckPath": "/",
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": [],
        "TargetType": g.target_type,
        "ProtocolVersion": "HTTP1",
        "IpAddressType": "ipv4",
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OfTargetGroup {
    target_group_arn: String,
}

fn describe_attributes(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: OfTargetGroup = read(Service::Elbv2, input)?;
    Ok(attributes(world.target_group(&call.target_group_arn)?))
}

fn attributes(group: &TargetGroup) -> Value {
    let all: Vec<Value> = group.all_attributes().into_iter().map(|(k, v)| json!({"Key": k, "Value": v})).collect();
    json!({"Attributes": all})
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ModifyAttributes {
    target_group_arn: String,
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attribute {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
}

fn modify_attributes(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: ModifyAttributes = read(Service::Elbv2, input)?;
    let changes: Vec<(String, String)> = call.attributes.into_iter().map(|a| (a.key, a.value)).collect();
    Ok(attributes(world.modify_target_group_attributes(&call.target_group_arn, &changes)?))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeHealth {
    target_group_arn: String,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Target {
    id: String,
    port: Option<u16>,
}

fn describe_target_health(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: DescribeHealth = read(Service::Elbv2, input)?;
    let group = world.target_group(&call.target_group_arn)?;
    let mut shown: Vec<Value> = Vec::new();
    let asked = |id: &str, port: u16| {
        call.targets.is_empty() || call.targets.iter().any(|t| t.id == id && t.port.is_none_or(|p| p == port))
    };
    for (task, port, state) in world.targets_of(&group.arn).filter(|(t, port, _)| asked(&t.ip, *port)) {
        shown.push(json!({
            "Target": {"Id": task.ip, "Port": port, "AvailabilityZone": task.zone},
            "HealthCheckPort": port.to_string(),
            "TargetHealth": health(state),
        }));
    }
    // A target that was asked for and is not registered is `unused` (TargetHealth.Reason).
    for target in &call.targets {
        if !world.targets_of(&group.arn).any(|(t, _, _)| t.ip == target.id) {
            shown.push(json!({
                "Target": {"Id": target.id, "Port": target.port},
                "TargetHealth": {"State": "unused", "Reason": "Target.NotRegistered", "Description": "Target is not registered to the target group"},
            }));
        }
    }
    Ok(json!({"TargetHealthDescriptions": shown}))
}

fn health(state: TargetState) -> Value {
    let (state, reason, description) = match state {
        TargetState::Healthy => return json!({"State": "healthy"}),
        TargetState::Initial => ("initial", "Elb.RegistrationInProgress", "Target registration is in progress"),
        TargetState::Draining => {
            ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
        }
    };
    json!({"State": state, "Reason": reason, "Description": description})
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeTags {
    resource_arns: Vec<String>,
}

fn describe_tags(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: DescribeTags = read(Service::Elbv2, input)?;
    // "You can specify up to 20 resources in a single call" (ResourceArns).
    if call.resource_arns.is_empty() || call.resource_arns.len() > 20 {
        return Err(Refusal::new("ValidationError", "ResourceArns must have 1 to 20 elements"));
    }
    let described = call
        .resource_arns
        .iter()
        .map(|arn| {
            let tags: Vec<Value> =
                world.target_group(arn)?.tags.iter().map(|t| json!({"Key": t.key, "Value": t.value})).collect();
            Ok(json!({"ResourceArn": arn, "Tags": tags}))
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    Ok(json!({"TagDescriptions": described}))
}
