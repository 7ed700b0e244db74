//! The rules about the service's owner, its deployments and its tasks.

use super::*;
use crate::fixtures::{at, gap};
use crate::observe::Family::{AutoScalingGroup, Fargate, ManagedInstances};
use crate::observe::{
    DeploymentController, LaunchType, LoadBalancerTarget, LoadBalancerUse, PlacedBy, Reading, RolloutState, Scheduling,
    ServiceStatus, tag,
};
use crate::policy::EnrolmentRule;
use crate::switch::{Scope, SwitchEntry};
use crate::units::Seconds;

fn tag(world: &mut World, key: &str, value: &str) {
    world.service().tags.insert(key.to_owned(), value.to_owned());
}

fn switch(world: &mut World, scope: &str, until: Option<i64>) {
    let entry = fixtures::switch(Scope::parse(scope).unwrap());
    world.memory.switches.entries.push(SwitchEntry { set_at: at(-60), until: until.map(at), ..entry });
}

fn quarantine(world: &mut World, until: i64) {
    let mut ledger = fixtures::ledger(world.service());
    ledger.quarantined_until = Some(at(until));
    ledger.quarantine_reason = "tasks failed to start".to_owned();
    ledger.failures = 2;
    world.memory = fixtures::memory(vec![ledger]);
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // enrolment
    ("no tag, opt-in", Fargate, |w| w.service().tags.clear(), &["block enrolment: not_enrolled"]),
    ("no tag, opt-out", Fargate, |w| { w.service().tags.clear(); w.policy.enrolment = EnrolmentRule::OptOut; }, &[]),
    ("tagged false, opt-in", Fargate, |w| tag(w, tag::ENABLED, "false"), &["block enrolment: opted_out"]),
    ("tagged false, opt-out", Fargate, |w| { tag(w, tag::ENABLED, "false"); w.policy.enrolment = EnrolmentRule::OptOut; }, &["block enrolment: opted_out"]),
    ("tagged yes", Fargate, |w| tag(w, tag::ENABLED, "yes"), &["block enrolment: tag_mistake"]),
    ("tagged yes, opt-out", Fargate, |w| { tag(w, tag::ENABLED, "yes"); w.policy.enrolment = EnrolmentRule::OptOut; }, &["block enrolment: tag_mistake"]),
    ("at most 120 percent", Fargate, |w| tag(w, tag::MAX_PERCENT, "120"), &["block enrolment: tag_mistake"]),
    ("a floor of -1", Fargate, |w| tag(w, tag::FLOOR, "-1"), &["block enrolment: tag_mistake"]),
    ("frozen until a second from now", Fargate, |w| tag(w, tag::FREEZE_UNTIL, "2026-01-15T12:00:01Z"), &["block enrolment: frozen"]),
    ("frozen until now", Fargate, |w| tag(w, tag::FREEZE_UNTIL, "2026-01-15T12:00:00Z"), &[]),
    ("frozen until Christmas", Fargate, |w| tag(w, tag::FREEZE_UNTIL, "Christmas"), &["block enrolment: tag_mistake"]),
    ("a switch over all", Fargate, |w| switch(w, "all", None), &["block enrolment: switched_on"]),
    ("a switch over the service", Fargate, |w| switch(w, "service/prod/web", Some(1)), &["block enrolment: switched_on"]),
    ("a switch that has ended", Fargate, |w| switch(w, "cluster/prod", Some(0)), &[]),
    ("a switch over another cluster", Fargate, |w| switch(w, "cluster/test", None), &[]),
    // image
    ("an image by tag", Fargate, |w| w.definition(|d| d.containers[0].image = "web:1.2.3".to_owned()), &["warn image: mutable_tag"]),
    ("secrets read at start", Fargate, |w| w.definition(|d| d.containers[0].reads_at_start = true), &["warn image: reads_at_start"]),
    ("version consistency off", Fargate, |w| w.definition(|d| d.containers[0].version_consistency_off = true), &["warn image: version_consistency_off"]),
    // controller
    ("CodeDeploy", Fargate, |w| w.service().controller = DeploymentController::CodeDeploy, &["block controller: foreign_controller"]),
    ("an external controller", Fargate, |w| w.service().controller = DeploymentController::External, &["block controller: foreign_controller"]),
    ("a daemon without reservations", ManagedInstances, |w| w.service().scheduling = Scheduling::Daemon, &["block controller: daemon_scheduling"]),
    ("ECS Anywhere", AutoScalingGroup, |w| w.service().placed_by = PlacedBy::LaunchType(LaunchType::External), &["block controller: external_launch_type"]),
    ("an Express service", Fargate, |w| w.service().express = true, &["block controller: express"]),
    ("a Classic Load Balancer", AutoScalingGroup, |w| w.service().load_balancers = vec![LoadBalancerUse {
        target: LoadBalancerTarget::Classic("old".to_owned()), container: "app".to_owned(), port: 80,
    }], &["block controller: classic_load_balancer"]),
    // protection
    ("a protected task", Fargate, |w| if let Reading::Known(tasks) = &mut w.service().tasks { tasks[1].protected = true; }, &["block protection: protected_tasks"]),
    ("tasks not read", Fargate, |w| w.service().tasks = Reading::Missing(gap("the tasks", "ecs:ListTasks")), &["block protection: gap"]),
    // settled
    ("the cluster is being deleted", Fargate, |w| w.snapshot.cluster.active = false, &["block settled: cluster_not_active"]),
    ("the service is being deleted", Fargate, |w| w.service().status = ServiceStatus::Draining, &["block settled: service_not_active"]),
    ("two deployments", Fargate, |w| { let old = w.service().deployments[0].clone(); w.service().deployments.push(old); }, &["block settled: deploying"]),
    ("a service deployment is current and nothing says it is completed", Fargate, |w| {
        w.service().current_service_deployment = Some("arn".to_owned());
        w.service().deployments[0].rollout = None;
    }, &["block settled: deploying"]),
    ("the current service deployment is completed", Fargate, |w| w.service().current_service_deployment = Some("arn".to_owned()), &[]),
    ("a roll-out in progress", Fargate, |w| w.service().deployments[0].rollout = Some(RolloutState::InProgress), &["block settled: deploying"]),
    ("a roll-out that failed", Fargate, |w| w.service().deployments[0].rollout = Some(RolloutState::Failed), &["block settled: rollout_failed"]),
    ("a task is missing", Fargate, |w| w.service().running = 3, &["block settled: below_desired"]),
    ("baking as long as the longest deadline", Fargate, |w| w.service().deployment.bake = Seconds(3_600), &[]),
    ("baking for a second more", Fargate, |w| w.service().deployment.bake = Seconds(3_601), &["block settled: bakes_too_long"]),
    ("hooks of a day", Fargate, |w| { w.service().deployment.hooks = 1; w.service().deployment.hook_time = Seconds(86_400); }, &["block settled: bakes_too_long"]),
    // quarantine
    ("quarantined for a second more", Fargate, |w| quarantine(w, 1), &["block quarantine: quarantined"]),
    ("quarantined until now", Fargate, |w| quarantine(w, 0), &[]),
];

#[test]
fn each_rule_of_operations_decides_alone() {
    check("operations", ROWS);
}
