//! The capacity lever in a random world: Spot groups that may be turned, switches that ask for it, and people who give
//! a turned group Spot again.

use aws_sim::world::World;
use fastrand::Rng;
use jiff::SignedDuration;
use serde_json::{Value, json};
use spotkeeper_core::observe::{LEVER_TAG, LEVER_TAG_VALUE};

use super::CALM;
use super::account::one_of;
use crate::day::Happening;

/// What makes its generator another one than the world's.
pub(super) const SEED: u64 = 0x1e7e2;

/// Tags most Spot groups.
pub(super) fn allow(rng: &mut Rng, account: &mut Value) {
    let groups = account["autoScalingGroups"].as_array_mut().into_iter().flatten();
    for group in groups.filter(|group| !group["instancesDistribution"].is_null()) {
        if rng.u32(0..4) > 0 {
            group["tags"] = json!([{ "key": LEVER_TAG, "value": LEVER_TAG_VALUE }]);
        }
    }
}

/// Has half of the switches ask for the lever, over whole clusters and everything in them; then somebody may turn
/// the groups back by hand.
pub(super) fn ask(rng: &mut Rng, world: &World, happenings: &mut Vec<(SignedDuration, Happening)>) {
    let mut by_hand = Vec::new();
    for (at, happening) in happenings.iter_mut() {
        let Happening::Start(input) = happening else { continue };
        let Some(switch) = input.get_mut("switch") else { continue };
        let over_services = switch["scope"].as_str().is_none_or(|scope| scope.starts_with("service/"));
        if over_services || switch["state"] != "on" || rng.bool() {
            continue;
        }
        switch["lever"] = json!("capacity");
        switch["unenrolled"] = json!(true);
        let groups: Vec<&String> = world.groups.keys().filter(|name| name.ends_with("-spot")).collect();
        let soon = *at + SignedDuration::from_secs(rng.i64(10..=1_800));
        if rng.u32(0..3) == 0 && soon < CALM && !groups.is_empty() {
            let group = one_of(rng, &groups).clone();
            by_hand.push((soon, Happening::GroupPercentage { group, on_demand_percent: 0 }));
        }
    }
    happenings.extend(by_hand);
}
