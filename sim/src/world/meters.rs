//! What users feel and what they pay: integrals over virtual time, and counts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::services::Service;
use super::{ServiceKey, World};

/// Adds up a rate over time: it is touched only when the rate changes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meter {
    rate: f64,
    total: f64,
    since: Timestamp,
}

impl Meter {
    fn set(&mut self, now: Timestamp, rate: f64) {
        self.total = self.total_at(now);
        self.since = now;
        self.rate = rate;
    }

    fn total_at(&self, now: Timestamp) -> f64 {
        if self.rate == 0.0 {
            self.total
        } else {
            self.total + self.rate * now.duration_since(self.since).as_secs_f64()
        }
    }
}

/// What vCPU are bought as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Market {
    Ec2OnDemand,
    Ec2Spot,
    FargateOnDemand,
    FargateSpot,
}

/// The vCPU that the account pays for, by market: of EC2 those of instances from launch to end, of
/// Fargate those of tasks from the image pull to STOPPED ("from the time that you start to download
/// your container image … until the Amazon ECS task terminates", Fargate pricing).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct VcpuMeters([Meter; 4]);

impl VcpuMeters {
    pub(super) fn change(&mut self, market: Market, now: Timestamp, by: f64) {
        let meter = &mut self.0[market as usize];
        meter.set(now, meter.rate + by);
    }

    /// vCPU that are paid for now.
    pub(super) fn held(&self, market: Market) -> f64 {
        self.0[market as usize].rate
    }

    fn seconds(&self, markets: [Market; 2], now: Timestamp) -> f64 {
        markets.map(|m| self.0[m as usize].total_at(now)).iter().sum()
    }
}

/// What users feel and pay, since the world's start.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Felt {
    /// Tasks that were missing, times seconds: desired count less healthy tasks, where that is above 0.
    pub task_seconds_below_desired: f64,
    /// The same by `cluster/service`.
    pub below_desired_by_service: BTreeMap<String, f64>,
    /// Targets whose connections were cut: the task ended while the target was in service, or before
    /// its deregistration delay had run out. One for each target group of the task.
    pub targets_cut: u64,
    /// How much of the deregistration delays was missing, in seconds, over all targets cut.
    pub drain_seconds_cut: f64,
    /// Tasks killed by SIGKILL because they outlasted their `stopTimeout` or the two minutes.
    pub killed_by_timeout: u64,
    /// Tasks that ended with their instance, before they had stopped.
    pub killed_with_instance: u64,
    /// Deployments started, by `cluster/service`.
    pub deployments_started: BTreeMap<String, u64>,
    /// Interruptions, by pool.
    pub interruptions: BTreeMap<String, u64>,
    /// vCPU-seconds of Spot capacity paid for.
    pub spot_vcpu_seconds: f64,
    /// vCPU-seconds of On-Demand capacity paid for.
    pub on_demand_vcpu_seconds: f64,
}

/// How many healthy tasks a service has from a time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthChange {
    /// Since when.
    pub at: Timestamp,
    /// The service.
    pub service: ServiceKey,
    /// Tasks that run, and whose targets are healthy where there are any.
    pub healthy: u32,
}

/// The changes of healthy tasks, for those who integrate over several services at once.
#[derive(Clone, Debug, Default)]
pub(super) struct HealthLog {
    latest: BTreeMap<ServiceKey, u32>,
    changes: Vec<HealthChange>,
}

impl HealthLog {
    fn note(&mut self, at: Timestamp, service: &Service, healthy: u32) {
        if self.latest.get(&service.key) != Some(&healthy) {
            self.latest.insert(service.key.clone(), healthy);
            self.changes.push(HealthChange { at, service: service.key.clone(), healthy });
        }
    }
}

impl World {
    /// What users felt and paid up to now.
    pub fn felt(&self) -> Felt {
        let mut felt = self.felt.clone();
        for (key, service) in &self.services {
            let seconds = service.shortfall.total_at(self.now);
            if seconds > 0.0 {
                *felt.below_desired_by_service.entry(key.to_string()).or_default() += seconds;
            }
        }
        felt.task_seconds_below_desired = felt.below_desired_by_service.values().sum();
        felt.spot_vcpu_seconds = self.meters.seconds([Market::Ec2Spot, Market::FargateSpot], self.now);
        felt.on_demand_vcpu_seconds = self.meters.seconds([Market::Ec2OnDemand, Market::FargateOnDemand], self.now);
        felt
    }

    /// Notes how many tasks a service lacks from now on.
    pub(super) fn measure_shortfall(&mut self, service: &mut Service) {
        let healthy = self.healthy_tasks(service);
        let lacks = f64::from(service.desired_count.saturating_sub(healthy));
        if (lacks - service.shortfall.rate).abs() > 0.5 {
            service.shortfall.set(self.now, lacks);
        }
        if let Some(log) = &mut self.health_log {
            log.note(self.now, service, healthy);
        }
    }

    fn healthy_tasks(&self, service: &Service) -> u32 {
        let healthy = service.tasks.iter().filter_map(|id| self.tasks.get(id)).filter(|t| t.is_healthy()).count();
        u32::try_from(healthy).unwrap_or(u32::MAX)
    }

    /// Keeps every change of how many healthy tasks a service has, from now on, for
    /// [`World::take_health_changes`]. The first ones say how all services stand now.
    pub fn keep_health_changes(&mut self) {
        let mut log = HealthLog::default();
        for service in self.services.values() {
            log.note(self.now, service, self.healthy_tasks(service));
        }
        self.health_log = Some(log);
    }

    /// The changes that nobody has taken yet, oldest first; none where they are not kept.
    pub fn take_health_changes(&mut self) -> Vec<HealthChange> {
        self.health_log.as_mut().map(|log| std::mem::take(&mut log.changes)).unwrap_or_default()
    }

    /// Keeps what users of a service felt, when the service goes.
    pub(super) fn keep_shortfall(&mut self, key: &ServiceKey) {
        let Some(seconds) = self.services.get(key).map(|s| s.shortfall.total_at(self.now)).filter(|s| *s > 0.0) else {
            return;
        };
        *self.felt.below_desired_by_service.entry(key.to_string()).or_default() += seconds;
    }

    /// The task's targets are cut off, so many seconds before their connections had drained.
    pub(super) fn cut_targets(&mut self, service: &Service, seconds_missing: f64) {
        let targets = service.target_groups().count();
        self.felt.targets_cut += u64::try_from(targets).unwrap_or(0);
        self.felt.drain_seconds_cut += seconds_missing * f64::from(u32::try_from(targets).unwrap_or(0));
    }
}
