//! Elastic Load Balancing v2: AWS Query, version 2015-12-01.

use serde_json::{Value, json};

use super::page::page;
use super::protocol::Params;
use crate::world::elb::TargetGroup;
use crate::world::shapes::Tag;
use crate::world::tasks::TargetState;
use crate::world::{Refusal, World};

pub(super) const ACTIONS: &[&str] = &[
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetHealth",
    "elasticloadbalancing:ModifyTargetGroupAttributes",
    "elasticloadbalancing:DescribeTags",
];

pub(super) fn answer(world: &mut World, action: &str, params: &Params) -> Result<Value, Refusal> {
    match action {
        "DescribeTargetGroups" => describe_target_groups(world, params),
        "DescribeTargetGroupAttributes" => Ok(attributes(world.target_group(arn(params)?)?)),
        "ModifyTargetGroupAttributes" => {
            let changes = params.pairs("Attributes.member", "Key", "Value");
            Ok(attributes(world.modify_target_group_attributes(arn(params)?, &changes)?))
        }
        "DescribeTargetHealth" => describe_target_health(world, params),
        "DescribeTags" => describe_tags(world, params),
        other => Err(super::unknown_action(false, other)),
    }
}

fn arn(params: &Params) -> Result<&str, Refusal> {
    params
        .get("TargetGroupArn")
        .ok_or_else(|| Refusal::new("ValidationError", "1 validation error detected: TargetGroupArn must not be null"))
}

fn attributes(group: &TargetGroup) -> Value {
    let all: Vec<Value> = group.all_attributes().into_iter().map(|(k, v)| json!({"Key": k, "Value": v})).collect();
    json!({"Attributes": all})
}

fn describe_target_groups(world: &World, params: &Params) -> Result<Value, Refusal> {
    let (arns, names) = (params.list("TargetGroupArns.member"), params.list("Names.member"));
    for arn in &arns {
        world.target_group(arn)?;
    }
    if names.iter().any(|n| !world.target_groups.values().any(|g| g.name == *n)) {
        return Err(Refusal::new("TargetGroupNotFound", "One or more target groups not found"));
    }
    let chosen = |g: &TargetGroup| {
        (arns.is_empty() && names.is_empty()) || arns.contains(&g.arn.as_str()) || names.contains(&g.name.as_str())
    };
    let found: Vec<String> = world.target_groups.values().filter(|g| chosen(g)).map(|g| g.arn.clone()).collect();
    // PageSize: 1 to 400.
    let (page, next) = page(found, params.get("Marker"), params.get("PageSize").and_then(|p| p.parse().ok()), 400, 400)
        .map_err(|e| Refusal::new("ValidationError", e.message))?;
    let groups: Vec<Value> = page
        .iter()
        .filter_map(|arn| world.target_groups.get(arn))
        .map(|g| {
            json!({
                "TargetGroupArn": g.arn,
                "TargetGroupName": g.name,
                "Protocol": g.protocol,
                "Port": g.port,
                "VpcId": "vpc-0a1b2c3d4e5f60718",
                "HealthCheckProtocol": g.protocol,
                "HealthCheckPort": "traffic-port",
                "HealthCheckEnabled": true,
                "HealthCheckIntervalSeconds": 10,
                "HealthCheckTimeoutSeconds": 5,
                "HealthyThresholdCount": 2,
                "UnhealthyThresholdCount": 2,
                "HealthCheckPath": "/",
                "Matcher": {"HttpCode": "200"},
                "LoadBalancerArns": [],
                "TargetType": g.target_type,
                "ProtocolVersion": "HTTP1",
                "IpAddressType": "ipv4",
            })
        })
        .collect();
    Ok(json!({"TargetGroups": groups, "NextMarker": next}))
}

fn describe_target_health(world: &World, params: &Params) -> Result<Value, Refusal> {
    let group = world.target_group(arn(params)?)?;
    let asked = params.pairs("Targets.member", "Id", "Port");
    let targets: Vec<Value> = world
        .targets_of(&group.arn)
        .filter(|(t, _, _)| asked.is_empty() || asked.iter().any(|(id, _)| *id == t.ip))
        .map(|(t, port, state)| {
            let health = match state {
                TargetState::Healthy => json!({"State": "healthy"}),
                TargetState::Initial => json!({"State": "initial", "Reason": "Elb.RegistrationInProgress", "Description": "Target registration is in progress"}),
                TargetState::Draining => json!({"State": "draining", "Reason": "Target.DeregistrationInProgress", "Description": "Target deregistration is in progress"}),
            };
            json!({
                "Target": {"Id": t.ip, "Port": port, "AvailabilityZone": t.zone},
                "HealthCheckPort": port.to_string(),
                "TargetHealth": health,
            })
        })
        .collect();
    Ok(json!({"TargetHealthDescriptions": targets}))
}

fn describe_tags(world: &World, params: &Params) -> Result<Value, Refusal> {
    let arns = params.list("ResourceArns.member");
    // "You can specify up to 20 resources in a single call."
    if arns.is_empty() || arns.len() > 20 {
        return Err(Refusal::new("ValidationError", "ResourceArns must have 1 to 20 elements"));
    }
    let tags = |tags: &[Tag]| tags.iter().map(|t| json!({"Key": t.key, "Value": t.value})).collect::<Vec<_>>();
    let described = arns
        .iter()
        .map(|arn| Ok(json!({"ResourceArn": arn, "Tags": tags(&world.target_group(arn)?.tags)})))
        .collect::<Result<Vec<_>, Refusal>>()?;
    Ok(json!({"TagDescriptions": described}))
}
