//! Instances, instance types and launch templates.

use serde::Deserialize;
use serde_json::{Value, json};

use super::network::zone_id;
use super::{Common, read};
use crate::wire::iso;
use crate::wire::protocol::Service;
use crate::world::instances::Instance;
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Describe {
    #[serde(default)]
    instance_ids: Vec<String>,
}

pub(super) fn describe(world: &World, input: &Value) -> Result<Value, Refusal> {
    let (common, call): (_, Describe) = (Common::of(input)?, read(input)?);
    if let Some(unknown) = call.instance_ids.iter().find(|i| !world.instances.contains_key(*i)) {
        return Err(Refusal::new("InvalidInstanceID.NotFound", format!("The instance ID '{unknown}' does not exist")));
    }
    // "You cannot specify this parameter and the instance IDs parameter in the same request" (MaxResults).
    if common.max_results.is_some() && !call.instance_ids.is_empty() {
        return Err(Refusal::new(
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        ));
    }
    let ids: Vec<String> = world
        .instances
        .keys()
        .filter(|n| call.instance_ids.is_empty() || call.instance_ids.contains(n))
        .cloned()
        .collect();
    let ids = common.filtered(ids, |id, filter| {
        let i = world.instances.get(id)?;
        match filter {
            "instance-id" => Some(vec![i.id.clone()]),
            "instance-type" => Some(vec![i.instance_type.clone()]),
            "instance-lifecycle" => Some(if i.spot { vec!["spot".to_owned()] } else { Vec::new() }),
            "instance-state-name" => Some(vec![state(i).1.to_owned()]),
            "availability-zone" => Some(vec![i.zone.clone()]),
            "subnet-id" => Some(vec![i.subnet.clone()]),
            "tag:aws:autoscaling:groupName" => Some(i.group_name().map(str::to_owned).into_iter().collect()),
            _ => None,
        }
    })?;
    let (ids, next) = common.cut(ids, 1000, 5..=1000)?;
    let reservations: Vec<Value> =
        ids.iter().filter_map(|id| world.instances.get(id)).map(|i| reservation(world, i)).collect();
    Ok(json!({"reservationSet": reservations, "nextToken": next}))
}

fn state(i: &Instance) -> (u32, &'static str) {
    if i.registered { (16, "running") } else { (0, "pending") }
}

fn reservation(world: &World, i: &Instance) -> Value {
    let (code, name) = state(i);
    json!({
        "reservationId": i.id.replacen("i-", "r-", 1),
        "ownerId": world.arns.account,
        "groupSet": [],
        "instancesSet": [{
            "instanceId": i.id,
            "instanceType": i.instance_type,
            "instanceLifecycle": i.spot.then_some("spot"),
            "instanceState": {"code": code, "name": name},
            "launchTime": iso(i.launched_at),
            "placement": {"availabilityZone": i.zone, "availabilityZoneId": zone_id(&i.zone), "tenancy": "default"},
            "subnetId": i.subnet,
            "privateIpAddress": "10.0.0.10",
            "tagSet": tags(i),
        }],
    })
}

/// The tags that AWS puts on it: those of Auto Scaling, or of ECS ("Tags for Amazon ECS Managed
/// Instances", developer guide).
fn tags(i: &Instance) -> Vec<Value> {
    let tag = |(key, value): (&str, &str)| json!({"key": key, "value": value});
    match (i.group_name(), &i.managed_by) {
        (Some(group), _) => vec![tag(("aws:autoscaling:groupName", group))],
        (None, Some(provider)) => [
            ("AmazonECSCreated", ""),
            ("AmazonECSManaged", ""),
            ("aws:ec2:managed-launch", "ecs-managed-instances"),
            ("aws:ecs:capacityProviderName", provider),
            ("aws:ecs:clusterName", &i.cluster),
            ("aws:ecs:containerInstanceId", &i.container_instance),
        ]
        .map(tag)
        .to_vec(),
        (None, None) => Vec::new(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeTypes {
    #[serde(default)]
    instance_types: Vec<String>,
}

pub(super) fn describe_types(world: &World, input: &Value) -> Result<Value, Refusal> {
    let (common, call): (_, DescribeTypes) = (Common::of(input)?, read(input)?);
    let unknown: Vec<&str> =
        call.instance_types.iter().filter(|t| !world.instance_types.contains_key(*t)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(Refusal::new(
            "InvalidInstanceType",
            format!("The following supplied instance types do not exist: [{}]", unknown.join(", ")),
        ));
    }
    let names: Vec<String> = world
        .instance_types
        .keys()
        .filter(|n| call.instance_types.is_empty() || call.instance_types.contains(n))
        .cloned()
        .collect();
    let names = common.filtered(names, |n, filter| match filter {
        "instance-type" => Some(vec![n.clone()]),
        "processor-info.supported-architecture" => world.instance_types.get(n).map(|t| t.architectures.clone()),
        "vcpu-info.default-vcpus" => world.instance_types.get(n).map(|t| vec![t.vcpus.to_string()]),
        _ => None,
    })?;
    let (names, next) = common.cut(names, 100, 5..=100)?;
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeTemplates {
    launch_template_id: Option<String>,
    launch_template_name: Option<String>,
    #[serde(default)]
    versions: Vec<String>,
}

/// Every launch template has one version here.
pub(super) fn describe_launch_template_versions(world: &World, input: &Value) -> Result<Value, Refusal> {
    let (common, call): (_, DescribeTemplates) = (Common::of(input)?, read(input)?);
    let (id, name) = (call.launch_template_id, call.launch_template_name);
    // "you must specify either the launch template ID or the launch template name, but not both"
    // (LaunchTemplateId).
    if id.is_some() && name.is_some() {
        return Err(Refusal::new(
            "InvalidParameterCombination",
            "You must specify either the launch template ID or the launch template name, but not both.",
        ));
    }
    // "To describe all the latest or default launch template versions in your account, you must omit
    // this parameter": then the versions are needed.
    if id.is_none() && name.is_none() && call.versions.is_empty() {
        return Err(Refusal::new(
            "MissingParameter",
            "The request must contain the parameter launchTemplateId or launchTemplateName",
        ));
    }
    let names: Vec<String> = world
        .launch_templates
        .values()
        .filter(|t| id.as_ref().is_none_or(|i| *i == t.id) && name.as_ref().is_none_or(|n| *n == t.name))
        .map(|t| t.name.clone())
        .collect();
    if names.is_empty() {
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
    if let Some(unknown) = call.versions.iter().find(|v| !matches!(v.as_str(), "1" | "$Latest" | "$Default")) {
        return Err(Refusal::new(
            "InvalidLaunchTemplateId.VersionNotFound",
            format!("Could not find launch template version {unknown}"),
        ));
    }
    if !common.filters.is_empty() {
        return Err(Refusal::new(Service::Ec2.unmodelled(), "aws-sim does not model filters of launch templates"));
    }
    // "This value can be between 1 and 200" (MaxResults).
    let (names, next) = common.cut(names, 200, 1..=200)?;
    let shown: Vec<Value> = names
        .iter()
        .filter_map(|n| world.launch_templates.get(n))
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
    Ok(json!({"launchTemplateVersionSet": shown, "nextToken": next}))
}
