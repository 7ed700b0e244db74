//! Service quotas on vCPU: they bind at launch.

use super::World;
use super::allocation::LaunchFailure;
use super::groups::InstanceType;
use super::meters::Market;
use super::rules::Rule;
use super::shapes::LaunchType;
use super::task_definitions::whole;
use super::tasks::Task;

/// "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances" (EC2 quotas).
const ON_DEMAND_STANDARD: &str = "L-1216C47A";
/// "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests".
const SPOT_STANDARD: &str = "L-34B43A08";
/// "Fargate On-Demand vCPU resource count".
const FARGATE_ON_DEMAND: &str = "L-3032A538";
/// "Fargate Spot vCPU resource count".
const FARGATE_SPOT: &str = "L-36FBB829";

/// Whether a type is of the families that the Standard quotas count; accelerated, memory-optimized
/// and HPC families have quotas of their own, which do not bind here.
fn is_standard(instance_type: &str) -> bool {
    let own = ["inf", "trn", "mac", "hpc", "dl"];
    instance_type.starts_with(['a', 'c', 'd', 'h', 'i', 'm', 'r', 't', 'z'])
        && !own.iter().any(|family| instance_type.starts_with(family))
}

impl World {
    fn quota(&self, code: &str) -> Option<f64> {
        self.quotas.iter().find(|q| q.quota_code == code).map(|q| q.value).filter(|_| self.holds(Rule::VcpuQuotas))
    }

    /// Whether the quota has room for one more instance. "Quotas are measured in number of vCPUs …
    /// `MaxSpotInstanceCountExceeded`", "`VcpuLimitExceeded`" (EC2 User Guide; EC2 error codes).
    pub(super) fn check_vcpu_quota(&self, kind: &InstanceType, spot: bool) -> Result<(), LaunchFailure> {
        if !is_standard(&kind.name) {
            return Ok(());
        }
        let Some(limit) = self.quota(if spot { SPOT_STANDARD } else { ON_DEMAND_STANDARD }) else {
            return Ok(());
        };
        let same = self.instances.values().filter(|i| i.spot == spot && is_standard(&i.instance_type));
        let used: u32 = same.map(|i| i.vcpus).sum();
        if f64::from(used + kind.vcpus) <= limit {
            return Ok(());
        }
        if spot {
            return Err(LaunchFailure::MaxSpotInstanceCountExceeded);
        }
        Err(LaunchFailure::VcpuLimitExceeded { limit: whole(limit).unwrap_or(u32::MAX) })
    }

    /// Whether the quota has room for one more task on Fargate.
    pub(super) fn fargate_quota_has_room(&self, task: &Task) -> bool {
        let Some(market) = task.fargate_market() else {
            return true;
        };
        let code = if market == Market::FargateSpot { FARGATE_SPOT } else { FARGATE_ON_DEMAND };
        self.quota(code).is_none_or(|limit| self.meters.held(market) + task.vcpus() <= limit + 1e-6)
    }
}

impl Task {
    /// Its vCPU.
    pub fn vcpus(&self) -> f64 {
        f64::from(self.task_definition.cpu_units()) / 1024.0
    }

    /// What it is bought as, where it is on Fargate.
    pub(super) fn fargate_market(&self) -> Option<Market> {
        if self.launch_type != LaunchType::Fargate {
            return None;
        }
        let spot = self.provider.as_deref() == Some("FARGATE_SPOT");
        Some(if spot { Market::FargateSpot } else { Market::FargateOnDemand })
    }
}
