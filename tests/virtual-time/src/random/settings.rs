//! Any reading of what AWS leaves undocumented, and how long things may take.

use std::collections::BTreeMap;

use aws_sim::world::settings::Settings;
use fastrand::Rng;
use serde_json::{Map, Value, json};

/// What was chosen, by setting: `rounding`, `durations.pending`.
pub type Chosen = BTreeMap<&'static str, Value>;

/// What stays as it is, since AWS documents it.
const DOCUMENTED: [&str; 4] = [
    "durations.stoppedVisible",
    "durations.lifecycleStageTimeout",
    "durations.deploymentTimeout",
    "durations.failedTaskBackoffMax",
];

/// Each setting, and what it may be in a random world.
#[must_use]
pub fn choices() -> Vec<(&'static str, Vec<Value>)> {
    let of = |all: Value| all.as_array().cloned().unwrap_or_default();
    [
        ("rounding", json!(["largestRemainder", "firstListed", "lastListed", "favourSpot", "favourOnDemand"])),
        ("scaleIn", json!(["balanceZones", "newest", "oldest", "onDemandFirst", "random"])),
        ("fargateDrought", json!(["keepProvisioning", "noTask"])),
        ("stopBeforeStart", json!(["whenRoomIsShort", "always"])),
        ("forcedDeploymentResolvesImages", json!([true, false])),
        ("provisioningCountsAsPending", json!([true, false])),
        // In process calls wait at the ports: with buckets there as well.
        ("throttling", json!(["off", "virtualClock"])),
        ("serviceLaunchesPerMinute", json!([6, 60, 500])),
        ("fargateLaunchesPerSecond", json!([1.0, 20.0])),
        ("fargateLaunchBurst", json!([2.0, 100.0])),
        ("fargateSpotStop", json!(["deregisterFirst", "sigtermFirst"])),
        ("fargateSpotStopCode", json!(["SpotInterruption", "TerminationNotice"])),
        ("fargateTriesOtherZones", json!([true, false])),
        ("instanceGoneStopCode", json!(["TerminationNotice", "SpotInterruption", "InfrastructureHealth", "None"])),
        ("protectionHoldsDrains", json!([true, false])),
        ("expressTakesStrategy", json!([true, false])),
        ("failedTaskBackoffFactor", json!([1.0, 2.0, 4.0])),
        ("deepPoolPercent", json!([10, 50, 100])),
        ("spotPlacementConfigurationsPerDay", json!([0, 1, 10, 50])),
        ("spotPlacementAbsentZones", json!([[], ["eu-west-1a"], ["eu-west-1b", "eu-west-1c"]])),
        ("distributionBatchPercent", json!([1, 10, 100])),
        ("distributionSparesProtected", json!([true, false])),
        ("instanceMemoryOverheadMib", json!([100, 400, 800])),
        ("jitterPercent", json!([0, 20, 40])),
        ("durations.provisioning", json!([2.0, 10.0, 40.0])),
        ("durations.pending", json!([3.0, 12.0, 60.0])),
        ("durations.activating", json!([0.0, 3.0, 10.0])),
        ("durations.targetHealthy", json!([5.0, 20.0, 40.0])),
        ("durations.stopping", json!([0.0, 2.0, 10.0])),
        ("durations.deprovisioning", json!([0.0, 2.0, 10.0])),
        ("durations.instanceLaunch", json!([40.0, 90.0, 150.0])),
        ("durations.managedScaling", json!([5.0, 15.0, 60.0])),
        ("durations.managedScaleIn", json!([300.0, 900.0])),
        ("durations.autoscaling", json!([30.0, 60.0, 300.0])),
        ("durations.trafficShift", json!([5.0, 30.0, 120.0])),
        ("durations.lifecycleHook", json!([5.0, 30.0, 120.0])),
        ("durations.alarmBake", json!([60.0, 240.0])),
        ("durations.interruptionNoticed", json!([1.0, 5.0, 40.0, 90.0])),
        ("durations.schedulerTick", json!([0.5, 1.0, 5.0])),
        ("durations.placementRetry", json!([5.0, 15.0, 60.0])),
        ("durations.placementFailureTold", json!([15.0, 60.0, 600.0])),
        ("durations.steadyState", json!([0.0, 30.0, 120.0])),
        ("durations.failedTaskBackoff", json!([1.0, 2.0, 30.0])),
        ("durations.provisioningTimeout", json!([600.0, 1_200.0, 1_800.0])),
    ]
    .map(|(setting, all)| (setting, of(all)))
    .into()
}

/// One of the choices for each setting.
pub(super) fn choose(rng: &mut Rng) -> Chosen {
    choices().into_iter().map(|(setting, all)| (setting, super::account::one_of(rng, &all))).collect()
}

/// As an account file has them.
pub(super) fn as_json(chosen: &Chosen) -> Value {
    let (mut settings, mut durations) = (Map::new(), Map::new());
    for (setting, value) in chosen {
        match setting.strip_prefix("durations.") {
            Some(duration) => durations.insert(duration.to_owned(), value.clone()),
            None => settings.insert((*setting).to_owned(), value.clone()),
        };
    }
    settings.insert("durations".to_owned(), Value::Object(durations));
    Value::Object(settings)
}

/// The settings of the simulator that no random world varies.
#[must_use]
pub fn never_varied() -> Vec<String> {
    let all = serde_json::to_value(Settings::default()).unwrap_or_default();
    let fields = |value: &Value, prefix: &str| {
        let of = value.as_object().into_iter().flat_map(|object| object.keys());
        of.map(|name| format!("{prefix}{name}")).collect::<Vec<_>>()
    };
    let varied: Vec<&str> = choices().into_iter().map(|(setting, _)| setting).chain(DOCUMENTED).collect();
    let named = fields(&all, "").into_iter().chain(fields(&all["durations"], "durations."));
    named.filter(|name| name != "durations" && !varied.contains(&name.as_str())).collect()
}
