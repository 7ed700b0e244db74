//! The reads of EC2 that a scheduler of ECS services needs: EC2 Query, version 2016-11-15.

use serde_json::{Value, json};

use super::iso;
use super::page::page;
use super::protocol::Params;
use crate::world::{Refusal, World};

pub(super) const ACTIONS: &[&str] = &[
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeSubnets",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstances",
];

pub(super) fn answer(world: &World, action: &str, params: &Params) -> Result<Value, Refusal> {
    match action {
        "DescribeLaunchTemplateVersions" => describe_launch_template_versions(world, params),
        "DescribeInstanceTypes" => describe_instance_types(world, params),
        "DescribeSubnets" => describe_subnets(world, params),
        "DescribeAvailabilityZones" => describe_availability_zones(world, params),
        "DescribeInstances" => describe_instances(world, params),
        other => Err(super::unknown_action(false, other)),
    }
}

/// A page of names, with EC2's word for what is wrong with it.
fn cut(names: Vec<String>, params: &Params, default: usize) -> Result<(Vec<String>, Option<String>), Refusal> {
    let max = params.get("MaxResults").map(|m| m.parse().unwrap_or(-1));
    page(names, params.get("NextToken"), max, default, 1000)
        .map_err(|e| Refusal::new("InvalidParameterValue", e.message))
}

/// Keeps what passes every filter; a filter that is not modelled is refused, not ignored.
fn filtered<T>(
    items: Vec<T>,
    params: &Params,
    value: impl Fn(&T, &str) -> Option<Vec<String>>,
) -> Result<Vec<T>, Refusal> {
    let filters = params.filters();
    let mut kept = Vec::new();
    for item in items {
        let mut passes = true;
        for (name, wanted) in &filters {
            let have = value(&item, name).ok_or_else(|| {
                Refusal::new(
                    "InvalidParameterValue",
                    format!("The filter '{name}' is invalid (or not modelled by aws-sim)"),
                )
            })?;
            passes &= have.iter().any(|h| wanted.contains(h));
        }
        if passes {
            kept.push(item);
        }
    }
    Ok(kept)
}

fn describe_launch_template_versions(world: &World, params: &Params) -> Result<Value, Refusal> {
    let (id, name) = (params.get("LaunchTemplateId"), params.get("LaunchTemplateName"));
    let templates: Vec<_> = world
        .launch_templates
        .values()
        .filter(|t| id.is_none_or(|i| i == t.id) && name.is_none_or(|n| n == t.name))
        .collect();
    if templates.is_empty() {
        return Err(match id {
            Some(id) => Refusal::new(
                "InvalidLaunchTemplateId.NotFound",
                format!("The specified launch template, with template ID {id}, does not exist."),
            ),
            None => Refusal::new(
                "InvalidLaunchTemplateName.NotFoundException",
                "At least one of the launch templates specified in the request does not exist.",
            ),
        });
    }
    let versions = params.list("LaunchTemplateVersion");
    if let Some(unknown) = versions.iter().find(|v| !matches!(**v, "1" | "$Latest" | "$Default")) {
        return Err(Refusal::new(
            "InvalidLaunchTemplateId.VersionNotFound",
            format!("Could not find launch template version {unknown}"),
        ));
    }
    let shown: Vec<Value> = templates
        .iter()
        .map(|t| {
            json!({
                "launchTemplateId": t.id,
                "launchTemplateName": t.name,
                "versionNumber": 1,
                "createTime": iso(crate::world::after(world.now(), -90_000.0)),
                "createdBy": format!("arn:aws:iam::{}:role/deployer", world.arns.account),
                "defaultVersion": true,
                "launchTemplateData": {
                    "imageId": "ami-0123456789abcdef0",
                    "instanceType": t.instance_type,
                    "instanceMarketOptions": t.market_type.as_ref().map(|m| json!({"marketType": m})),
                },
            })
        })
        .collect();
    Ok(json!({"launchTemplateVersionSet": shown}))
}

fn describe_instance_types(world: &World, params: &Params) -> Result<Value, Refusal> {
    let asked = params.list("InstanceType");
    if asked.len() > 100 {
        return Err(Refusal::new("InvalidParameterValue", "The maximum number of instance types per request is 100"));
    }
    let unknown: Vec<&str> = asked.iter().copied().filter(|t| !world.instance_types.contains_key(*t)).collect();
    if !unknown.is_empty() {
        return Err(Refusal::new(
            "InvalidInstanceType",
            format!("The following supplied instance types do not exist: [{}]", unknown.join(", ")),
        ));
    }
    let names: Vec<String> =
        world.instance_types.keys().filter(|n| asked.is_empty() || asked.contains(&n.as_str())).cloned().collect();
    let names = filtered(names, params, |n, filter| match filter {
        "instance-type" => Some(vec![n.clone()]),
        "processor-info.supported-architecture" => world.instance_types.get(n).map(|t| t.architectures.clone()),
        _ => None,
    })?;
    let (names, next) = cut(names, params, 100)?;
    let types: Vec<Value> = names
        .iter()
        .filter_map(|n| world.instance_types.get(n))
        .map(|t| {
            json!({
                "instanceType": t.name,
                "currentGeneration": true,
                "supportedUsageClasses": ["on-demand", "spot"],
                "bareMetal": false,
                "hypervisor": "nitro",
                "processorInfo": {"supportedArchitectures": t.architectures},
                "vCpuInfo": {"defaultVCpus": t.vcpus},
                "memoryInfo": {"sizeInMiB": t.memory_mib},
                "networkInfo": {"maximumNetworkInterfaces": if t.vcpus > 2 { 4 } else { 3 }},
            })
        })
        .collect();
    Ok(json!({"instanceTypeSet": types, "nextToken": next}))
}

/// The zone's id: the same in every account here, unlike on AWS.
fn zone_id(zone: &str) -> String {
    let (region, letter) = zone.split_at(zone.len().saturating_sub(1));
    let mut parts = region.split('-');
    let (area, side, number) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let n = letter.bytes().next().map_or(1, |b| b.saturating_sub(b'a') + 1);
    format!("{area}{}{number}-az{n}", side.chars().next().unwrap_or('x'))
}

fn describe_subnets(world: &World, params: &Params) -> Result<Value, Refusal> {
    let asked = params.list("SubnetId");
    if let Some(unknown) = asked.iter().find(|s| !world.subnets.contains_key(**s)) {
        return Err(Refusal::new("InvalidSubnetID.NotFound", format!("The subnet ID '{unknown}' does not exist")));
    }
    let names: Vec<String> =
        world.subnets.keys().filter(|n| asked.is_empty() || asked.contains(&n.as_str())).cloned().collect();
    let names = filtered(names, params, |n, filter| {
        let s = world.subnets.get(n)?;
        match filter {
            "subnet-id" => Some(vec![s.id.clone()]),
            "availability-zone" | "availabilityZone" => Some(vec![s.zone.clone()]),
            "vpc-id" => Some(vec![s.vpc_id.clone()]),
            _ => None,
        }
    })?;
    let (names, next) = cut(names, params, 1000)?;
    let subnets: Vec<Value> = names
        .iter()
        .filter_map(|n| world.subnets.get(n))
        .map(|s| {
            json!({
                "subnetId": s.id,
                "subnetArn": world.arns.of("ec2", &format!("subnet/{}", s.id)),
                "state": "available",
                "vpcId": s.vpc_id,
                "cidrBlock": "10.0.0.0/20",
                "availableIpAddressCount": s.available_ip_address_count,
                "availabilityZone": s.zone,
                "availabilityZoneId": zone_id(&s.zone),
                "ownerId": world.arns.account,
            })
        })
        .collect();
    Ok(json!({"subnetSet": subnets, "nextToken": next}))
}

fn describe_availability_zones(world: &World, params: &Params) -> Result<Value, Refusal> {
    let (names, ids) = (params.list("ZoneName"), params.list("ZoneId"));
    let mut zones: Vec<String> = world.subnets.values().map(|s| s.zone.clone()).collect();
    zones.sort();
    zones.dedup();
    if let Some(unknown) = names.iter().find(|n| !zones.iter().any(|z| z == *n)) {
        return Err(Refusal::new("InvalidParameterValue", format!("Invalid availability zone: [{unknown}]")));
    }
    zones.retain(|z| {
        (names.is_empty() || names.contains(&z.as_str())) && (ids.is_empty() || ids.contains(&zone_id(z).as_str()))
    });
    let zones = filtered(zones, params, |z, filter| match filter {
        "zone-name" => Some(vec![z.clone()]),
        "zone-id" => Some(vec![zone_id(z)]),
        "region-name" => Some(vec![world.arns.region.clone()]),
        "state" => Some(vec!["available".to_owned()]),
        "zone-type" => Some(vec!["availability-zone".to_owned()]),
        "opt-in-status" => Some(vec!["opt-in-not-required".to_owned()]),
        _ => None,
    })?;
    let shown: Vec<Value> = zones
        .iter()
        .map(|z| {
            json!({
                "zoneName": z,
                "zoneId": zone_id(z),
                "regionName": world.arns.region,
                "groupName": format!("{}-zg-1", world.arns.region),
                "networkBorderGroup": world.arns.region,
                "zoneType": "availability-zone",
                "zoneState": "available",
                "optInStatus": "opt-in-not-required",
                "messageSet": [],
            })
        })
        .collect();
    Ok(json!({"availabilityZoneInfo": shown}))
}

fn describe_instances(world: &World, params: &Params) -> Result<Value, Refusal> {
    let asked = params.list("InstanceId");
    if let Some(unknown) = asked.iter().find(|i| !world.instances.contains_key(**i)) {
        return Err(Refusal::new("InvalidInstanceID.NotFound", format!("The instance ID '{unknown}' does not exist")));
    }
    let names: Vec<String> =
        world.instances.keys().filter(|n| asked.is_empty() || asked.contains(&n.as_str())).cloned().collect();
    let names = filtered(names, params, |n, filter| {
        let i = world.instances.get(n)?;
        match filter {
            "instance-id" => Some(vec![i.id.clone()]),
            "instance-lifecycle" => Some(if i.spot { vec!["spot".to_owned()] } else { Vec::new() }),
            "instance-state-name" => Some(vec![if i.registered { "running" } else { "pending" }.to_owned()]),
            "tag:aws:autoscaling:groupName" => Some(vec![i.group.clone()]),
            _ => None,
        }
    })?;
    let (names, next) = cut(names, params, 1000)?;
    let reservations: Vec<Value> = names
        .iter()
        .filter_map(|n| world.instances.get(n))
        .map(|i| {
            json!({
                "reservationId": i.id.replacen("i-", "r-", 1),
                "ownerId": world.arns.account,
                "groupSet": [],
                "instancesSet": [{
                    "instanceId": i.id,
                    "instanceType": i.instance_type,
                    "instanceLifecycle": i.spot.then_some("spot"),
                    "instanceState": if i.registered { json!({"code": 16, "name": "running"}) } else { json!({"code": 0, "name": "pending"}) },
                    "launchTime": iso(i.launched_at),
                    "placement": {"availabilityZone": i.zone, "tenancy": "default"},
                    "subnetId": i.subnet,
                    "privateIpAddress": "10.0.0.10",
                    "tagSet": [{"key": "aws:autoscaling:groupName", "value": i.group}],
                }],
            })
        })
        .collect();
    Ok(json!({"reservationSet": reservations, "nextToken": next}))
}

#[cfg(test)]
mod tests {
    use super::zone_id;

    #[test]
    fn zones_have_ids() {
        assert_eq!(zone_id("eu-west-1a"), "euw1-az1");
        assert_eq!(zone_id("us-east-1c"), "use1-az3");
    }
}
