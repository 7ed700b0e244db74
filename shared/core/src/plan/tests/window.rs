//! How long before a window its ceiling counts.

use super::*;
use crate::plan::CapBy;

/// These services, and a window without Spot that begins so many
/// seconds ahead: whether it counts already.
fn counts(policy: &Policy, services: &[Service], ahead: u32) -> bool {
    let mut policy = policy.clone();
    policy.windows = vec![fixtures::window(Percent::ZERO, fixtures::at(i64::from(ahead)))];
    let snapshot = fixtures::snapshot(services.to_vec());
    let plan = plan_of(&policy, &snapshot, &Memory::default(), &run(RunMode::Ordinary));
    matches!(plan.cap.by, CapBy::Window { .. })
}

fn on_spot(number: u32) -> Service {
    let mut service = fixtures::service(&format!("web-{number:03}"), Family::Fargate);
    service.desired = 10;
    service.scaling = Reading::Known(None);
    fixtures::on_spot(service, 0, 1, 1)
}

/// Left to itself, a window counts ahead by two schedules and by the deadline of a move for each wave
/// that brings everything down: at a quarter of the tasks a wave, four.
#[test]
fn a_window_counts_as_early_as_its_moves_need() {
    let said = |lead| move |policy: &mut Policy| policy.control.window_lead_seconds = Some(Seconds(lead));
    let in_waves_of = |percent| move |policy: &mut Policy| policy.pace.down_wave_percent = Percent::saturating(percent);
    let deadline = crate::verify::deadline(&open_policy().verify, &on_spot(0)).0;
    type Change = Box<dyn Fn(&mut Policy)>;
    let cases: [(&str, u32, Change, u32); 8] = [
        ("nothing on Spot", 0, Box::new(|_| {}), 1_800),
        ("one service", 1, Box::new(in_waves_of(25)), 1_800 + deadline),
        ("two: a wave each, since each is more than a quarter", 2, Box::new(in_waves_of(25)), 1_800 + 2 * deadline),
        ("eight: four waves of two", 8, Box::new(in_waves_of(25)), 1_800 + 4 * deadline),
        ("eight, all in one wave", 8, Box::new(in_waves_of(100)), 1_800 + deadline),
        ("as many as would take longer than a day", 200, Box::new(in_waves_of(0)), 86_400),
        ("the policy says none", 8, Box::new(said(0)), 0),
        ("the policy says a minute", 8, Box::new(said(60)), 60),
    ];
    for (name, services, change, lead) in cases {
        let mut policy = open_policy();
        change(&mut policy);
        let services: Vec<Service> = (0..services).map(on_spot).collect();
        assert!(counts(&policy, &services, lead), "{name}: not {lead} s ahead");
        assert!(!counts(&policy, &services, lead + 1), "{name}: more than {lead} s ahead");
    }
}

#[test]
fn what_is_not_on_spot_needs_no_wave() {
    let mut policy = open_policy();
    policy.pace.down_wave_percent = Percent::saturating(25);
    let on_demand = |number: u32| fixtures::on_spot(on_spot(number), 0, 1, 0);
    let services = [on_spot(0), on_demand(1), on_demand(2), on_demand(3)];
    let lead = 1_800 + crate::verify::deadline(&policy.verify, &services[0]).0;
    assert!(counts(&policy, &services, lead) && !counts(&policy, &services, lead + 1));
}
