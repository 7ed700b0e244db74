//! What tasks run on: subnets, instance types, launch templates, groups, capacity providers.

use serde_json::json;

use super::build::{known, once};
use super::file::{AccountFile, CapacityOption, GroupEntry, PoolEntry, ProviderEntry};
use crate::world::World;
use crate::world::after;
use crate::world::arn::short_name;
use crate::world::clusters::{ManagedInstances, Provider, ProviderKind};
use crate::world::groups::{Group, InstanceType, LaunchTemplate};
use crate::world::pools::{Pool, PoolKey};
use crate::world::records::Subnet;

pub(super) fn add_places(world: &mut World, file: &AccountFile) {
    for name in ["FARGATE", "FARGATE_SPOT"] {
        let kind = if name == "FARGATE" { ProviderKind::Fargate } else { ProviderKind::FargateSpot };
        world.providers.insert(
            name.to_owned(),
            Provider { name: name.to_owned(), kind, status: "ACTIVE".to_owned(), tags: Vec::new() },
        );
    }
    for (name, vcpus, gib, arm) in [
        ("t3.medium", 2, 4, false),
        ("m5.large", 2, 8, false),
        ("m5.xlarge", 4, 16, false),
        ("m6i.large", 2, 8, false),
        ("m6i.xlarge", 4, 16, false),
        ("c5.large", 2, 4, false),
        ("c5.xlarge", 4, 8, false),
        ("r5.large", 2, 16, false),
        ("m6g.large", 2, 8, true),
        ("c6g.large", 2, 4, true),
    ] {
        let architectures = vec![if arm { "arm64" } else { "x86_64" }.to_owned()];
        world.instance_types.insert(
            name.to_owned(),
            InstanceType { name: name.to_owned(), vcpus, memory_mib: gib * 1024, architectures },
        );
    }
    world.instance_types.extend(file.instance_types.iter().map(|t| (t.value.name.clone(), t.value.clone())));
    if file.subnets.is_empty() {
        for (n, zone) in ["a", "b", "c"].iter().enumerate() {
            let id = format!("subnet-0000000000000000{}", n + 1);
            let subnet = Subnet {
                id: id.clone(),
                zone: format!("{}{zone}", file.region),
                vpc_id: "vpc-0a1b2c3d4e5f60718".to_owned(),
                available_ip_address_count: 4091,
            };
            world.subnets.insert(id, subnet);
        }
    }
    world.subnets.extend(file.subnets.iter().map(|s| (s.value.id.clone(), s.value.clone())));
    for zone in zones(world) {
        for (name, vcpus) in [("FARGATE", 0), ("FARGATE_SPOT", 0)] {
            world.pools.insert(PoolKey::new(name, &zone), new_pool(vcpus));
        }
        for t in world.instance_types.values() {
            world.pools.insert(PoolKey::new(&t.name, &zone), new_pool(t.vcpus));
        }
    }
}

/// Without a price of its own a pool has one that follows the size, as the price lists roughly do.
fn new_pool(vcpus: u32) -> Pool {
    let on_demand_price = f64::from(vcpus) * 0.05;
    Pool { on_demand_price, spot_price: on_demand_price * 0.35, ..Pool::default() }
}

/// Subnets and instance types that could not be meant.
pub(super) fn check_places(file: &AccountFile) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    for (n, entry) in file.subnets.iter().enumerate() {
        let subnet = &entry.value;
        let first = file.subnets[..n].iter().all(|s| s.value.id != subnet.id);
        let zone = subnet.zone.strip_prefix(&file.region).is_some_and(|z| z.len() == 1 && ("a"..="z").contains(&z));
        let zone = if zone {
            Ok(())
        } else {
            Err(format!(
                "subnet {:?} is in zone {:?}: allowed are {region}a to {region}z",
                subnet.id,
                subnet.zone,
                region = file.region
            ))
        };
        found.extend([once(first, "subnet", &subnet.id), zone].map(|told| (entry.referenced.line(), told)));
    }
    for (n, entry) in file.instance_types.iter().enumerate() {
        let t = &entry.value;
        let first = file.instance_types[..n].iter().all(|other| other.value.name != t.name);
        let size = if t.vcpus > 0 && t.memory_mib > 0 {
            Ok(())
        } else {
            Err(format!(
                "instance type {:?} has {} vcpus and {} memoryMib: allowed are 1 or more",
                t.name, t.vcpus, t.memory_mib
            ))
        };
        found.extend([once(first, "instance type", &t.name), size].map(|told| (entry.referenced.line(), told)));
    }
    found.into_iter().filter_map(|(line, told)| Some((line, told.err()?))).collect()
}

fn zones(world: &World) -> Vec<String> {
    let mut zones: Vec<String> = world.subnets.values().map(|s| s.zone.clone()).collect();
    zones.sort();
    zones.dedup();
    zones
}

pub(super) fn set_pool(world: &mut World, entry: &PoolEntry) -> Result<(), String> {
    let zones = match &entry.zone {
        Some(zone) => vec![zone.clone()],
        None => zones(world),
    };
    for zone in zones {
        let key = world.pool_named(&format!("{}/{zone}", entry.instance_type))?;
        entry.spot_obtainable.mistakes(&format!("pool {key}: spotObtainable"))?;
        entry.on_demand_obtainable.mistakes(&format!("pool {key}: onDemandObtainable"))?;
        for price in [entry.spot_price, entry.on_demand_price].into_iter().flatten() {
            if !(0.0..=1e6).contains(&price) {
                return Err(format!("pool {key}: a price is {price}: allowed are 0 to 1000000"));
            }
        }
        let Some(pool) = world.pools.get_mut(&key) else {
            continue;
        };
        pool.spot = entry.spot_obtainable.clone();
        pool.on_demand = entry.on_demand_obtainable.clone();
        pool.spot_price = entry.spot_price.unwrap_or(pool.spot_price);
        pool.on_demand_price = entry.on_demand_price.unwrap_or(pool.on_demand_price);
    }
    Ok(())
}

pub(super) fn add_launch_template(world: &mut World, entry: &LaunchTemplate) -> Result<(), String> {
    // The SDKs check this length before they send a request.
    if !(3..=128).contains(&entry.name.len()) {
        return Err(format!("launch template {:?}: a name has 3 to 128 characters", entry.name));
    }
    let mut template = entry.clone();
    if template.id.is_empty() {
        template.id = format!("lt-{:017x}", crate::world::arn::hash(&template.name));
    }
    let name = entry.name.clone();
    once(world.launch_templates.insert(name, template).is_none(), "launch template", &entry.name)
}

pub(super) fn add_group(world: &mut World, g: &GroupEntry) -> Result<(), String> {
    known("cluster", &g.cluster, world.clusters.keys(), world.clusters.contains_key(&g.cluster))?;
    known(
        "launch template",
        &g.launch_template,
        world.launch_templates.keys(),
        world.launch_templates.contains_key(&g.launch_template),
    )?;
    for name in &g.instance_types {
        known("instance type", name, world.instance_types.keys(), world.instance_types.contains_key(name))?;
    }
    for name in &g.subnets {
        known("subnet", name, world.subnets.keys(), world.subnets.contains_key(name))?;
    }
    if g.min_size > g.max_size || g.desired_capacity > g.max_size {
        return Err(format!(
            "group {:?}: minSize {} and desiredCapacity {} must not be above maxSize {}",
            g.name, g.min_size, g.desired_capacity, g.max_size
        ));
    }
    let mixed = g.instances_distribution.is_some() || !g.instance_types.is_empty();
    let group = Group {
        name: g.name.clone(),
        cluster: g.cluster.clone(),
        launch_template: g.launch_template.clone(),
        instance_types: g.instance_types.clone(),
        distribution: mixed.then(|| g.instances_distribution.clone().unwrap_or_default()),
        min_size: g.min_size,
        max_size: g.max_size,
        desired: g.desired_capacity.max(g.min_size),
        subnets: if g.subnets.is_empty() { world.subnets.keys().cloned().collect() } else { g.subnets.clone() },
        tags: g.tags.clone(),
        capacity_rebalance: g.capacity_rebalance,
        protects_new_instances: g.new_instances_protected_from_scale_in,
        attributes: g.attributes.clone(),
        agent_draining: g.agent_draining,
        created_at: after(world.now(), -90_000.0),
        ..Group::default()
    };
    if world.group_types(&group).is_empty() {
        return Err(format!(
            "group {:?} has no instance type: give instanceTypes, or an instanceType in launch template {:?}",
            g.name, g.launch_template
        ));
    }
    once(world.groups.insert(g.name.clone(), group).is_none(), "group", &g.name)
}

pub(super) fn add_provider(world: &mut World, p: &ProviderEntry) -> Result<(), String> {
    let kind = match (&p.auto_scaling_group_provider, &p.managed_instances_provider) {
        (Some(g), None) => {
            let name = short_name(&g.auto_scaling_group);
            known("Auto Scaling group", name, world.groups.keys(), world.groups.contains_key(name))?;
            ProviderKind::Group(g.clone())
        }
        (None, Some(m)) => {
            let cluster =
                p.cluster.clone().ok_or("a Managed Instances provider belongs to a cluster: give `cluster`")?;
            known("cluster", &cluster, world.clusters.keys(), world.clusters.contains_key(&cluster))?;
            let option = match m.capacity_option_type {
                CapacityOption::OnDemand => "ON_DEMAND",
                CapacityOption::Spot => "SPOT",
                CapacityOption::Reserved => "RESERVED",
            };
            let requirements = m
                .instance_requirements
                .clone()
                .unwrap_or_else(|| json!({"vCpuCount": {"min": 1}, "memoryMiB": {"min": 1024}}));
            ProviderKind::ManagedInstances(ManagedInstances {
                cluster,
                capacity_option_type: option.to_owned(),
                infrastructure_role_arn: m
                    .infrastructure_role_arn
                    .clone()
                    .unwrap_or_else(|| format!("arn:aws:iam::{}:role/ecsInfrastructureRole", world.arns.account)),
                instance_launch_template: json!({
                    "ec2InstanceProfileArn": format!("arn:aws:iam::{}:instance-profile/ecsInstanceRole", world.arns.account),
                    "networkConfiguration": {"subnets": world.subnets.keys().collect::<Vec<_>>(), "securityGroups": []},
                    "capacityOptionType": option,
                    "monitoring": "BASIC",
                    "instanceRequirements": requirements,
                }),
            })
        }
        _ => {
            return Err(format!(
                "capacity provider {:?}: give either autoScalingGroupProvider or managedInstancesProvider",
                p.name
            ));
        }
    };
    // The values of CapacityProviderStatus.
    const STATUSES: [&str; 5] = ["ACTIVE", "INACTIVE", "PROVISIONING", "DEPROVISIONING", "UPDATING"];
    let statuses = STATUSES.map(str::to_owned);
    known("status of a capacity provider", &p.status, statuses.iter(), statuses.contains(&p.status))?;
    let provider = Provider { name: p.name.clone(), kind, status: p.status.clone(), tags: p.tags.clone() };
    once(world.providers.insert(p.name.clone(), provider).is_none(), "capacity provider", &p.name)
}
