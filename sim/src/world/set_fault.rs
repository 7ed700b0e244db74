//! Switching faults on and off: what they name must exist.

use std::collections::{BTreeMap, BTreeSet};

use super::World;
use super::arn::{ServiceKey, short_name};
use super::deployments::Revision;
use super::faults::{Crash, Fault};

fn set<T: Ord>(set: &mut BTreeSet<T>, item: T, on: bool) {
    if on {
        set.insert(item);
    } else {
        set.remove(&item);
    }
}

fn set_times(map: &mut BTreeMap<String, u32>, action: String, times: u32, on: bool) {
    map.remove(&action);
    if on && times > 0 {
        map.insert(action, times);
    }
}

fn existing_action(action: &str, actions: &[&str]) -> Result<(), String> {
    existing("action", action, actions.to_vec())
}

fn existing(what: &str, name: &str, known: Vec<&str>) -> Result<(), String> {
    if known.contains(&name) {
        return Ok(());
    }
    Err(format!("there is no {what} {name:?}: there are {}", some_of(&known)))
}

/// A list for a message, cut where it would be too long to read.
fn some_of(names: &[&str]) -> String {
    const MOST: usize = 100;
    let more = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
    format!("{}{more}", names.iter().take(MOST).copied().collect::<Vec<_>>().join(", "))
}

impl World {
    /// Switches a fault on or off. What it names must exist: the refusal lists what does.
    /// `actions` are those that the front can answer.
    pub fn set_fault(&mut self, fault: Fault, on: bool, actions: &[&str]) -> Result<(), String> {
        match fault {
            Fault::NewTasksCrash { cluster, service, provider } => {
                let key = self.existing_service(&cluster, &service)?;
                if let Some(provider) = &provider {
                    self.existing_provider(provider)?;
                }
                let crash = Crash { cluster: key.cluster, service: key.name, provider };
                self.faults.new_tasks_crash.retain(|c| *c != crash);
                if on {
                    self.faults.new_tasks_crash.push(crash);
                }
            }
            Fault::TasksCannotStart { cluster, service, why } => {
                let key = self.existing_service(&cluster, &service)?.to_string();
                self.faults.tasks_cannot_start.remove(&key);
                if on {
                    self.faults.tasks_cannot_start.insert(key, why);
                }
            }
            Fault::SpotUnavailable { provider } => {
                if provider != "all" {
                    let found = self.existing_provider(&provider)?;
                    if !self.is_spot(found) {
                        return Err(format!("provider {provider:?} is not on Spot"));
                    }
                }
                set(&mut self.faults.spot_unavailable, provider, on);
                // Capacity that is back is found at the next attempt, as on AWS.
            }
            Fault::Drought { pool } => self.set_drought(&pool, on)?,
            Fault::SetObtainable { pool, count } => self.set_obtainable(&pool, count)?,
            Fault::Reclaim { pool, count } => {
                self.reclaim(&pool, count)?;
            }
            Fault::RebalanceRecommendation { pool, count } => {
                self.recommend_rebalance(&pool, count)?;
            }
            Fault::PlacementScore { zone, score } => {
                if let Some(zone) = &zone {
                    existing("zone", zone, self.subnets.values().map(|s| s.zone.as_str()).collect())?;
                }
                if score.is_some_and(|score| !(1..=10).contains(&score)) {
                    return Err(format!("score is {score:?}: allowed are 1 to 10"));
                }
                let zone = zone.unwrap_or_else(|| "all".to_owned());
                self.faults.placement_scores.remove(&zone);
                if on {
                    self.faults.placement_scores.insert(zone, score);
                }
            }
            Fault::HookFails { cluster, service } => {
                let key = self.existing_service(&cluster, &service)?;
                set(&mut self.faults.hooks_fail, key.to_string(), on);
            }
            Fault::Alarm { name } => self.set_alarm(name, on)?,
            Fault::LoseAnswer { action, times } => {
                existing_action(&action, actions)?;
                set_times(&mut self.faults.lose_answer, action, times, on);
            }
            Fault::Throttle { action, times } => {
                existing_action(&action, actions)?;
                set_times(&mut self.faults.throttle, action, times, on);
            }
            Fault::Deny { action, resource } => {
                existing_action(&action, actions)?;
                set(&mut self.faults.deny, (action, resource), on);
            }
            Fault::Hold { action, before } => {
                existing_action(&action, actions)?;
                self.faults.hold.remove(&action);
                if on {
                    self.faults.hold.insert(action, before);
                }
            }
            Fault::StaleReads { seconds } => {
                if !(0.0..=86_400.0).contains(&seconds) {
                    return Err(format!("seconds is {seconds}: allowed are 0 to 86400"));
                }
                self.faults.stale_reads_seconds = if on { seconds } else { 0.0 };
                if !on {
                    self.stale.clear();
                }
            }
            Fault::Deploy { cluster, service, task_definition, capacity_provider_strategy } => {
                let key = self.existing_service(&cluster, &service)?;
                let next = task_definition.map(|t| self.existing_task_definition(&t)).transpose()?;
                if let Some(strategy) = &capacity_provider_strategy {
                    self.check_strategy(&key.cluster, strategy).map_err(|r| r.to_string())?;
                }
                self.remember_for_stale_reads(&key);
                self.with_service(&key, |world, service| {
                    let revision = world.next_revision(service, world.now, |r| {
                        r.task_definition = next.unwrap_or_else(|| r.task_definition.clone());
                        if let Some(strategy) = capacity_provider_strategy {
                            r.launch_type = None;
                            r.strategy = strategy;
                        }
                    });
                    if let Some(revision) = revision {
                        world.begin_deployment(service, revision);
                    }
                });
            }
            Fault::RevertStrategy { cluster, service } => {
                let key = self.existing_service(&cluster, &service)?;
                self.revert_strategy(&key)?;
            }
            Fault::PushImage { image } => {
                let mut known: Vec<&str> = self
                    .task_definitions
                    .values()
                    .flat_map(|t| &t.container_definitions)
                    .map(|c| c.image.as_str())
                    .collect();
                known.sort_unstable();
                known.dedup();
                existing("image", &image, known)?;
                *self.pushes.entry(image).or_insert(0) += 1;
            }
            Fault::VanishService { cluster, service, inactive } => {
                let key = self.existing_service(&cluster, &service)?;
                self.vanish(&key, inactive);
            }
            Fault::SetDesiredCount { cluster, service, desired_count } => {
                let key = self.existing_service(&cluster, &service)?;
                self.set_desired_count(&key, desired_count);
            }
        }
        Ok(())
    }

    /// Somebody else's tool writes what it knows: the capacity of the last revision that had another.
    fn revert_strategy(&mut self, key: &ServiceKey) -> Result<(), String> {
        let service = self.services.get(key);
        let before = service.and_then(|s| {
            let now = s.current()?;
            let differs = |r: &&Revision| r.strategy != now.strategy || r.launch_type != now.launch_type;
            s.revisions.iter().rev().find(differs)
        });
        let Some((strategy, launch_type)) = before.map(|r| (r.strategy.clone(), r.launch_type)) else {
            return Err(format!("service {key} has had no other strategy: there is none to go back to"));
        };
        self.remember_for_stale_reads(key);
        self.with_service(key, |world, service| {
            let revision = world.next_revision(service, world.now, |r| {
                r.strategy = strategy;
                r.launch_type = launch_type;
            });
            if let Some(revision) = revision {
                world.begin_deployment(service, revision);
            }
        });
        Ok(())
    }

    /// Puts a CloudWatch alarm into ALARM, or back to OK; services that watch it look at once.
    pub fn set_alarm(&mut self, name: String, on: bool) -> Result<(), String> {
        let watched: Vec<(ServiceKey, String)> = self
            .services
            .values()
            .flat_map(|s| s.spec.deployment_configuration.alarms.iter().map(move |a| (s, a)))
            .flat_map(|(s, a)| a.alarm_names.iter().map(|n| (s.key.clone(), n.clone())))
            .collect();
        existing("alarm", &name, watched.iter().map(|(_, n)| n.as_str()).collect())?;
        for (key, _) in watched.iter().filter(|(_, n)| *n == name) {
            self.with_service(key, |world, service| world.reconcile_soon(service));
        }
        set(&mut self.faults.alarms, name, on);
        Ok(())
    }

    fn vanish(&mut self, key: &ServiceKey, inactive: bool) {
        let tasks = self.services.get(key).map(|s| s.tasks.clone()).unwrap_or_default();
        self.with_service(key, |world, service| {
            for id in &tasks {
                world.stop_task(service, id, "ServiceSchedulerInitiated", "Service deleted.");
            }
            service.status = "INACTIVE";
            service.desired_count = 0;
        });
        if !inactive {
            self.keep_shortfall(key);
            self.services.remove(key);
            for id in tasks {
                self.leave_place(&id);
                self.tasks.remove(&id);
            }
        }
    }

    fn existing_service(&self, cluster: &str, service: &str) -> Result<ServiceKey, String> {
        let cluster = short_name(cluster);
        existing("cluster", cluster, self.clusters.keys().map(String::as_str).collect())?;
        let key = ServiceKey::new(cluster, short_name(service));
        existing("service", &key.name, self.services_of(cluster).map(|s| s.key.name.as_str()).collect())?;
        Ok(key)
    }

    fn existing_provider(&self, provider: &str) -> Result<&super::clusters::Provider, String> {
        existing("provider", provider, self.providers.keys().map(String::as_str).collect())?;
        self.providers.get(provider).ok_or_else(|| provider.to_owned())
    }

    fn existing_task_definition(
        &self,
        name: &str,
    ) -> Result<std::sync::Arc<super::task_definitions::TaskDefinition>, String> {
        self.task_definition(name).map_err(|_| {
            let known: Vec<String> = self.task_definitions.values().map(|t| t.short()).collect();
            format!(
                "there is no task definition {name:?}: there are {}",
                some_of(&known.iter().map(String::as_str).collect::<Vec<_>>())
            )
        })
    }
}
