//! Many similar services out of one entry.

use super::file::{Generate, ScalableTargetEntry, ServiceEntry};
use crate::world::World;

/// What a `generate` entry stands for.
pub(super) struct Generated {
    pub(super) services: Vec<ServiceEntry>,
    pub(super) scalable_targets: Vec<ScalableTargetEntry>,
}

/// Makes the services of one entry; copies of task definitions and target groups go straight into
/// the world.
pub(super) fn generate(world: &mut World, entry: &Generate) -> Result<Generated, String> {
    let mistake = |what: &str| Err(what.to_owned());
    if entry.clusters.is_empty() {
        return mistake("generate.clusters is empty: name at least one cluster");
    }
    if !entry.name_pattern.contains("{n}") {
        return mistake("generate.namePattern has no {n} in it: each service needs a name of its own");
    }
    if entry.count > 20_000 {
        return mistake("generate.count: allowed are 0 to 20000");
    }
    let mut out = Generated { services: Vec::new(), scalable_targets: Vec::new() };
    for n in 1..=entry.count {
        let mut service = entry.service.clone();
        service.service_name = entry.name_pattern.replace("{n}", &n.to_string());
        let turn = usize::try_from(n - 1).unwrap_or(0) % entry.clusters.len();
        service.cluster.clone_from(&entry.clusters[turn]);
        if entry.distinct_task_definitions {
            let original = world
                .task_definition(&service.task_definition)
                .map_err(|_| super::build::no_task_definition(world, &service.task_definition))?;
            let mut copy = (*original).clone();
            copy.family = format!("{}-{n}", copy.family);
            copy.task_definition_arn = Some(world.arns.task_definition(&copy.family, copy.revision));
            service.task_definition = copy.short();
            world.task_definitions.insert((copy.family.clone(), copy.revision), std::sync::Arc::new(copy));
        }
        if entry.distinct_target_groups {
            for balancer in &mut service.load_balancers {
                let Some(name) = &balancer.target_group_arn else {
                    continue;
                };
                let arn = super::build::target_group_arn(world, name)?;
                let Some(mut copy) = world.target_groups.get(&arn).cloned() else {
                    continue;
                };
                copy.name = format!("{}-{n}", copy.name);
                copy.arn = world.arns.target_group(&copy.name);
                balancer.target_group_arn = Some(copy.arn.clone());
                world.target_groups.insert(copy.arn.clone(), copy);
            }
        }
        if let Some(range) = &entry.scalable_target {
            out.scalable_targets.push(ScalableTargetEntry {
                resource_id: format!("service/{}/{}", service.cluster, service.service_name),
                min_capacity: range.min_capacity,
                max_capacity: range.max_capacity,
                load: range.load.clone(),
            });
        }
        out.services.push(service);
    }
    Ok(out)
}
