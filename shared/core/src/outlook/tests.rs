//! Worlds of one or a few services, and what is promised of each.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::assess::{Memory, assess};
use crate::fixtures;
use crate::ids::RunId;
use crate::observe::{DeploymentController, Family, ScalingRange, Service, TargetGroup, tag};
use crate::plan::{PlanInput, plan};
use crate::record::RunRecord;
use crate::units::Seconds;

fn budget(policy: &Policy, snapshot: &Snapshot, assessments: &[Assessment]) -> BudgetReport {
    let run = RunRecord::look(RunId::look(), snapshot.cluster.name.clone(), policy.clone(), fixtures::now());
    let memory = Memory::default();
    plan(&PlanInput {
        policy,
        snapshot,
        assessments,
        memory: &memory,
        run: &run,
        resumed: &[],
        turns: &[],
        turn_versions: &std::collections::BTreeMap::new(),
        given_up: &BTreeSet::new(),
        now: fixtures::now(),
    })
    .budget
}

fn looked_at(policy: &Policy, services: Vec<Service>, prices: &Prices) -> Outlook {
    let snapshot = fixtures::snapshot(services);
    let assessments = assess(policy, &snapshot, &Memory::default(), fixtures::now());
    outlook(policy, &snapshot, &assessments, &budget(policy, &snapshot, &assessments), prices)
}

fn delay(service: &mut Service, seconds: u32) {
    for group in service.target_groups.values_mut() {
        *group = Reading::Known(TargetGroup { deregistration_delay: Seconds(seconds) });
    }
}

fn stop(service: &mut Service, seconds: u32) {
    fixtures::edit_task_definition(service, |definition| {
        definition.containers[0].stop_timeout = Some(Seconds(seconds));
    });
}

type Vary = fn(&mut Service);

#[test]
fn each_service_stands_where_its_changes_put_it() {
    let cases: [(&str, Vary, Standing, &[&str]); 14] = [
        ("good", |_| {}, Standing::Eligible, &[]),
        ("without its tag", |one| one.tags.clear(), Standing::NotEnrolled, &["enrol: enrolment"]),
        ("ELB's default", |one| delay(one, 300), Standing::OneChange, &["drain_delay: deregistration, drain_budget"]),
        (
            "ELB's default, without its tag",
            |one| {
                delay(one, 300);
                one.tags.clear();
            },
            Standing::OneChange,
            &["enrol: enrolment", "drain_delay: deregistration, drain_budget"],
        ),
        ("a delay within the warning", |one| delay(one, 90), Standing::OneChange, &["drain_delay: drain_budget"]),
        (
            "a stop timeout too long",
            |one| stop(one, 120),
            Standing::OneChange,
            &["stop_timeout: stop_timeout, drain_budget"],
        ),
        (
            "a stop timeout that leaves nothing",
            |one| stop(one, 110),
            Standing::OneChange,
            &["stop_timeout: drain_budget"],
        ),
        (
            "both too long",
            |one| {
                delay(one, 300);
                stop(one, 120);
            },
            Standing::SeveralChanges,
            &["drain_delay: deregistration, drain_budget", "stop_timeout: stop_timeout, drain_budget"],
        ),
        (
            "one task behind ELB's default",
            |one| {
                one.desired = 1;
                one.scaling = Reading::Known(Some(ScalingRange { min: 1, max: 2 }));
                fixtures::settle(one, 0);
                delay(one, 300);
            },
            Standing::SeveralChanges,
            &["drain_delay: deregistration, drain_budget", "tasks: redundancy"],
        ),
        ("deploying", |one| one.running = 3, Standing::Waiting, &["wait: settled"]),
        (
            "deploying, without its tag",
            |one| {
                one.running = 3;
                one.tags.clear();
            },
            Standing::Waiting,
            &["enrol: enrolment", "wait: settled"],
        ),
        (
            "opted out",
            |one| {
                one.tags.insert(tag::ENABLED.to_owned(), "false".to_owned());
                delay(one, 300);
            },
            Standing::HandsOff,
            &["drain_delay: deregistration, drain_budget", "opted_out: enrolment"],
        ),
        (
            "CodeDeploy's",
            |one| one.controller = DeploymentController::CodeDeploy,
            Standing::HandsOff,
            &["unsupported: controller"],
        ),
        (
            "of which the scaling is not known",
            |one| {
                one.scaling = Reading::Missing(fixtures::gap("web", "application-autoscaling:DescribeScalableTargets"))
            },
            Standing::Unknown,
            &["read: redundancy"],
        ),
    ];
    for (name, vary, standing, expected) in cases {
        let mut service = fixtures::service("web", Family::Fargate);
        vary(&mut service);
        let outlook = looked_at(&fixtures::policy(), vec![service], &Prices::default());
        let one = &outlook.services[0];
        let changes: Vec<String> = one
            .changes
            .iter()
            .map(|change| {
                let rules: Vec<&str> = change.rules.iter().map(|rule| rule.name()).collect();
                format!("{}: {}", change.kind.name(), rules.join(", "))
            })
            .collect();
        assert_eq!(changes, expected, "{name}");
        assert_eq!(one.standing, standing, "{name}");
        let blocked: BTreeSet<Rule> = one.blocked_by.iter().copied().collect();
        let mended: BTreeSet<Rule> = one.changes.iter().flat_map(|change| change.rules.clone()).collect();
        assert_eq!(mended, blocked, "{name}: the changes mend what blocks, all of it and nothing else");
        assert!(one.suitability > 0, "{name}: it is ranked although it is blocked");
    }
}

/// A number that would mend one rule alone is no advice where it takes two changes.
#[test]
fn what_takes_two_changes_names_no_number() {
    let mut service = fixtures::service("web", Family::Fargate);
    delay(&mut service, 300);
    stop(&mut service, 120);
    let one = looked_at(&fixtures::policy(), vec![service], &Prices::default()).services.swap_remove(0);
    let told: Vec<(&str, Option<Seconds>)> =
        one.changes.iter().map(|change| (change.what.as_str(), change.at_most)).collect();
    let [(of_delay, None), (of_stop, None)] = told.as_slice() else { panic!("{told:?}") };
    assert!(of_delay.starts_with("lower deregistration_delay.timeout_seconds of target group arn:"), "{of_delay}");
    assert!(of_delay.ends_with("(300 s), so that draining and stopping fit 105 s together"), "{of_delay}");
    assert!(of_stop.ends_with("; bring the stop timeouts of app (120 s) down"), "{of_stop}");
    assert_eq!(one.nearest(), None);
}

proptest! {
    /// The number that a change names is the largest that mends; and one change does mend all.
    #[test]
    fn the_one_change_mends_and_nothing_less_does(of_delay in 0_u32..400, of_stop in 1_u32..120) {
        let mut service = fixtures::service("web", Family::Fargate);
        delay(&mut service, of_delay);
        stop(&mut service, of_stop);
        let one = |service: &Service| {
            looked_at(&fixtures::policy(), vec![service.clone()], &Prices::default()).services.swap_remove(0)
        };
        let with = |kind: ChangeKind, seconds: u32| {
            let mut service = service.clone();
            match kind {
                ChangeKind::DrainDelay => delay(&mut service, seconds),
                _ => stop(&mut service, seconds),
            }
            one(&service).standing
        };
        let before = one(&service);
        match (before.standing, before.nearest()) {
            (Standing::OneChange, Some(change)) => {
                let most = change.at_most.unwrap();
                prop_assert_eq!(with(change.kind, most.0), Standing::Eligible);
                prop_assert_eq!(with(change.kind, most.0 + 1), Standing::OneChange);
            }
            // Neither alone would do, however short: a delay of nothing cuts requests off, and is no advice.
            (Standing::SeveralChanges, None) => {
                prop_assert_ne!(with(ChangeKind::DrainDelay, 1), Standing::Eligible);
                prop_assert_ne!(with(ChangeKind::StopTimeout, 1), Standing::Eligible);
            }
            (standing, _) => prop_assert_eq!(standing, Standing::Eligible),
        }
    }
}

#[test]
fn totals_count_what_one_change_mends_and_not_rules_twice() {
    let named = |name: &str, vary: Vary| {
        let mut service = fixtures::service(name, Family::Fargate);
        vary(&mut service);
        service
    };
    let services = vec![
        named("good", |_| {}),
        named("slow", |one| delay(one, 300)),
        named("slower", |one| delay(one, 300)),
        named("untagged", |one| {
            delay(one, 90);
            one.tags.clear();
        }),
        named("both", |one| {
            delay(one, 300);
            stop(one, 120);
        }),
    ];
    let unpriced = Totals::of(&[looked_at(&fixtures::policy(), services.clone(), &Prices::default())]);
    assert_eq!((unpriced.changes[0].unpriced, unpriced.changes[0].saving), (3, Money::ZERO));
    let totals = Totals::of(&[looked_at(&fixtures::policy(), services, &fargate_prices())]);
    let rules: Vec<(&str, u32, u32)> =
        totals.rules.iter().map(|one| (one.rule.name(), one.services, one.one_change)).collect();
    assert_eq!(rules, [("enrolment", 1, 0), ("stop_timeout", 1, 0), ("deregistration", 3, 2), ("drain_budget", 4, 3)]);
    let [change] = totals.changes.as_slice() else { panic!("{:?}", totals.changes) };
    assert_eq!((change.kind, change.services, change.unpriced), (ChangeKind::DrainDelay, 3, 0));
    assert_eq!(change.rules, [Rule::Deregistration, Rule::DrainBudget]);
    // Half of four tasks each (`service_percent` 50, at most 25 % in each of three zones), of 1 vCPU.
    assert_eq!(change.cpu, CpuUnits::VCPU.times(6));
    assert_eq!(change.saving, Money(6 * 40_000));
    assert_eq!(totals.standings[&Standing::OneChange], 3);
    assert_eq!(totals.services, 5);
}

/// A vCPU and 2 GB cost 60,000 On-Demand and 20,000 on Spot.
fn fargate_prices() -> Prices {
    let [vcpu, gb, spot_vcpu, spot_gb] = [40_000, 10_000, 10_000, 5_000].map(|price| Some(Money(price)));
    let fargate = FargatePrices { vcpu, gb, spot_vcpu, spot_gb };
    Prices { fargate: Some(fargate), ..Prices::default() }
}

#[test]
fn the_ceiling_is_dealt_as_whole_tasks_to_the_most_suitable() {
    let mut policy = fixtures::policy();
    policy.budget.ceiling_percent = Percent::saturating(30);
    let mut slower = fixtures::service("slower", Family::Fargate);
    delay(&mut slower, 60);
    slower.tags.clear();
    let mut slowest = slower.clone();
    slowest.id = fixtures::service("slowest", Family::Fargate).id;
    let services = vec![slower, slowest, fixtures::service("web", Family::Fargate)];
    let outlook = looked_at(&policy, services, &fargate_prices());
    let vcpu = |vcpu: u64| CpuUnits(vcpu * 1_024);
    let reach = &outlook.reach;
    assert_eq!((reach.task_cpu, reach.spot_cpu, reach.allowed), (vcpu(12), vcpu(0), CpuUnits(12 * 1024 * 3 / 10)));
    assert_eq!((reach.eligible, reach.with_tags, reach.dealt), (vcpu(2), vcpu(6), vcpu(3)));
    assert_eq!((reach.saving, reach.unpriced), (Money(3 * 40_000), 0));
    let web = &outlook.services[2];
    assert_eq!((web.most_spot_tasks, web.at_stake()), (Some(2), Some(Money(80_000))));
    assert!(web.suitability > outlook.services[0].suitability);
}

#[test]
fn what_runs_on_spot_already_is_not_at_stake() {
    let service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 1);
    let running = service
        .tasks
        .known()
        .unwrap()
        .iter()
        .filter(|task| task.provider.as_ref().is_some_and(|provider| provider.as_str() == "FARGATE_SPOT"));
    assert_eq!(running.count(), 2);
    let outlook = looked_at(&fixtures::policy(), vec![service], &fargate_prices());
    assert_eq!((outlook.services[0].spot_tasks, outlook.services[0].at_stake()), (Some(2), Some(Money::ZERO)));
    assert_eq!(outlook.reach.saving, Money::ZERO);
}

#[test]
fn what_is_on_spot_already_needs_no_price() {
    let service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 1);
    let mut policy = fixtures::policy();
    policy.budget.ceiling_percent = Percent::HUNDRED;
    assert_eq!(looked_at(&policy, vec![service], &Prices::default()).reach.unpriced, 0);
}

#[test]
fn what_passes_is_no_remark() {
    let mut slow = fixtures::service("slow", Family::Fargate);
    delay(&mut slow, 300);
    let snapshot = fixtures::snapshot(vec![slow, fixtures::service("web", Family::Fargate)]);
    let assessments = assess(&fixtures::policy(), &snapshot, &Memory::default(), fixtures::now());
    let told = |assessment| remarks(assessment).into_iter().map(|(rule, level, _)| (rule, level)).collect::<Vec<_>>();
    assert_eq!(told(&assessments[0]), [(Rule::Deregistration, Level::Block), (Rule::DrainBudget, Level::Block)]);
    assert_eq!(told(&assessments[1]), []);
}

#[test]
fn an_unknown_price_stays_unknown() {
    let four = ["m5.xlarge", "m5a.xlarge", "m6i.xlarge", "r5.xlarge"];
    let mut prices = Prices::default();
    for kind in four {
        prices.on_demand.insert(kind.to_owned(), Money(400_000));
        let zones = prices.history.entry(kind.to_owned()).or_default();
        zones.insert("eu-west-1a".to_owned(), Money(100_000));
        zones.insert("eu-west-1c".to_owned(), Money(200_000));
    }
    let saving = |prices: &Prices, family| {
        let service = fixtures::service("web", family);
        looked_at(&fixtures::policy(), vec![service], prices).services[0].saving_per_task
    };
    // A task of 1 of 4 vCPU is a quarter of each: 100,000 against 37,500.
    assert_eq!(saving(&prices, Family::AutoScalingGroup), Some(Money(62_500)));
    assert_eq!(saving(&prices, Family::Fargate), None, "nobody said what Fargate costs");
    assert_eq!(saving(&prices, Family::ManagedInstances), None, "its types are not known");
    let mut one_less = prices.clone();
    one_less.on_demand.remove("r5.xlarge");
    assert_eq!(saving(&one_less, Family::AutoScalingGroup), None, "no mean of what is known alone");
    let mut one_less = prices.clone();
    one_less.history.remove("m5.xlarge");
    assert_eq!(saving(&one_less, Family::AutoScalingGroup), None);
    let mut policy = fixtures::policy();
    policy.budget.ceiling_percent = Percent::HUNDRED;
    let unknown = looked_at(&policy, vec![fixtures::service("web", Family::Fargate)], &prices);
    assert_eq!((unknown.services[0].at_stake(), unknown.reach.unpriced), (None, 1));
}

/// A task that takes more of an instance's memory than of its CPU costs by its memory.
#[test]
fn a_task_costs_the_larger_part_of_its_instance() {
    let mut prices = Prices::default();
    for kind in ["m5.xlarge", "m5a.xlarge", "m6i.xlarge", "r5.xlarge"] {
        prices.on_demand.insert(kind.to_owned(), Money(320_000));
        prices.spot.insert(kind.to_owned(), Money(0));
    }
    let mut service = fixtures::service("web", Family::AutoScalingGroup);
    fixtures::edit_task_definition(&mut service, |definition| {
        definition.memory = Some(crate::units::MemoryMib(8 * 1024))
    });
    let outlook = looked_at(&fixtures::policy(), vec![service], &prices);
    // Half of three types' 16 GiB, a quarter of the fourth's 32 GiB: 160, 160, 160 and 80 thousand.
    assert_eq!(outlook.services[0].saving_per_task, Some(Money(140_000)));
}

#[test]
fn every_kind_has_its_name_in_json() {
    for kind in ChangeKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
    let summaries: BTreeSet<&str> = ChangeKind::ALL.into_iter().map(ChangeKind::summary).collect();
    assert_eq!(summaries.len(), ChangeKind::ALL.len(), "each its own, or people cannot tell them apart");
    for standing in [
        Standing::Eligible,
        Standing::NotEnrolled,
        Standing::Waiting,
        Standing::OneChange,
        Standing::SeveralChanges,
        Standing::Unknown,
        Standing::HandsOff,
    ] {
        assert_eq!(serde_json::to_value(standing).unwrap(), standing.name());
    }
}
