//! From the account file to a world: checks what one part says of another.

use std::sync::Arc;

use serde_json::{Value, json};
use serde_saphyr::Spanned;

use super::capacity::{add_group, add_launch_template, add_places, add_provider, check_places, set_pool};
use super::file::{AccountFile, ScalableTargetEntry, ServiceEntry};
use crate::world::autoscaling::{ScalableTarget, ScheduledAction, service_key};
use crate::world::clusters::Cluster;
use crate::world::constraints::Expression;
use crate::world::elb::{TargetGroup, check_attribute};
use crate::world::services::{Scheduling, ServiceSpec};
use crate::world::setup::NewService;
use crate::world::shapes::{AwsVpcConfiguration, LaunchType, LoadBalancer, NetworkConfiguration};
use crate::world::task_definitions::TaskDefinition;
use crate::world::{Arns, ServiceKey, World, after};

/// Where a mistake is.
#[derive(Debug)]
pub(super) enum Place {
    Line(u64),
    /// What leads to it from the top of the account.
    Path(Vec<&'static str>),
}

/// A mistake in an account file.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) place: Place,
    pub(super) what: String,
}

impl Mistake {
    pub(super) fn at(line: u64, what: String) -> Self {
        Self { place: Place::Line(line), what }
    }
}

/// Builds the world; every mistake is collected, as far as one does not hide another.
pub(super) fn build(file: AccountFile, now: jiff::Timestamp) -> Result<World, Vec<Mistake>> {
    let mut mistakes: Vec<Mistake> = file.settings.mistakes().into_iter().map(of_settings).collect();
    if file.account_id.len() != 12 || !file.account_id.bytes().all(|b| b.is_ascii_digit()) {
        let what = format!("accountId is {:?}: allowed are twelve digits, in quotes", file.account_id);
        mistakes.push(Mistake { place: Place::Path(vec!["accountId"]), what });
    }
    mistakes.extend(check_places(&file).into_iter().map(|(line, what)| Mistake::at(line, what)));
    mistakes.extend(file.quotas.iter().filter_map(|q| {
        let value = q.value.value;
        let right = value.is_finite() && value >= 0.0;
        (!right)
            .then(|| Mistake::at(line(q), format!("quota {} is {value}: allowed are 0 or more", q.value.quota_code)))
    }));
    let arns = Arns { region: file.region.clone(), account: file.account_id.clone() };
    let mut world = World::empty(arns, file.seed, file.settings.clone(), file.start.unwrap_or(now));
    let mut note = |outcome: Result<(), String>, line: u64| {
        if let Err(what) = outcome {
            mistakes.push(Mistake::at(line, what));
        }
    };
    add_places(&mut world, &file);
    for entry in &file.pools {
        note(set_pool(&mut world, &entry.value), line(entry));
    }
    for entry in &file.launch_templates {
        note(add_launch_template(&mut world, &entry.value), line(entry));
    }
    for entry in &file.clusters {
        let c = &entry.value;
        let cluster = Cluster {
            name: c.cluster_name.clone(),
            capacity_providers: c.capacity_providers.clone(),
            default_strategy: c.default_capacity_provider_strategy.clone(),
            tags: c.tags.clone(),
        };
        let twice = world.clusters.insert(c.cluster_name.clone(), cluster).is_some();
        note(once(!twice, "cluster", &c.cluster_name), line(entry));
    }
    for entry in &file.auto_scaling_groups {
        note(add_group(&mut world, &entry.value), line(entry));
    }
    for entry in &file.capacity_providers {
        note(add_provider(&mut world, &entry.value), line(entry));
    }
    for entry in &file.clusters {
        let c = &entry.value;
        for name in &c.capacity_providers {
            note(
                known(
                    "capacity provider",
                    name,
                    world.providers.keys(),
                    world.provider(&c.cluster_name, name).is_some(),
                ),
                line(entry),
            );
        }
        note(
            world.check_strategy(&c.cluster_name, &c.default_capacity_provider_strategy).map_err(|r| r.message),
            line(entry),
        );
    }
    for entry in &file.task_definitions {
        let mut t = entry.value.clone();
        t.revision = t.revision.max(1);
        t.task_definition_arn = Some(world.arns.task_definition(&t.family, t.revision));
        t.status.get_or_insert_with(|| "ACTIVE".to_owned());
        t.registered_at = Some(json!(seconds(after(world.now(), -90_000.0))));
        note(
            if t.family.is_empty() { Err("a task definition needs a family".to_owned()) } else { Ok(()) },
            line(entry),
        );
        note(t.stop_timeouts_are_allowed(), line(entry));
        let name = t.short();
        let twice = world.task_definitions.insert((t.family.clone(), t.revision), Arc::new(t)).is_some();
        note(once(!twice, "task definition", &name), line(entry));
    }
    for entry in &file.target_groups {
        note(add_target_group(&mut world, &entry.value), line(entry));
    }
    let mut services: Vec<(ServiceEntry, u64)> = file.services.iter().map(|s| (s.value.clone(), line(s))).collect();
    let mut targets: Vec<(ScalableTargetEntry, u64)> =
        file.scalable_targets.iter().map(|t| (t.value.clone(), line(t))).collect();
    for entry in &file.generate {
        match super::generate::generate(&mut world, &entry.value) {
            Ok(made) => {
                services.extend(made.services.into_iter().map(|s| (s, line(entry))));
                targets.extend(made.scalable_targets.into_iter().map(|t| (t, line(entry))));
            }
            Err(what) => note(Err(what), line(entry)),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    world.settle_groups();
    // Daemons first: what they reserve is not there for others.
    services.sort_by_key(|(s, _)| s.scheduling_strategy != Scheduling::Daemon);
    for (entry, line) in &services {
        if let Err(what) = add_service(&mut world, entry) {
            mistakes.push(Mistake::at(*line, format!("service {}/{}: {what}", entry.cluster, entry.service_name)));
        }
    }
    let created = after(world.now(), -86_400.0);
    for (t, line) in targets {
        if let Err(what) = check_target(&world, &t) {
            mistakes.push(Mistake::at(line, what));
        }
        world.scalable_targets.push(ScalableTarget {
            resource_id: t.resource_id,
            min_capacity: t.min_capacity,
            max_capacity: t.max_capacity,
            load: t.load,
            created_at: created,
        });
    }
    for entry in file.scheduled_actions {
        let line = line(&entry);
        let a = entry.value;
        let action = ScheduledAction {
            name: a.scheduled_action_name,
            resource_id: a.resource_id,
            schedule: a.schedule,
            timezone: a.timezone,
            min_capacity: a.min_capacity,
            max_capacity: a.max_capacity,
            created_at: created,
        };
        if let Err(what) = check_resource(&world, &action.resource_id).and_then(|()| action.check()) {
            mistakes.push(Mistake::at(line, what));
        }
        world.scheduled_actions.push(action);
    }
    world.begin();
    for (entry, _) in services.iter().filter(|(s, _)| s.deploying) {
        world.redeploy(&ServiceKey::new(&entry.cluster, &entry.service_name));
    }
    for quota in file.quotas {
        let quota = quota.value;
        world.quotas.retain(|q| q.quota_code != quota.quota_code);
        world.quotas.push(quota);
    }
    if mistakes.is_empty() { Ok(world) } else { Err(mistakes) }
}

fn of_settings((path, what): (Vec<&'static str>, String)) -> Mistake {
    let path = [vec!["settings"], path].concat();
    let what = format!("{} {what}", path.join("."));
    Mistake { place: Place::Path(path), what }
}

fn line<T>(entry: &Spanned<T>) -> u64 {
    entry.referenced.line()
}

fn seconds(at: jiff::Timestamp) -> f64 {
    // Milliseconds fit into the 53 bits of a float for 285,000 years.
    #[allow(clippy::cast_precision_loss, reason = "see above")]
    let millis = at.as_millisecond() as f64;
    millis / 1000.0
}

pub(super) fn once(first: bool, what: &str, name: &str) -> Result<(), String> {
    if first { Ok(()) } else { Err(format!("{what} {name:?} is there twice")) }
}

pub(super) fn known<'a>(
    what: &str,
    name: &str,
    all: impl Iterator<Item = &'a String>,
    found: bool,
) -> Result<(), String> {
    if found {
        return Ok(());
    }
    let all: Vec<&str> = all.map(String::as_str).collect();
    Err(format!("there is no {what} {name:?}: there are {}", all.join(", ")))
}

pub(super) fn no_task_definition(world: &World, name: &str) -> String {
    let names: Vec<String> = world.task_definitions.values().map(|t| t.short()).collect();
    format!("there is no task definition {name:?}: there are {}", names.join(", "))
}

fn add_target_group(world: &mut World, t: &super::file::TargetGroupEntry) -> Result<(), String> {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let attributes: std::collections::BTreeMap<String, String> =
        t.attributes.iter().map(|(k, v)| (k.clone(), text(v))).collect();
    for (key, value) in &attributes {
        check_attribute(key, value)?;
    }
    let arn = world.arns.target_group(&t.name);
    let group = TargetGroup {
        name: t.name.clone(),
        arn: arn.clone(),
        protocol: t.protocol.clone(),
        port: t.port,
        target_type: t.target_type.clone(),
        attributes,
        tags: t.tags.clone(),
    };
    once(world.target_groups.insert(arn, group).is_none(), "target group", &t.name)
}

/// A target group's ARN, from its name or ARN.
pub(super) fn target_group_arn(world: &World, name: &str) -> Result<String, String> {
    let arn = if name.starts_with("arn:") { name.to_owned() } else { world.arns.target_group(name) };
    let names: Vec<String> = world.target_groups.values().map(|t| t.name.clone()).collect();
    known("target group", name, names.iter(), world.target_groups.contains_key(&arn))?;
    Ok(arn)
}

fn check_target(world: &World, t: &ScalableTargetEntry) -> Result<(), String> {
    check_resource(world, &t.resource_id)?;
    if t.min_capacity > t.max_capacity {
        return Err(format!(
            "{}: minCapacity {} must not be above maxCapacity {}",
            t.resource_id, t.min_capacity, t.max_capacity
        ));
    }
    t.load.as_ref().map_or(Ok(()), |load| load.mistakes(&format!("{}: load", t.resource_id)))
}

fn check_resource(world: &World, id: &str) -> Result<(), String> {
    if service_key(id).is_some_and(|key| world.service(&key.cluster, &key.name).is_some()) {
        Ok(())
    } else {
        Err(format!("resourceId {id:?} names no service of this account: it is service/CLUSTER/SERVICE"))
    }
}

fn resolve(world: &World, balancer: &LoadBalancer) -> Result<LoadBalancer, String> {
    let mut out = balancer.clone();
    if let Some(name) = &balancer.target_group_arn {
        out.target_group_arn = Some(target_group_arn(world, name)?);
    }
    if let Some(advanced) = &mut out.advanced_configuration
        && let Some(name) = &advanced.alternate_target_group_arn
    {
        advanced.alternate_target_group_arn = Some(target_group_arn(world, name)?);
    }
    Ok(out)
}

/// The container that serves is one of the task definition, and so is its port where that lists any.
fn check_container(task_definition: &TaskDefinition, balancer: &LoadBalancer) -> Result<(), String> {
    let Some(name) = &balancer.container_name else {
        return Ok(());
    };
    let containers = &task_definition.container_definitions;
    let found = containers.iter().find(|c| c.name == *name);
    known("container", name, containers.iter().map(|c| &c.name), found.is_some() || containers.is_empty())?;
    let ports: Vec<u16> = found.iter().flat_map(|c| &c.port_mappings).filter_map(|m| m.container_port).collect();
    match balancer.container_port.filter(|port| !ports.is_empty() && !ports.contains(port)) {
        None => Ok(()),
        Some(port) => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            Err(format!("container {name:?} has no port {port}: there are {}", ports.join(", ")))
        }
    }
}

fn add_service(world: &mut World, s: &ServiceEntry) -> Result<(), String> {
    known("cluster", &s.cluster, world.clusters.keys(), world.clusters.contains_key(&s.cluster))?;
    if s.service_name.is_empty() {
        return Err("it needs a serviceName".to_owned());
    }
    let task_definition =
        world.task_definition(&s.task_definition).map_err(|_| no_task_definition(world, &s.task_definition))?;
    let mut strategy = s.capacity_provider_strategy.clone();
    if strategy.is_empty() && s.launch_type.is_none() && s.scheduling_strategy == Scheduling::Replica {
        // "If no capacityProviderStrategy or launchType is specified, the
        // defaultCapacityProviderStrategy for the cluster is used" (CreateService).
        strategy = world.cluster(Some(&s.cluster)).map(|c| c.default_strategy.clone()).map_err(|r| r.message)?;
    }
    let network = s.network_configuration.clone().or_else(|| {
        (task_definition.is_awsvpc() || s.launch_type == Some(LaunchType::Fargate)).then(|| NetworkConfiguration {
            awsvpc_configuration: AwsVpcConfiguration {
                subnets: world.subnets.keys().cloned().collect(),
                security_groups: vec!["sg-00000000000000001".to_owned()],
                assign_public_ip: "DISABLED".to_owned(),
            },
        })
    });
    for balancer in &s.load_balancers {
        check_container(&task_definition, balancer)?;
    }
    let load_balancers = s.load_balancers.iter().map(|b| resolve(world, b)).collect::<Result<Vec<_>, _>>()?;
    let key = ServiceKey::new(&s.cluster, &s.service_name);
    if world.service(&s.cluster, &s.service_name).is_some() {
        return Err("it is there twice".to_owned());
    }
    let new = NewService {
        key,
        spec: ServiceSpec {
            controller: s.deployment_controller.kind,
            scheduling: s.scheduling_strategy,
            deployment_configuration: s.deployment_configuration.clone(),
            load_balancers,
            service_registries: s.service_registries.clone(),
            service_connect: s.service_connect_configuration.clone(),
            vpc_lattice: s.vpc_lattice_configurations.clone(),
            volume_configurations: s.volume_configurations.clone(),
            placement_constraints: s.placement_constraints.clone(),
            placement_strategy: s.placement_strategy.clone(),
            tags: s.tags.clone(),
            resource_management_type: s.resource_management_type.clone(),
            zone_rebalancing: s.availability_zone_rebalancing.clone(),
            health_check_grace_seconds: s.health_check_grace_period_seconds,
            ignores_sigterm: s.ignores_sigterm,
        },
        desired_count: s.desired_count,
        task_definition,
        launch_type: s.launch_type,
        strategy,
        created_launch_type: s.created_launch_type,
        network,
        platform_version: s.platform_version.clone(),
        protected_tasks: s.protected_tasks,
    };
    world.check_new_service(&new)?;
    check_constraints(&new)?;
    if let Some(mistake) = new.spec.deployment_configuration.hook_mistake() {
        return Err(mistake.to_owned());
    }
    world.add_settled_service(new)
}

/// Expressions that could not be kept would be a silent mistake.
fn check_constraints(new: &NewService) -> Result<(), String> {
    let of_task = new.task_definition.placement_constraints.iter().filter_map(|c| c.get("expression")?.as_str());
    let of_service = new.spec.placement_constraints.iter().filter_map(|c| c.expression.as_deref());
    of_task.chain(of_service).try_for_each(|e| Expression::read(e).map(|_| ()))
}
