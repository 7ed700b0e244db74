//! Where a task gets its place: a container instance, or Fargate.

use super::clusters::ProviderKind;
use super::meters::Market;
use super::pools::PoolKey;
use super::services::Service;
use super::shapes::LaunchType;
use super::tasks::Phase;
use super::{TaskId, World};

/// Why a task has no place yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NoPlace {
    /// No container instance has room, or is what the task wants.
    NoInstance,
    /// Fargate has no capacity in any zone of the task.
    FargateCapacity,
    /// The account's quota on Fargate vCPU.
    FargateQuota,
    /// Too many tasks of the cluster wait for an instance.
    ProvisioningLimit,
}

/// The type under which Fargate's pools are kept.
pub(super) fn fargate_pool(spot: bool) -> &'static str {
    if spot { "FARGATE_SPOT" } else { "FARGATE" }
}

impl World {
    /// Gives a waiting task its place, if there is one.
    pub(super) fn find_capacity(&mut self, service: &Service, id: &TaskId) -> Result<(), NoPlace> {
        let Some(task) = self.tasks.get(id) else {
            return Err(NoPlace::NoInstance);
        };
        let provider = task.provider.as_deref().and_then(|p| self.provider(&service.key.cluster, p));
        match (provider.map(|p| &p.kind), task.launch_type) {
            (Some(ProviderKind::FargateSpot | ProviderKind::Fargate), _) | (None, LaunchType::Fargate) => {
                self.find_fargate(service, id)
            }
            (Some(ProviderKind::Group(_) | ProviderKind::ManagedInstances(_)), _) | (None, LaunchType::Ec2) => {
                self.find_instance(service, id).then_some(()).ok_or(NoPlace::NoInstance)
            }
            (None, _) => Ok(()),
        }
    }

    /// Looks for a zone of the task's subnets in which Fargate has room: its own first.
    fn find_fargate(&mut self, service: &Service, id: &TaskId) -> Result<(), NoPlace> {
        let Some(task) = self.tasks.get(id) else {
            return Err(NoPlace::FargateCapacity);
        };
        if !self.fargate_quota_has_room(task) {
            return Err(NoPlace::FargateQuota);
        }
        let spot = task.fargate_market() == Some(Market::FargateSpot);
        if spot && self.faults.is_dry("FARGATE_SPOT") {
            return Err(NoPlace::FargateCapacity);
        }
        let others = service.revision(&task.revision).and_then(|r| r.network.as_ref());
        let others = others.into_iter().flat_map(|n| &n.awsvpc_configuration.subnets);
        let tried = if self.settings.fargate_tries_other_zones { usize::MAX } else { 1 };
        let mut subnets = task.subnet.iter().chain(others).map(|s| super::arn::short_name(s)).take(tried);
        let has_room = |subnet: &&str| {
            let zone = self.subnets.get(*subnet).map_or(task.zone.as_str(), |s| s.zone.as_str());
            self.obtainable(&PoolKey::new(fargate_pool(spot), zone), spot) != Some(0)
        };
        let Some(subnet) = subnets.find(has_room).map(str::to_owned) else {
            return Err(NoPlace::FargateCapacity);
        };
        let zone = self.subnets.get(&subnet).map(|s| s.zone.clone());
        if let Some(task) = self.tasks.get_mut(id) {
            task.zone = zone.unwrap_or_else(|| task.zone.clone());
            task.subnet = Some(subnet);
        }
        Ok(())
    }

    /// The task has its place: it goes on to PENDING.
    pub(super) fn placed(&mut self, id: &TaskId) {
        let n = self.rng.u32(4..65_000);
        if !self.tasks.get(id).is_some_and(|t| t.waiting) {
            return;
        }
        self.no_longer_waits(id);
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.ip = match &task.instance {
            Some(instance) if !task.task_definition.is_awsvpc() => instance.clone(),
            _ => format!("10.0.{}.{}", n / 254, n % 254 + 1),
        };
        self.hold_fargate(id, true);
        self.step_after(id, self.settings.durations.provisioning);
    }

    /// Takes a place on Fargate, or gives it back.
    fn hold_fargate(&mut self, id: &TaskId, takes: bool) {
        let Some((task, market)) = self.tasks.get(id).and_then(|t| Some((t, t.fargate_market()?))) else {
            return;
        };
        let spot = market == Market::FargateSpot;
        self.meters.change(market, self.now, if takes { task.vcpus() } else { -task.vcpus() });
        if let Some(pool) = self.pools.get_mut(&PoolKey::new(fargate_pool(spot), &task.zone)) {
            let held = pool.held_mut(spot);
            *held = if takes { *held + 1 } else { held.saturating_sub(1) };
        }
    }

    /// Gives back what a task that has its place holds.
    pub(super) fn leave_place(&mut self, id: &TaskId) {
        if self.tasks.get(id).is_some_and(|t| !t.waiting && t.phase != Phase::Stopped) {
            self.hold_fargate(id, false);
            self.leave_instance(id);
        }
    }
}
