//! What the capacity lever may and may not do, as tables.

use super::*;
use crate::fixtures::{self, at, now, run, turn};
use crate::observe::Family;
use crate::plan::barring_window_over;
use crate::policy::Policy;
use crate::ports::PortError;
use crate::record::{RunMode, RunRecord, TurnEnd, WriteBack};
use crate::switch::{Lever, Scope, SwitchEntry, Switches};

fn spot_provider() -> Provider {
    let snapshot = fixtures::snapshot(Vec::new());
    snapshot.providers[&fixtures::pair(Family::AutoScalingGroup).spot].known().unwrap().clone()
}

fn edited(change: impl FnOnce(&mut crate::observe::GroupProvider)) -> Provider {
    let mut snapshot = fixtures::snapshot(Vec::new());
    let name = fixtures::pair(Family::AutoScalingGroup).spot;
    fixtures::edit_group(&mut snapshot, &name, change);
    snapshot.providers[&name].known().unwrap().clone()
}

fn edited_group(change: impl FnOnce(&mut crate::observe::Group)) -> Provider {
    edited(|behind| {
        let Reading::Known(group) = &mut behind.group else { panic!("the group is known") };
        change(group);
    })
}

fn with_market(market: Market) -> Provider {
    edited_group(|group| group.distribution = Some(fixtures::distribution(market)))
}

#[test]
fn a_group_is_turned_only_where_nothing_speaks_against_it() {
    let other = fixtures::service_ref("other").name;
    let distribution =
        |change: fn(&mut InstancesDistribution)| edited_group(|group| change(group.distribution.as_mut().unwrap()));
    let gap = || Reading::Missing(fixtures::gap("asg-spot", "autoscaling:DescribeAutoScalingGroups"));
    let groups = [
        ("all that it takes", spot_provider(), vec![]),
        ("its group unread", edited(|behind| behind.group = gap()), vec![Unfit::Unread]),
        ("Fargate", Provider { kind: ProviderKind::FargateSpot, ..spot_provider() }, vec![Unfit::NoGroup]),
        ("no tag", edited_group(|group| group.may_be_turned = false), vec![Unfit::NotTagged]),
        ("a plain group", edited_group(|group| group.distribution = None), vec![Unfit::NoMixedInstancesPolicy]),
        ("a base", distribution(|one| one.on_demand_base_capacity = Some(1)), vec![Unfit::NotSpotAlone]),
        (
            "a percentage",
            distribution(|one| one.on_demand_percentage_above_base_capacity = Some(1)),
            vec![Unfit::NotSpotAlone],
        ),
        (
            "no percentage, which is 100",
            distribution(|one| one.on_demand_percentage_above_base_capacity = None),
            vec![Unfit::NotSpotAlone],
        ),
        ("segments", distribution(|one| one.has_segments = true), vec![Unfit::Segments]),
        ("protected", edited_group(|group| group.protects_new_instances = true), vec![Unfit::ScaleInProtection]),
        (
            "protected by the provider",
            edited(|behind| behind.managed_termination_protection = true),
            vec![Unfit::TerminationProtection],
        ),
        ("no draining", edited(|behind| behind.managed_draining = false), vec![Unfit::NoDraining]),
    ];
    for (name, provider, expected) in &groups {
        let fit = Fit { lever: true, provider: Some(provider), services_read: true, outside: None };
        assert_eq!(fit.unfit(), *expected, "{name}");
    }
    let whole = spot_provider();
    let fit = Fit { lever: true, provider: Some(&whole), services_read: true, outside: None };
    let around = [
        ("the stack does not", Fit { lever: false, ..fit }, vec![Unfit::LeverOff]),
        ("no provider", Fit { provider: None, ..fit }, vec![Unfit::Unread]),
        ("a service unread", Fit { services_read: false, ..fit }, vec![Unfit::ServicesUnread]),
        ("one outside", Fit { outside: Some(&other), ..fit }, vec![Unfit::Outside { service: other.clone() }]),
        (
            "all of it",
            Fit { lever: false, provider: None, services_read: false, outside: Some(&other) },
            vec![Unfit::LeverOff, Unfit::Unread, Unfit::ServicesUnread, Unfit::Outside { service: other.clone() }],
        ),
    ];
    for (name, fit, expected) in around {
        let unfit = fit.unfit();
        assert_eq!(unfit, expected, "{name}");
        for why in unfit {
            assert_eq!(serde_json::to_value(&why).unwrap()["unfit"], why.name(), "{name}");
        }
    }
}

#[test]
fn a_turned_provider_counts_as_spot_until_its_turn_has_ended() {
    let name = fixtures::pair(Family::AutoScalingGroup).spot;
    let mut snapshot = fixtures::snapshot(Vec::new());
    fixtures::edit_group(&mut snapshot, &name, |behind| {
        let Reading::Known(group) = &mut behind.group else { panic!("the group is known") };
        group.market = Market::OnDemand;
        group.distribution = Some(fixtures::distribution(Market::OnDemand));
    });
    as_recorded(&mut snapshot, &[]);
    assert_eq!(snapshot.providers[&name].known().unwrap().market(), Some(Market::OnDemand), "nothing is on record");
    as_recorded(&mut snapshot, &[TurnSeen { turn: turn(), spot_instances: Reading::Known(0) }]);
    let provider = snapshot.providers[&name].known();
    assert_eq!(provider.unwrap().market(), Some(Market::Spot));
    let now = distribution_now(provider).unwrap().unwrap();
    assert_eq!(now.market(), Market::OnDemand, "what it has now is kept beside");
}

#[test]
fn a_turn_has_come_as_far_as_what_is_read_shows() {
    type Vary = fn(&mut Turn);
    let on_demand = with_market(Market::OnDemand);
    let spot = with_market(Market::Spot);
    let known = Reading::Known;
    let unread = || Reading::Missing(fixtures::gap("asg-spot", "ec2:DescribeInstances"));
    let none: Vary = |_| {};
    let over: Vary = |turn| turn.ends_by = now();
    let never_taken: Vary = |turn| turn.taken_at = None;
    let long_ago: Vary = |turn| (turn.at, turn.taken_at) = (at(-400), Some(at(-400)));
    let coming_back: Vary =
        |turn| turn.back = Some(WriteBack { run: fixtures::run_id("back"), at: at(-10), until: at(170) });
    let came_back: Vary =
        |turn| turn.back = Some(WriteBack { run: fixtures::run_id("back"), at: at(-180), until: now() });
    let under_way = |spot_instances| Standing::UnderWay { spot_instances };
    let cases = [
        ("no Spot instance is left", none, Some(&on_demand), known(0), Standing::Done),
        ("some are", none, Some(&on_demand), known(3), under_way(Some(3))),
        ("some are, and the time is over", over, Some(&on_demand), known(3), Standing::Lost(LostWhy::TimeOver)),
        ("none is, and the time is over", over, Some(&on_demand), known(0), Standing::Done),
        (
            "EC2 may not show the last one yet",
            |turn| turn.taken_at = Some(at(-59)),
            Some(&on_demand),
            known(0),
            under_way(Some(0)),
        ),
        ("EC2 does not answer", none, Some(&on_demand), unread(), under_way(None)),
        ("to the end", over, Some(&on_demand), unread(), Standing::Lost(LostWhy::Unread)),
        ("the group is not read", none, None, known(0), under_way(Some(0))),
        ("to the end", over, None, known(0), Standing::Lost(LostWhy::Unread)),
        ("AWS has not taken it", never_taken, Some(&spot), known(3), Standing::NotTaken),
        (
            "to the end",
            |turn| (turn.taken_at, turn.ends_by) = (None, now()),
            Some(&spot),
            known(3),
            Standing::Lost(LostWhy::TimeOver),
        ),
        ("taken, and a read that came before", none, Some(&spot), known(3), under_way(Some(3))),
        ("taken long ago, and Spot again", long_ago, Some(&spot), known(3), Standing::Lost(LostWhy::Reverted)),
        ("it may come back any moment", coming_back, Some(&on_demand), known(0), Standing::Lost(LostWhy::ComingBack)),
        ("it can no more come back", came_back, Some(&on_demand), known(0), Standing::Done),
        ("it has come back", came_back, Some(&spot), known(0), Standing::Lost(LostWhy::Reverted)),
    ];
    let policy = Policy::default().verify;
    for (name, vary, provider, spot_instances, expected) in cases {
        let mut seen = TurnSeen { turn: turn(), spot_instances };
        vary(&mut seen.turn);
        assert_eq!(standing(&seen, provider, &policy, now()), expected, "{name}");
    }
}

/// The Updater's world just before a turn, to vary.
struct World {
    policy: Policy,
    run: RunRecord,
    turn: Option<Turn>,
    distribution: Reading<Option<InstancesDistribution>>,
    switches: Switches,
}

type VaryWorld = fn(&mut World);

fn lever(scope: Scope) -> SwitchEntry {
    SwitchEntry { lever: Lever::Capacity, ..fixtures::switch(scope) }
}

impl World {
    /// A turn to On-Demand that is on record and was not written.
    fn away() -> World {
        let turn = Turn { taken_at: None, version: 1, ..turn() };
        World {
            policy: Policy::default(),
            run: run(RunMode::Switch { entry: lever(Scope::All) }),
            turn: Some(turn),
            distribution: Reading::Known(Some(fixtures::distribution(Market::Spot))),
            switches: Switches { entries: vec![lever(Scope::All)], epoch: 1 },
        }
    }

    /// A turned group, and no switch any more.
    fn back() -> World {
        World {
            run: run(RunMode::Ordinary),
            turn: Some(turn()),
            distribution: Reading::Known(Some(fixtures::distribution(Market::OnDemand))),
            switches: Switches { entries: Vec::new(), epoch: 2 },
            ..World::away()
        }
    }

    fn decide(&self, way: TurnWay) -> TurnDecision {
        let provider = fixtures::pair(Family::AutoScalingGroup).spot;
        decide(&TurnInput {
            policy: &self.policy,
            run: &self.run,
            order: &TurnOrder { cluster: fixtures::cluster_name(), provider, way },
            turn: self.turn.as_ref(),
            distribution: &self.distribution,
            switches: &self.switches,
            now: now(),
        })
    }
}

/// What a decision came to, in short.
fn said(decision: &TurnDecision) -> String {
    match decision {
        TurnDecision::Write { turn, distribution } => format!("write {distribution} as version {}", turn.version),
        TurnDecision::InPlace { turn } => format!("in place as version {}", turn.version),
        TurnDecision::Held { reason } => reason.clone(),
    }
}

#[test]
fn a_turn_is_written_over_spot_alone_and_under_its_switch() {
    let cases: [(&str, VaryWorld, &str); 12] = [
        ("as planned", |_| {}, "write a base of 0 and 100 % On-Demand above it as version 2"),
        ("a dry run", |world| world.run.mode = RunMode::Dry { why: crate::record::DryWhy::Input }, "is dry"),
        ("nothing on record", |world| world.turn = None, "no turn of group-spot is on record"),
        (
            "it has ended",
            |world| world.turn.as_mut().unwrap().ended = Some(TurnEnd::Original),
            "no turn of group-spot is on record",
        ),
        (
            "the group is unread",
            |world| world.distribution = Reading::Missing(fixtures::gap("asg-spot", "autoscaling:Describe")),
            "could not be read",
        ),
        ("no policy any more", |world| world.distribution = Reading::Known(None), "no mixed instances policy any more"),
        ("the switch is released", |world| world.switches.entries.clear(), "no switch with the capacity lever is on"),
        (
            "it asks for strategies now",
            |world| world.switches.entries[0].lever = Lever::Strategy,
            "no switch with the capacity lever is on",
        ),
        (
            "it is another cluster's",
            |world| world.switches.entries[0].scope = Scope::parse("cluster/test").unwrap(),
            "no switch with the capacity lever is on",
        ),
        (
            "it may come back",
            |world| {
                let back = WriteBack { run: fixtures::run_id("back"), at: at(-10), until: at(170) };
                world.turn.as_mut().unwrap().back = Some(back);
            },
            "it is being turned back",
        ),
        (
            "an earlier call has written it",
            |world| world.distribution = Reading::Known(Some(fixtures::distribution(Market::OnDemand))),
            "in place as version 2",
        ),
        ("its time is over", |world| world.turn.as_mut().unwrap().ends_by = now(), "its time was over"),
    ];
    for (name, vary, expected) in cases {
        let mut world = World::away();
        vary(&mut world);
        let said = said(&world.decide(TurnWay::Away));
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn s10_a_turn_changes_two_numbers_and_keeps_the_original() {
    let mut world = World::away();
    let mut found = fixtures::distribution(Market::Spot);
    found.spot_max_price = Some("0.07".to_owned());
    world.distribution = Reading::Known(Some(found.clone()));
    let TurnDecision::Write { turn, distribution } = world.decide(TurnWay::Away) else { panic!("it is written") };
    assert_eq!(turn.original, found, "what the write replaces, not what the plan saw");
    assert_eq!(distribution, InstancesDistribution { on_demand_percentage_above_base_capacity: Some(100), ..found });

    // Somebody changes the price meanwhile: that stays.
    let mut world = World { turn: Some(*turn), ..World::back() };
    let meanwhile = InstancesDistribution { spot_max_price: Some("0.09".to_owned()), ..distribution };
    world.distribution = Reading::Known(Some(meanwhile.clone()));
    let TurnDecision::Write { distribution, .. } = world.decide(TurnWay::Back) else { panic!("it is written") };
    assert_eq!(distribution, InstancesDistribution { on_demand_percentage_above_base_capacity: Some(0), ..meanwhile });
}

/// The way back adds Spot.
#[test]
fn s4_nothing_is_turned_back_under_a_switch() {
    let window: VaryWorld = |world| world.policy.windows = vec![fixtures::window(crate::units::Percent::ZERO, now())];
    let cases: [(&str, VaryWorld, &str); 12] = [
        ("nothing bars it", |_| {}, "write a base of 0 and 0 % On-Demand above it as version 3"),
        ("a switch over all", |world| world.switches.entries = vec![lever(Scope::All)], "the switch over all is on"),
        (
            "one over a service of the cluster",
            |world| {
                let scope = Scope::parse("service/prod/other").unwrap();
                world.switches.entries = vec![fixtures::switch(scope)];
            },
            "the switch over service/prod/other is on",
        ),
        (
            "one over another cluster",
            |world| world.switches.entries = vec![fixtures::switch(Scope::parse("cluster/test").unwrap())],
            "write",
        ),
        (
            "one that has ended",
            |world| world.switches.entries = vec![SwitchEntry { until: Some(now()), ..lever(Scope::All) }],
            "write",
        ),
        ("a window without Spot", window, "the window launch bars more Spot"),
        ("without the lock", |world| world.run.holds_lock = false, "only the run that holds the lock"),
        (
            "a switch run",
            |world| world.run.mode = RunMode::Switch { entry: lever(Scope::All) },
            "a switch run turns nothing back",
        ),
        ("a dry run", |world| world.run.mode = RunMode::Dry { why: crate::record::DryWhy::Policy }, "is dry"),
        (
            "another run's write may be on its way",
            |world| {
                let back = WriteBack { run: fixtures::run_id("back"), at: at(-10), until: at(1) };
                world.turn.as_mut().unwrap().back = Some(back);
            },
            "another run may be turning it back",
        ),
        (
            "it is back",
            |world| world.distribution = Reading::Known(Some(fixtures::distribution(Market::Spot))),
            "in place as version 2",
        ),
        (
            "somebody has other wishes",
            |world| world.distribution = Reading::Known(Some(fixtures::distribution(Market::Mixed))),
            "somebody has given asg-spot",
        ),
    ];
    for (name, vary, expected) in cases {
        let mut world = World::back();
        vary(&mut world);
        let decision = world.decide(TurnWay::Back);
        let said = said(&decision);
        assert!(said.contains(expected), "{name}: {said}");
        if let TurnDecision::Write { turn, .. } = decision {
            let back = turn.back.unwrap();
            assert_eq!((back.run, back.at, back.until), (world.run.id, now(), at(180)), "{name}");
        }
    }
    let policy = Policy::default();
    let cluster = fixtures::cluster_name();
    assert!(barring_window_over(&policy, &run(RunMode::Ordinary), &cluster, Seconds(600), now()).is_none());
}

#[test]
fn what_aws_refuses_for_good_moves_by_strategy_at_once() {
    let denied =
        || PortError::Denied { action: "autoscaling:UpdateAutoScalingGroup".to_owned(), subject: "g".to_owned() };
    let busy = || PortError::Failed {
        action: "a".to_owned(),
        subject: "g".to_owned(),
        source: "ScalingActivityInProgress".into(),
    };
    let before = || Turn { taken_at: None, version: 4, ..turn() };
    let (early, late) = (now(), before().ends_by);
    let cases = [
        ("taken", TurnWay::Away, None, Some(now()), late, ""),
        ("refused for good", TurnWay::Away, Some(denied()), None, early, "the role may not call"),
        ("refused for now", TurnWay::Away, Some(busy()), None, late, "ScalingActivityInProgress"),
        ("the way back, taken", TurnWay::Back, None, None, late, ""),
        ("the way back, refused", TurnWay::Back, Some(denied()), None, late, "the role may not call"),
    ];
    for (name, way, error, taken_at, ends_by, said) in cases {
        let result = error.as_ref().map_or(Ok(()), Err);
        let after = after_write(before(), way, result, now());
        assert_eq!((after.taken_at, after.ends_by, after.version), (taken_at, ends_by, 5), "{name}");
        assert!(after.said.contains(said) && after.said.is_empty() == said.is_empty(), "{name}: {}", after.said);
    }
}
