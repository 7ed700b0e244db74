//! How long before a window its ceiling counts.

use super::*;
use crate::plan::CapBy;
use crate::policy::Window;

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

/// What has come down for a window needs no time any more; it does not go up again before the window opens.
#[test]
fn a_window_that_counts_goes_on_counting() {
    let window =
        |name: &str, ahead| Window { name: name.to_owned(), ..fixtures::window(Percent::ZERO, fixtures::at(ahead)) };
    // name; the windows of the policy; what capped the ceiling; the policy's lead; whether a window counts
    let cases = [
        ("it has not counted yet", vec![window("launch", 7_200)], None, None, false),
        ("it has", vec![window("launch", 7_200)], Some(window("launch", 7_200)), None, true),
        ("another has", vec![window("launch", 7_200)], Some(window("freeze", 7_200)), None, false),
        ("it was put off", vec![window("launch", 9_000)], Some(window("launch", 7_200)), None, false),
        (
            "the policy says when",
            vec![window("launch", 7_200)],
            Some(window("launch", 7_200)),
            Some(Seconds(60)),
            false,
        ),
        ("it is no more", vec![], Some(window("launch", 7_200)), None, false),
    ];
    for (name, windows, capped_by, lead, expected) in cases {
        let mut policy = open_policy();
        policy.windows = windows;
        policy.control.window_lead_seconds = lead;
        let mut ceiling = fixtures::ceiling(Family::Fargate, Percent::saturating(40));
        let open = |window: &Window| {
            let windows = std::slice::from_ref(window);
            crate::control::window_over(windows, &fixtures::cluster_name(), fixtures::now(), Seconds(86_400)).unwrap()
        };
        if let (Some(window), Some(in_force)) = (&capped_by, &mut ceiling.in_force) {
            (in_force.percent, in_force.capped_by) = (Percent::ZERO, Some(CapBy::Window { window: open(window) }));
        }
        let mut memory = Memory::default();
        memory.signals.ceilings = vec![ceiling];
        let snapshot = fixtures::snapshot(vec![fixtures::on_spot(on_spot(0), 0, 1, 0)]);
        let plan = plan_of(&policy, &snapshot, &memory, &run(RunMode::Ordinary));
        assert_eq!(matches!(plan.cap.by, CapBy::Window { .. }), expected, "{name}: {:?}", plan.cap);
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
