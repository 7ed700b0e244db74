//! Blue/green, linear and canary deployments.

use serde_json::json;

use super::*;
use crate::world::traffic::LifecycleStage;

pub(super) fn configured(configuration: &str) -> World {
    world_with(|a| {
        a.replace("serviceName: web,", &format!("serviceName: web, deploymentConfiguration: {{ {configuration} }},"))
    })
}

/// The stages in order with the weight of the new revision, until the deployment ends.
fn stages(world: &mut World, most_seconds: u32) -> Vec<(LifecycleStage, f64)> {
    let mut seen = Vec::new();
    for _ in 0..most_seconds {
        let d = &get(world, "web").service_deployments[0];
        if d.status.is_final() {
            break;
        }
        let at = d.lifecycle_stage().zip(d.shift.as_ref()).map(|(stage, s)| (stage, s.production_weight));
        if at != seen.last().copied() {
            seen.extend(at);
        }
        world.advance_by(1.0);
    }
    seen
}

pub(super) fn running(world: &World) -> u32 {
    world.tally(get(world, "web"), |_| true).running
}

#[test]
fn blue_green_runs_both_until_the_bake_time_is_over() {
    let mut world = configured("strategy: BLUE_GREEN, bakeTimeInMinutes: 10");
    let start = world.now();
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    world.advance_by(300.0);
    let d = &get(&world, "web").service_deployments[0];
    assert_eq!((d.lifecycle_stage(), d.status), (Some(LifecycleStage::BakeTime), ServiceDeploymentStatus::InProgress));
    assert_eq!((running(&world), get(&world, "web").deployments.len()), (8, 2));
    assert_eq!((on(&world, "web", "FARGATE"), on(&world, "web", "FARGATE_SPOT")), (3, 1));
    assert!(!get(&world, "web").shows_rollout_state());
    run_out(&mut world, "web", 3600);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::Successful);
    assert!(world.now().duration_since(start).as_secs() > 600);
    assert_eq!((running(&world), get(&world, "web").deployments.len()), (4, 1));
}

#[test]
fn the_target_groups_change_places() {
    let mut world = world_with(|a| {
        a.replace("serviceName: web,", "serviceName: web, deploymentConfiguration: { strategy: BLUE_GREEN, bakeTimeInMinutes: 5 },")
            .replace("[{ targetGroupArn: tg, containerName: a, containerPort: 80 }]", "[{ targetGroupArn: tg, containerName: a, containerPort: 80, advancedConfiguration: { alternateTargetGroupArn: other } }]")
            .replace("targetGroups: [", "targetGroups: [{ name: other, attributes: { deregistration_delay.timeout_seconds: \"7\" } }, ")
    });
    let targets = |w: &World| ["tg", "other"].map(|name| w.targets_of(&w.arns.target_group(name)).count());
    assert_eq!(targets(&world), [4, 0]);
    world.update_service(&forced("web", None)).unwrap();
    world.advance_by(200.0);
    assert_eq!(targets(&world), [4, 4]);
    run_out(&mut world, "web", 3600);
    assert_eq!(targets(&world), [0, 4]);
    world.update_service(&forced("web", None)).unwrap();
    run_out(&mut world, "web", 3600);
    assert_eq!(targets(&world), [4, 0]);
    // A roll-back stays where production is.
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    world.advance_by(100.0);
    let arn = get(&world, "web").service_deployments[0].arn.clone();
    world.stop_service_deployment(&arn, false).unwrap();
    run_out(&mut world, "web", 3600);
    assert_eq!(targets(&world), [4, 0]);
}

#[test]
fn the_stages_come_in_order() {
    use LifecycleStage::*;
    let mut world = configured("strategy: BLUE_GREEN, bakeTimeInMinutes: 1");
    world.update_service(&forced("web", None)).unwrap();
    let all = stages(&mut world, 3600);
    let stages: Vec<_> = all.iter().map(|(s, _)| *s).collect();
    assert_eq!(
        stages,
        [ScaleUp, TestTrafficShift, ProductionTrafficShift, BakeTime, CleanUp],
        "the stages between them have no hook and last no time"
    );
    assert_eq!(all[2].1, 100.0);
}

#[test]
fn linear_and_canary_shift_step_by_step() {
    let weights = |configuration: &str| {
        let mut world = configured(configuration);
        world.update_service(&forced("web", None)).unwrap();
        let start = world.now();
        let stages = stages(&mut world, 200_000);
        let all: Vec<f64> =
            stages.iter().filter(|(s, _)| *s == LifecycleStage::ProductionTrafficShift).map(|(_, w)| *w).collect();
        assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::Successful, "{configuration}");
        (all, world.now().duration_since(start).as_secs() / 60)
    };
    let (linear, minutes) =
        weights("strategy: LINEAR, linearConfiguration: { stepPercent: 25.0, stepBakeTimeInMinutes: 5 }");
    assert_eq!(linear, [25.0, 50.0, 75.0, 100.0]);
    assert!((15..22).contains(&minutes), "three bake times of 5 minutes: {minutes}");
    // Bake times longer than the timeout of a stage are no timeout.
    let (_, minutes) = weights(
        "strategy: LINEAR, linearConfiguration: { stepPercent: 50.0, stepBakeTimeInMinutes: 1440 }, bakeTimeInMinutes: 1440",
    );
    assert!((2880..2890).contains(&minutes), "{minutes}");
    let (canary, minutes) =
        weights("strategy: CANARY, canaryConfiguration: { canaryPercent: 5.0, canaryBakeTimeInMinutes: 20 }");
    assert_eq!(canary, [5.0, 100.0]);
    assert!((20..27).contains(&minutes), "{minutes}");
}

#[test]
fn blue_has_what_green_has_not() {
    let mut world = configured(
        "strategy: CANARY, canaryConfiguration: { canaryPercent: 5.0, canaryBakeTimeInMinutes: 20 }, bakeTimeInMinutes: 5",
    );
    let rolled = &get(&world, "web").service_deployments[0];
    assert_eq!(rolled.traffic_weight(&rolled.target_revision), None, "it was there before");
    world.update_service(&forced("web", None)).unwrap();
    // (test, production) of green, production of blue.
    let weights = |world: &World| {
        let d = &get(world, "web").service_deployments[0];
        let (green, blue) = (&d.target_revision, &d.source_revisions[0]);
        let (green, blue) = (d.traffic_weight(green).unwrap(), d.traffic_weight(blue).unwrap());
        assert_eq!(blue.test, 0.0);
        (green.test, green.production, blue.production)
    };
    assert_eq!(weights(&world), (0.0, 0.0, 100.0));
    world.advance_by(300.0);
    assert_eq!(weights(&world), (100.0, 5.0, 95.0));
    let mut rolls_back = world.clone();
    run_out(&mut world, "web", 3600);
    assert_eq!(weights(&world), (100.0, 100.0, 0.0));
    let arn = get(&rolls_back, "web").service_deployments[0].arn.clone();
    rolls_back.stop_service_deployment(&arn, false).unwrap();
    assert_eq!(weights(&rolls_back), (0.0, 0.0, 100.0), "a roll-back gives blue all of it");
}

#[test]
fn a_deployment_that_shifts_traffic_lasts_30_days_at_the_most() {
    let mut world =
        configured("strategy: LINEAR, linearConfiguration: { stepPercent: 3.0, stepBakeTimeInMinutes: 1440 }");
    world.update_service(&forced("web", None)).unwrap();
    world.advance_by(29.9 * 86_400.0);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::InProgress);
    world.advance_by(0.3 * 86_400.0);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::RollbackSuccessful);
}

#[test]
fn green_tasks_that_never_start_time_out() {
    // "The deployment circuit breaker can only be used for services using the rolling update."
    let mut world = configured("strategy: BLUE_GREEN, deploymentCircuitBreaker: { enable: true, rollback: true }");
    fault(&mut world, json!({"fault": "new_tasks_crash", "cluster": "c", "service": "web"}), true).unwrap();
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    world.advance_by(20.0 * 3600.0);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::InProgress);
    world.advance_by(6.0 * 3600.0);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::RollbackSuccessful);
    assert_eq!(running(&world), 4);
}

#[test]
fn a_new_deployment_first_clears_what_is_neither_blue_nor_green() {
    let mut world = configured("strategy: BLUE_GREEN, bakeTimeInMinutes: 10");
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    world.advance_by(300.0);
    let blue = get(&world, "web").last_completed.clone().unwrap().0;
    world.update_service(&forced("web", None)).unwrap();
    world.advance_by(2.0);
    assert_eq!(get(&world, "web").service_deployments[0].lifecycle_stage(), Some(LifecycleStage::ReconcileService));
    world.advance_by(300.0);
    let mut left: Vec<_> = get(&world, "web").deployments.iter().map(|d| d.id.clone()).collect();
    assert_eq!((left.len(), left.pop()), (2, Some(blue)));
    run_out(&mut world, "web", 3600);
    assert_eq!((newest(get(&world, "web")), running(&world)), (ServiceDeploymentStatus::Successful, 4));
}
