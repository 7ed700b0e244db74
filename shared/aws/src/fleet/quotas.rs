//! The account's quotas that bound how far On-Demand can take tasks back.

use spotkeeper_core::observe::{Depth, Gap, GapCause, Quotas, Reading};
use spotkeeper_core::ports::Clock;
use spotkeeper_core::units::{CpuUnits, Seconds};

use super::cached::Keep;
use super::translate::{self, NotUnderstood, not_read};
use super::{AwsFleet, Cache};
use crate::client::{Action, ApiCause};

/// How long a quota is believed.
const TTL: Seconds = Seconds(3_600);

/// A quota's service and code.
type Quota = (&'static str, &'static str);
/// "Fargate On-Demand vCPU resource count".
const FARGATE: Quota = ("fargate", "L-3032A538");
/// "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", in vCPU.
const EC2_STANDARD: Quota = ("ec2", "L-1216C47A");

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    pub(super) async fn quotas(&self, depth: Depth) -> Quotas {
        let unread = |quota| Reading::Missing(not_read(&key(quota), Action::GetServiceQuota));
        if depth == Depth::Switch {
            return Quotas { fargate_on_demand: unread(FARGATE), ec2_on_demand_standard: unread(EC2_STANDARD) };
        }
        let mut known = self.remembered::<CpuUnits>(&[key(FARGATE), key(EC2_STANDARD)]).await;
        let (fargate_on_demand, ec2_on_demand_standard) = tokio::join!(
            self.quota(FARGATE, known.remove(&key(FARGATE))),
            self.quota(EC2_STANDARD, known.remove(&key(EC2_STANDARD))),
        );
        Quotas { fargate_on_demand, ec2_on_demand_standard }
    }

    async fn quota(&self, quota: Quota, known: Option<CpuUnits>) -> Reading<CpuUnits> {
        if let Some(known) = known {
            return Reading::Known(known);
        }
        match self.read_quota(quota).await {
            Ok(units) => {
                self.remember([(&key(quota), &units)], Keep::For(TTL)).await;
                Reading::Known(units)
            }
            Err(gap) => Reading::Missing(gap),
        }
    }

    /// The applied quota; where none was ever applied, AWS's default is in force.
    async fn read_quota(&self, (service, code): Quota) -> Result<CpuUnits, Gap> {
        let subject = key((service, code));
        let quotas = &self.api.clients.quotas;
        let applied = quotas.get_service_quota().service_code(service).quota_code(code);
        let default = quotas.get_aws_default_service_quota().service_code(service).quota_code(code);
        let (action, answer) = match self.api.call(Action::GetServiceQuota, || applied.clone().send()).await {
            Ok(answer) => (Action::GetServiceQuota, answer.quota),
            Err(error) if error.cause == ApiCause::Absent => {
                let action = Action::GetAwsDefaultServiceQuota;
                let answer = self.api.call(action, || default.clone().send()).await;
                (action, answer.map_err(|error| error.gap(&subject))?.quota)
            }
            Err(error) => return Err(error.gap(&subject)),
        };
        let value = answer.and_then(|quota| quota.value).ok_or_else(|| NotUnderstood::absent("value"));
        let value = value.map_err(|error| error.gap(&subject, action))?;
        cpu_units(value)
            .ok_or_else(|| translate::gap(&subject, action, GapCause::NotUnderstood, format!("value {value}")))
    }
}

fn key((service, code): Quota) -> String {
    format!("servicequotas/{service}/{code}")
}

/// vCPU as Service Quotas counts them: a float, in practice whole.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be positive and bounded")]
fn cpu_units(vcpus: f64) -> Option<CpuUnits> {
    (0.0..=1e12).contains(&vcpus).then(|| CpuUnits::VCPU.times(vcpus as u64))
}
