//! The rules that a service on Spot must keep: the five safety rules, and what is kin to them.

use super::*;
use crate::fixtures::gap;
use crate::observe::Family::{AutoScalingGroup, Fargate, ManagedInstances};
use crate::observe::{
    DeploymentStrategy, LoadBalancerTarget, LoadBalancerUse, Reading, ScalingRange, TargetGroup, Volume, VolumeKind,
};
use crate::policy::VolumeLevel;
use crate::units::Seconds;

fn stop(world: &mut World, seconds: u32) {
    world.definition(|definition| definition.containers[0].stop_timeout = Some(Seconds(seconds)));
}

fn delay(world: &mut World, seconds: u32) {
    for target_group in world.service().target_groups.values_mut() {
        *target_group = Reading::Known(TargetGroup { deregistration_delay: Seconds(seconds) });
    }
}

fn no_margin(world: &mut World) {
    world.policy.rules.drain_margin_seconds = Seconds(0);
}

fn no_target_group(world: &mut World) {
    world.service().load_balancers.clear();
    world.service().target_groups.clear();
}

fn alternate(world: &mut World, target_group: Option<Reading<TargetGroup>>) {
    let service = world.service();
    service.load_balancers.push(LoadBalancerUse {
        target: LoadBalancerTarget::AlternateTargetGroup("green".to_owned()),
        container: "app".to_owned(),
        port: 8080,
    });
    service.target_groups.extend(target_group.map(|read| ("green".to_owned(), read)));
}

fn volume(world: &mut World, kind: VolumeKind, level: VolumeLevel) {
    world.policy.rules.volumes = level;
    world.definition(|definition| definition.volumes.push(Volume { name: "data".to_owned(), kind }));
}

/// Three containers of which each depends on the next, and a fourth beside them.
fn chain(world: &mut World, seconds: [u32; 4]) {
    world.definition(|definition| {
        definition.containers = ["app", "proxy", "logs", "aside"]
            .iter()
            .zip(seconds)
            .map(|(name, seconds)| {
                let mut container = fixtures::container(name);
                container.stop_timeout = Some(Seconds(seconds));
                container
            })
            .collect();
        definition.containers[0].depends_on = vec!["proxy".to_owned(), "logs".to_owned()];
        definition.containers[1].depends_on = vec!["logs".to_owned()];
    });
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // stop_timeout
    ("a stop timeout of 119 s, nothing else to wait for", Fargate, |w| { no_target_group(w); no_margin(w); stop(w, 119); }, &[]),
    ("a stop timeout of 120 s, nothing else to wait for", Fargate, |w| { no_target_group(w); no_margin(w); stop(w, 120); },
        &["block stop_timeout: stop_timeout_too_long"]),
    ("no stop timeout on a group, agents not described", AutoScalingGroup, |w| w.policy.rules.ec2_default_stop_timeout_seconds = None,
        &["block stop_timeout: stop_timeout_unknown"]),
    ("no stop timeout on Managed Instances, agents not described", ManagedInstances, |w| w.policy.rules.ec2_default_stop_timeout_seconds = None,
        &["block stop_timeout: stop_timeout_unknown"]),
    ("no stop timeout on Fargate, agents not described", Fargate, |w| w.policy.rules.ec2_default_stop_timeout_seconds = None, &[]),
    ("agents that take 120 s", AutoScalingGroup, |w| { no_target_group(w); no_margin(w); w.policy.rules.ec2_default_stop_timeout_seconds = Some(Seconds(120)); },
        &["block stop_timeout: stop_timeout_too_long"]),
    ("the policy wants stop timeouts said, one is not", Fargate, |w| w.policy.rules.require_explicit_stop_timeout = true,
        &["block stop_timeout: stop_timeout_not_explicit"]),
    ("the policy wants stop timeouts said, they are", Fargate, |w| { w.policy.rules.require_explicit_stop_timeout = true; stop(w, 30); }, &[]),
    // redundancy
    ("one task", Fargate, |w| { w.service().desired = 1; fixtures::settle(w.service(), 0); }, &["block redundancy: too_few_tasks"]),
    ("two tasks", Fargate, |w| { w.service().desired = 2; fixtures::settle(w.service(), 0); }, &[]),
    ("no task", Fargate, |w| { w.service().desired = 0; fixtures::settle(w.service(), 0); }, &["block redundancy: too_few_tasks"]),
    ("autoscaling down to one", Fargate, |w| w.service().scaling = Reading::Known(Some(ScalingRange { min: 1, max: 9 })),
        &["block redundancy: scales_too_low"]),
    ("no autoscaling", Fargate, |w| w.service().scaling = Reading::Known(None), &[]),
    ("scaling not read", Fargate, |w| w.service().scaling = Reading::Missing(gap("scaling", "application-autoscaling:DescribeScalableTargets")),
        &["block redundancy: gap"]),
    // stateless
    ("a scratch volume, none allowed", Fargate, |w| volume(w, VolumeKind::Scratch, VolumeLevel::None), &["block stateless: volume_not_allowed"]),
    ("a scratch volume, scratch allowed", Fargate, |w| volume(w, VolumeKind::Scratch, VolumeLevel::Scratch), &[]),
    ("EFS, scratch allowed", Fargate, |w| volume(w, VolumeKind::Efs, VolumeLevel::Scratch), &["block stateless: volume_not_allowed"]),
    ("EFS, shared allowed", Fargate, |w| volume(w, VolumeKind::Efs, VolumeLevel::Shared), &[]),
    ("FSx, shared allowed", AutoScalingGroup, |w| volume(w, VolumeKind::Fsx, VolumeLevel::Shared), &[]),
    ("a host path, shared allowed", AutoScalingGroup, |w| volume(w, VolumeKind::HostPath, VolumeLevel::Shared), &["block stateless: volume_not_allowed"]),
    ("a Docker volume, shared allowed", AutoScalingGroup, |w| volume(w, VolumeKind::Docker, VolumeLevel::Shared), &["block stateless: volume_not_allowed"]),
    ("EBS at launch, shared allowed", Fargate, |w| volume(w, VolumeKind::EbsAtLaunch, VolumeLevel::Shared), &["block stateless: volume_not_allowed"]),
    ("an unknown kind, shared allowed", Fargate, |w| volume(w, VolumeKind::Unknown, VolumeLevel::Shared), &["block stateless: volume_not_allowed"]),
    ("volume configurations of the service", Fargate, |w| { w.policy.rules.volumes = VolumeLevel::Shared; w.service().volumes_at_launch = true; },
        &["block stateless: volume_at_launch"]),
    // deregistration
    ("a delay of 119 s, nothing else to wait for", Fargate, |w| { no_margin(w); stop(w, 0); delay(w, 119); }, &[]),
    ("a delay of 120 s, nothing else to wait for", Fargate, |w| { no_margin(w); stop(w, 0); delay(w, 120); },
        &["block deregistration: deregistration_too_long"]),
    ("the alternate target group at 120 s", Fargate, |w| { no_margin(w); stop(w, 0); alternate(w, Some(Reading::Known(TargetGroup { deregistration_delay: Seconds(120) }))); },
        &["block deregistration: deregistration_too_long"]),
    ("ELB's default of 300 s", Fargate, |w| delay(w, 300), &["block deregistration: deregistration_too_long", "block drain_budget: drain_budget_spent"]),
    ("an attribute not read", Fargate, |w| alternate(w, Some(Reading::Missing(gap("green", "elasticloadbalancing:DescribeTargetGroupAttributes")))),
        &["block deregistration: gap", "block drain_budget: gap"]),
    ("an attribute not asked for", Fargate, |w| alternate(w, None), &["block deregistration: gap", "block drain_budget: gap"]),
    // drain_budget
    ("75 s of draining, 30 of stopping, 15 of margin", Fargate, |w| delay(w, 75), &[]),
    ("76 s of draining, 30 of stopping, 15 of margin", Fargate, |w| delay(w, 76), &["block drain_budget: drain_budget_spent"]),
    ("76 s at the alternate target group alone", Fargate, |w| alternate(w, Some(Reading::Known(TargetGroup { deregistration_delay: Seconds(76) }))), &["block drain_budget: drain_budget_spent"]),
    ("76 s at the first target group alone", Fargate, |w| { delay(w, 76); alternate(w, Some(Reading::Known(TargetGroup { deregistration_delay: Seconds(30) }))); }, &["block drain_budget: drain_budget_spent"]),
    ("a chain of 20, 30 and 25 s", Fargate, |w| chain(w, [20, 30, 25, 70]), &[]),
    ("a chain of 20, 30 and 26 s", Fargate, |w| chain(w, [20, 30, 26, 70]), &["block drain_budget: drain_budget_spent"]),
    ("a container beside the chain that takes 76 s", Fargate, |w| chain(w, [20, 30, 25, 76]), &["block drain_budget: drain_budget_spent"]),
    ("containers in a circle", Fargate, |w| { chain(w, [1, 1, 1, 1]); w.definition(|d| d.containers[2].depends_on = vec!["app".to_owned()]); },
        &["block drain_budget: gap"]),
    ("a container that depends on itself", Fargate, |w| w.definition(|d| d.containers[0].depends_on = vec!["app".to_owned()]), &["block drain_budget: gap"]),
    ("a container that depends on nobody there", Fargate, |w| w.definition(|d| d.containers[0].depends_on = vec!["ghost".to_owned()]), &["block drain_budget: gap"]),
    ("what is known does not fit already", AutoScalingGroup, |w| { w.policy.rules.ec2_default_stop_timeout_seconds = None; delay(w, 119); },
        &["block stop_timeout: stop_timeout_unknown", "block drain_budget: drain_budget_spent"]),
    ("found by Service Connect alone", Fargate, |w| { no_target_group(w); w.service().discovery.service_connect = true; }, &["warn discovery: no_drain_delay"]),
    ("found by Cloud Map alone, 76 s", Fargate, |w| { no_target_group(w); w.service().discovery.cloud_map = true; w.policy.rules.discovery_drain_seconds = Seconds(76); },
        &["warn discovery: no_drain_delay", "block drain_budget: drain_budget_spent"]),
    ("found by Lattice and a target group", Fargate, |w| w.service().discovery.lattice = true, &[]),
    // replaceable
    ("minimum 99 % on a group", AutoScalingGroup, |w| w.service().deployment.minimum_healthy_percent = 99, &[]),
    ("minimum 100 % on a group", AutoScalingGroup, |w| w.service().deployment.minimum_healthy_percent = 100, &["warn replaceable: not_replaceable"]),
    ("minimum 100 % on Managed Instances", ManagedInstances, |w| w.service().deployment.minimum_healthy_percent = 100, &["warn replaceable: not_replaceable"]),
    ("minimum 100 % on Fargate", Fargate, |w| w.service().deployment.minimum_healthy_percent = 100, &[]),
    ("minimum 100 % on a group, the policy blocks", AutoScalingGroup, |w| { w.policy.rules.replaceable_blocks = true; w.service().deployment.minimum_healthy_percent = 100; },
        &["block replaceable: not_replaceable"]),
    ("100 % and 100 %", Fargate, |w| { w.service().deployment.minimum_healthy_percent = 100; w.service().deployment.maximum_percent = 100; },
        &["block replaceable: no_rolling_headroom"]),
    ("100 % and 124 % of four", Fargate, |w| { w.service().deployment.minimum_healthy_percent = 100; w.service().deployment.maximum_percent = 124; },
        &["block replaceable: no_rolling_headroom"]),
    ("100 % and 125 % of four", Fargate, |w| { w.service().deployment.minimum_healthy_percent = 100; w.service().deployment.maximum_percent = 125; }, &[]),
    ("76 % and 100 % of four", Fargate, |w| { w.service().deployment.minimum_healthy_percent = 76; w.service().deployment.maximum_percent = 100; },
        &["block replaceable: no_rolling_headroom"]),
    ("100 % and 100 %, blue/green", Fargate, |w| {
        let deployment = &mut w.service().deployment;
        deployment.strategy = DeploymentStrategy::BlueGreen;
        (deployment.minimum_healthy_percent, deployment.maximum_percent) = (100, 100);
    }, &[]),
];

#[test]
fn each_rule_of_safety_decides_alone() {
    check("safety", ROWS);
}

#[test]
fn the_chain_names_who_waits_for_whom() {
    let mut world = World::good(Fargate);
    chain(&mut world, [20, 30, 26, 70]);
    let assessment = world.assess();
    let reasons = &assessment.verdict(Rule::DrainBudget).unwrap().reasons;
    let Finding::DrainBudgetSpent { delay, stop, chain, total, .. } = &reasons[0].finding else {
        panic!("{reasons:?}");
    };
    assert_eq!((*delay, *stop, *total), (Seconds(30), Seconds(76), Seconds(121)));
    assert_eq!(chain, &["app", "proxy", "logs"]);
}

#[test]
fn the_rules_that_bar_a_move_up_are_named() {
    let mut world = World::good(Fargate);
    assert_eq!(world.assess().blocking().count(), 0);
    delay(&mut world, 300);
    assert_eq!(world.assess().blocking().collect::<Vec<_>>(), [Rule::Deregistration, Rule::DrainBudget]);
}

#[test]
fn only_known_failures_of_safety_move_a_service_down() {
    let cases: [(&str, Vary, &[Rule]); 6] = [
        ("a good one", |_| {}, &[]),
        ("a delay of 300 s", |w| delay(w, 300), &[Rule::Deregistration, Rule::DrainBudget]),
        ("one task", |w| w.service().desired = 1, &[Rule::Redundancy]),
        ("a gap", |w| w.service().scaling = Reading::Missing(gap("scaling", "x:Y")), &[]),
        ("an unknown agent", |w| w.policy.rules.ec2_default_stop_timeout_seconds = None, &[]),
        ("not a safety rule", |w| w.service().running = 0, &[]),
    ];
    for (name, vary, expected) in cases {
        let mut world = World::good(AutoScalingGroup);
        vary(&mut world);
        assert_eq!(failing_safety(&world.assess()), expected, "{name}");
    }
}
