//! How a world is put together, and how its services come to stand settled at the start.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::arn::{ServiceKey, short_name};
use super::deployments::{Deployment, Revision, RolloutState, ServiceDeployment, ServiceDeploymentStatus};
use super::services::{Scheduling, Service, ServiceSpec};
use super::shapes::{LaunchType, NetworkConfiguration, StrategyItem};
use super::task_definitions::TaskDefinition;
use super::tasks::{Phase, TargetState};
use super::{Arns, TaskId, World, after};

/// What a service is made from.
#[derive(Clone, Debug)]
pub struct NewService {
    /// Its cluster and name.
    pub key: ServiceKey,
    /// What it is.
    pub spec: ServiceSpec,
    /// How many tasks it has.
    pub desired_count: u32,
    /// Its task definition.
    pub task_definition: Arc<TaskDefinition>,
    /// Its launch type, where it has no strategy.
    pub launch_type: Option<LaunchType>,
    /// Its strategy, where it has one.
    pub strategy: Vec<StrategyItem>,
    /// The launch type that it was created with, if it has a strategy now.
    pub created_launch_type: Option<LaunchType>,
    /// Subnets and groups.
    pub network: Option<NetworkConfiguration>,
    /// Fargate's platform version.
    pub platform_version: Option<String>,
    /// How many of its tasks are protected from scale-in.
    pub protected_tasks: u32,
}

impl World {
    /// An empty account.
    pub fn empty(arns: Arns, seed: u64, settings: super::Settings, start: Timestamp) -> Self {
        Self {
            start,
            now: start,
            seed,
            arns,
            settings,
            clusters: BTreeMap::new(),
            providers: BTreeMap::new(),
            task_definitions: BTreeMap::new(),
            services: BTreeMap::new(),
            tasks: BTreeMap::new(),
            groups: BTreeMap::new(),
            launch_templates: BTreeMap::new(),
            instance_types: BTreeMap::new(),
            instances: BTreeMap::new(),
            pools: BTreeMap::new(),
            target_groups: BTreeMap::new(),
            subnets: BTreeMap::new(),
            scalable_targets: Vec::new(),
            scheduled_actions: Vec::new(),
            quotas: super::records::default_quotas(),
            faults: super::faults::Faults::default(),
            counters: super::counters::Counters::default(),
            buckets: super::buckets::Buckets::default(),
            placement_configurations: BTreeMap::new(),
            launches: super::buckets::Buckets::default(),
            launch_turns: BTreeMap::new(),
            meters: super::meters::VcpuMeters::default(),
            felt: super::meters::Felt::default(),
            health_log: None,
            bus: std::collections::VecDeque::new(),
            rule_off: None,
            stale: BTreeMap::new(),
            pushes: BTreeMap::new(),
            waiting: BTreeMap::new(),
            placements_due: std::collections::BTreeSet::new(),
            rng: fastrand::Rng::with_seed(seed),
            calendar: BTreeMap::new(),
            scheduled: 0,
        }
    }

    /// Adds a service that stands settled: its tasks run, where its strategy puts them, and one
    /// service deployment has brought in its one revision. Groups are grown as needed, up to their
    /// largest size.
    pub fn add_settled_service(&mut self, new: NewService) -> Result<(), String> {
        let created = after(self.now, -86_400.0);
        let id = format!("ecs-svc/{:019}", self.rng.u64(1..=9_223_372_036_854_775_807));
        let revision = Revision {
            arn: self.revision_arn(&new.key),
            created_at: created,
            images: self.resolve_images(&new.task_definition),
            task_definition: new.task_definition,
            launch_type: if new.strategy.is_empty() { Some(new.launch_type.unwrap_or(LaunchType::Ec2)) } else { None },
            strategy: new.strategy,
            platform_version: new.platform_version,
            network: new.network,
        };
        let short = self.short_id();
        let mut service = Service {
            arn: self.arns.service(&new.key),
            status: "ACTIVE",
            desired_count: new.desired_count,
            created_launch_type: revision.launch_type.or(new.created_launch_type),
            created_at: created,
            deployments: vec![Deployment {
                id: id.clone(),
                revision: revision.arn.clone(),
                alternate: false,
                rollout_state: RolloutState::Completed,
                rollout_reason: format!("ECS deployment {id} completed."),
                failed_tasks: 0,
                created_at: created,
                updated_at: created,
            }],
            service_deployments: vec![ServiceDeployment {
                arn: self.arns.ecs(&format!("service-deployment/{}/{}/{short}", new.key.cluster, new.key.name)),
                deployment: id.clone(),
                status: ServiceDeploymentStatus::Successful,
                status_reason: None,
                target_revision: revision.arn.clone(),
                source_revisions: Vec::new(),
                created_at: created,
                started_at: Some(created),
                finished_at: Some(after(created, 120.0)),
                stopped_at: None,
                updated_at: after(created, 120.0),
                rollback: None,
                healthy_since: None,
                shift: None,
                configuration: new.spec.deployment_configuration.clone(),
                failure_count: 0,
                rollback_failures: 0,
                threshold: super::circuit_breaker::threshold(
                    new.spec.deployment_configuration.deployment_circuit_breaker.as_ref(),
                    new.desired_count,
                ),
                triggered: false,
                alarms_ignored: false,
                triggered_alarms: Vec::new(),
            }],
            production_is_alternate: false,
            last_completed: Some((id, revision.arn.clone())),
            revisions: vec![revision],
            events: std::collections::VecDeque::new(),
            tasks: Vec::new(),
            reconcile_at: None,
            failures_in_a_row: 0,
            hold_starts_until: None,
            steady_told: true,
            whole_since: None,
            told_placement: std::collections::BTreeMap::new(),
            shortfall: super::meters::Meter::default(),
            launch_turn: None,
            key: new.key.clone(),
            spec: new.spec,
        };
        self.settle(&mut service, created)?;
        for id in service.tasks.iter().take(usize::try_from(new.protected_tasks).unwrap_or(usize::MAX)) {
            if let Some(task) = self.tasks.get_mut(id) {
                // "up to 2,880 minutes (48 hours)" (UpdateTaskProtection.expiresInMinutes)
                task.protected_until = Some(after(self.now, 48.0 * 3600.0));
            }
        }
        self.tell(&mut service, "has reached a steady state.");
        self.services.insert(new.key, service);
        Ok(())
    }

    fn settle(&mut self, service: &mut Service, created: Timestamp) -> Result<(), String> {
        let Some(revision) = service.current().cloned() else {
            return Ok(());
        };
        if service.spec.scheduling == Scheduling::Daemon {
            let instances: Vec<_> = self
                .instances
                .values()
                .filter(|i| i.cluster == service.key.cluster && i.managed_by.is_none())
                .map(|i| i.id.clone())
                .collect();
            service.desired_count = u32::try_from(instances.len()).unwrap_or(0);
            for instance in instances {
                let Some(id) = self.start_task(service, None) else {
                    continue;
                };
                let t = &revision.task_definition;
                self.leave_instance(&id);
                self.join_instance(&id, &instance, (t.cpu_units(), t.memory_mib(), t.static_host_ports()));
                self.settle_task(service, &id, created);
            }
            return Ok(());
        }
        for provider in self.choose_providers(service, service.desired_count) {
            let Some(id) = self.start_task(service, provider.clone()) else {
                continue;
            };
            while let Some(task) = self.tasks.get(&id).filter(|t| t.waiting) {
                if task.launch_type == LaunchType::Fargate {
                    return Err(format!(
                        "the tasks of service {} do not fit: the pools of Fargate give no more",
                        service.key
                    ));
                }
                let group =
                    provider.as_deref().and_then(|p| self.group_of_provider(&service.key.cluster, p)).map(|(g, _)| g);
                let grown = match provider.as_deref() {
                    Some(p) if group.is_none() => self.launch_managed_for_start(&service.key.cluster, p, &id),
                    _ => self.grow_for_start(&service.key.cluster, group.as_deref()),
                };
                if !grown {
                    return Err(format!(
                        "the tasks of service {} do not fit: no instance with {} CPU units and {} MiB free, and {} cannot grow (maxSize, pools)",
                        service.key,
                        revision.task_definition.cpu_units(),
                        revision.task_definition.memory_mib(),
                        group.map_or_else(|| "no group of the cluster".to_owned(), |g| format!("group {g:?}"))
                    ));
                }
                if self.find_capacity(service, &id).is_ok() {
                    self.placed(&id);
                }
            }
            self.settle_task(service, &id, created);
        }
        Ok(())
    }

    /// One more instance for the start; daemons of the cluster come with it.
    fn grow_for_start(&mut self, cluster: &str, group: Option<&str>) -> bool {
        let grows = self.groups.values().find(|g| {
            g.cluster == cluster
                && group.is_none_or(|name| name == g.name)
                && self.instances_of(&g.name).count() < usize::try_from(g.max_size).unwrap_or(0)
        });
        let Some(name) = grows.map(|g| g.name.clone()) else {
            return false;
        };
        let Ok(instance) = self.launch_instance(&name, true) else {
            return false;
        };
        let count = u32::try_from(self.instances_of(&name).count()).unwrap_or(u32::MAX);
        if let Some(group) = self.groups.get_mut(&name) {
            group.desired = group.desired.max(count);
        }
        let daemons: Vec<ServiceKey> = self
            .services_of(cluster)
            .filter(|s| s.spec.scheduling == Scheduling::Daemon)
            .map(|s| s.key.clone())
            .collect();
        for key in daemons {
            self.with_service(&key, |world, service| {
                let Some(revision) = service.current().cloned() else {
                    return;
                };
                let Some(id) = world.start_task(service, None) else {
                    return;
                };
                let t = &revision.task_definition;
                world.leave_instance(&id);
                world.join_instance(&id, &instance, (t.cpu_units(), t.memory_mib(), t.static_host_ports()));
                service.desired_count += 1;
                world.settle_task(service, &id, service.created_at);
            });
        }
        true
    }

    /// The task has been running for long.
    fn settle_task(&mut self, service: &Service, id: &TaskId, created: Timestamp) {
        let behind_target_group = service.target_groups().next().is_some();
        self.placed(id);
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.phase = Phase::Running;
        // Whatever is on the calendar for it is void.
        task.step += 1;
        task.created_at = created;
        task.started_at = Some(after(created, 30.0));
        task.target = behind_target_group.then_some(TargetState::Healthy);
    }

    /// Fills the groups up to their desired capacity, with instances that are there already.
    pub fn settle_groups(&mut self) {
        let names: Vec<String> = self.groups.keys().cloned().collect();
        for name in names {
            let desired = self.groups.get(&name).map_or(0, |g| g.desired);
            for _ in 0..desired {
                if self.launch_instance(&name, true).is_err() {
                    break;
                }
            }
        }
    }

    /// Lets the world begin: what the start has put on the calendar for tasks that stand already is
    /// void, and schedules run from now on.
    pub fn begin(&mut self) {
        self.placements_due.clear();
        self.calendar.clear();
        self.bus.clear();
        let instances: Vec<_> = self.instances.keys().cloned().collect();
        for instance in instances {
            self.look_whether_idle(&instance);
        }
        self.schedule_pools();
        self.schedule_autoscaling();
        let keys: Vec<ServiceKey> = self.services.keys().cloned().collect();
        for key in keys {
            self.with_service(&key, |_, service| service.reconcile_at = None);
        }
    }

    /// Starts a forced deployment that changes nothing.
    pub fn redeploy(&mut self, key: &ServiceKey) {
        self.with_service(key, |world, service| {
            if let Some(revision) = world.next_revision(service, world.now, |_| {}) {
                world.begin_deployment(service, revision);
            }
        });
    }

    /// Checks that a service's strategy can stand in its cluster.
    pub fn check_new_service(&self, new: &NewService) -> Result<(), String> {
        if !new.strategy.is_empty() && new.launch_type.is_some() {
            return Err("a service has either a launchType or a capacityProviderStrategy".to_owned());
        }
        self.check_strategy(&new.key.cluster, &new.strategy).map_err(|r| r.message)?;
        let first = new.strategy.first().and_then(|i| self.provider(&new.key.cluster, &i.capacity_provider));
        let on = first.map(super::clusters::Provider::launch_type).or(new.launch_type).unwrap_or(LaunchType::Ec2);
        if !new.task_definition.fits(on) {
            return Err(format!(
                "task definition {} does not have {} in its requiresCompatibilities",
                new.task_definition.short(),
                on.name()
            ));
        }
        if on == LaunchType::Fargate && new.network.is_none() {
            return Err("a service on Fargate needs a networkConfiguration".to_owned());
        }
        for subnet in new.network.iter().flat_map(|n| &n.awsvpc_configuration.subnets) {
            if !self.subnets.contains_key(short_name(subnet)) {
                let known: Vec<&str> = self.subnets.keys().map(String::as_str).collect();
                return Err(format!("there is no subnet {subnet:?}: there are {}", known.join(", ")));
            }
        }
        Ok(())
    }
}
