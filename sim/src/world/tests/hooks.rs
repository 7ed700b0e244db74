//! Lifecycle hooks and alarms of a deployment.

use serde_json::json;

use super::traffic::{configured, running};
use super::*;
use crate::world::hooks::HookStatus;
use crate::world::shapes::HookAction;
use crate::world::traffic::LifecycleStage;

const FUNCTION_AND_PAUSE: &str = "strategy: BLUE_GREEN, lifecycleHooks: [{ hookTargetArn: \"arn:f\", lifecycleStages: [POST_SCALE_UP] }, { targetType: PAUSE, lifecycleStages: [POST_SCALE_UP], timeoutConfiguration: { timeoutInMinutes: 60 } }]";

/// The hooks of the newest deployment: id and status.
fn hooks(world: &World) -> Vec<(String, HookStatus)> {
    let shift = get(world, "web").service_deployments[0].shift.as_ref().unwrap();
    shift.hooks.iter().map(|h| (h.id.clone(), h.status)).collect()
}

/// What the bus says of hooks since it was last taken.
fn told(world: &mut World) -> Vec<String> {
    let events = world.take_events().into_iter().filter(|e| e.detail_type == "ECS Hook State Change");
    events
        .map(|e| format!("{} {}", e.detail["hookType"].as_str().unwrap(), e.detail["eventName"].as_str().unwrap()))
        .collect()
}

#[test]
fn hooks_of_a_stage_run_side_by_side_and_all_must_end() {
    use HookStatus::*;
    let mut world = configured(FUNCTION_AND_PAUSE);
    world.update_service(&forced("web", None)).unwrap();
    world.advance_by(300.0);
    let d = get(&world, "web").service_deployments[0].clone();
    let called = hooks(&world);
    assert_eq!(
        called.iter().map(|(_, s)| *s).collect::<Vec<_>>(),
        [Succeeded, AwaitingAction],
        "the function has answered"
    );
    assert_eq!(d.lifecycle_stage(), Some(LifecycleStage::PostScaleUp));
    assert_eq!(
        told(&mut world),
        ["AWS_LAMBDA HOOK_IN_PROGRESS", "PAUSE HOOK_AWAITING_ACTION", "AWS_LAMBDA HOOK_SUCCEEDED"]
    );
    let function = world.continue_service_deployment(&d.arn, &called[0].0, HookAction::Continue);
    assert_eq!(function.unwrap_err().code, "InvalidParameterException", "only a pause is continued");
    let mut rolls_back = world.clone();
    world.continue_service_deployment(&d.arn, &called[1].0, HookAction::Continue).unwrap();
    run_out(&mut world, "web", 3600);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::Successful);
    assert_eq!(told(&mut world), ["PAUSE HOOK_SUCCEEDED"]);

    rolls_back.continue_service_deployment(&d.arn, &called[1].0, HookAction::Rollback).unwrap();
    run_out(&mut rolls_back, "web", 3600);
    assert_eq!(newest(get(&rolls_back, "web")), ServiceDeploymentStatus::RollbackSuccessful);
    assert_eq!(hooks(&rolls_back)[1].1, Failed);
    assert_eq!(told(&mut rolls_back), ["PAUSE HOOK_FAILED"]);
}

#[test]
fn a_function_that_fails_does_not_wait_for_the_pause_beside_it() {
    let mut world = configured(FUNCTION_AND_PAUSE);
    fault(&mut world, json!({"fault": "hook_fails", "cluster": "c", "service": "web"}), true).unwrap();
    world.update_service(&forced("web", None)).unwrap();
    run_out(&mut world, "web", 600);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::RollbackSuccessful);
    assert_eq!(
        hooks(&world).iter().map(|(_, s)| *s).collect::<Vec<_>>(),
        [HookStatus::Failed, HookStatus::AwaitingAction]
    );
}

#[test]
fn a_pause_before_the_shift_is_called_at_every_step() {
    let mut world = configured(
        "strategy: LINEAR, linearConfiguration: { stepPercent: 25.0, stepBakeTimeInMinutes: 1 }, lifecycleHooks: [{ targetType: PAUSE, lifecycleStages: [PRE_PRODUCTION_TRAFFIC_SHIFT] }]",
    );
    world.update_service(&forced("web", None)).unwrap();
    let mut seen = Vec::new();
    while newest(get(&world, "web")) != ServiceDeploymentStatus::Successful {
        world.advance_by(300.0);
        let d = get(&world, "web").service_deployments[0].clone();
        let open = |(_, status): &(String, HookStatus)| *status == HookStatus::AwaitingAction;
        let Some((id, _)) = hooks(&world).into_iter().find(open) else { continue };
        seen.push((d.shift.unwrap().production_weight, id.clone()));
        world.continue_service_deployment(&d.arn, &id, HookAction::Continue).unwrap();
    }
    assert_eq!(seen.iter().map(|(weight, _)| *weight).collect::<Vec<_>>(), [0.0, 25.0, 50.0, 75.0]);
    seen.dedup_by_key(|(_, id)| id.clone());
    assert_eq!(seen.len(), 4, "each with an id of its own");
}

#[test]
fn hooks_that_ecs_would_refuse_are_refused() {
    let pause = |stage: &str| json!({"targetType": "PAUSE", "lifecycleStages": [stage]});
    for (hooks, wrong) in [
        (vec![pause("PRODUCTION_TRAFFIC_SHIFT")], "cannot be configured at"),
        (vec![json!({"lifecycleStages": ["PRE_SCALE_UP"]})], "needs a hookTargetArn"),
        (vec![pause("PRE_SCALE_UP"); 11], "at most 10 PAUSE"),
    ] {
        let configuration = json!({"strategy": "BLUE_GREEN", "lifecycleHooks": hooks});
        let mut world = world();
        let call = UpdateService {
            deployment_configuration: Some(serde_json::from_value(configuration.clone()).unwrap()),
            ..forced("web", None)
        };
        let refusal = world.update_service(&call).unwrap_err();
        assert!(refusal.code == "InvalidParameterException" && refusal.message.contains(wrong), "{refusal}");
        let account = ACCOUNT
            .replace("serviceName: web,", &format!("serviceName: web, deploymentConfiguration: {configuration},"));
        let mistake = crate::account::parse(&account, "test.yaml", jiff::Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(mistake.to_string().contains(wrong), "{mistake}");
    }
}

#[test]
fn a_failing_hook_rolls_back_the_whole_revision() {
    let mut world = configured(
        "strategy: BLUE_GREEN, lifecycleHooks: [{ hookTargetArn: \"arn:f\", lifecycleStages: [POST_SCALE_UP] }]",
    );
    fault(&mut world, json!({"fault": "hook_fails", "cluster": "c", "service": "web"}), true).unwrap();
    let old = get(&world, "web").tasks.clone();
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    run_out(&mut world, "web", 3600);
    let s = get(&world, "web");
    assert_eq!(newest(s), ServiceDeploymentStatus::RollbackSuccessful);
    assert!(s.service_deployments[0].status_reason.as_ref().unwrap().contains("hook"));
    assert!(s.current().unwrap().strategy.is_empty(), "the strategy is back too");
    assert!(old.iter().all(|t| world.tasks[t].is_running()), "blue has served all along");
}

#[test]
fn a_pause_waits_for_an_answer() {
    let hook = |timeout: &str| {
        format!(
            "strategy: BLUE_GREEN, lifecycleHooks: [{{ targetType: PAUSE, lifecycleStages: [PRE_PRODUCTION_TRAFFIC_SHIFT]{timeout} }}]"
        )
    };
    let mut world = configured(&hook(""));
    world.update_service(&forced("web", None)).unwrap();
    world.advance_by(3600.0);
    let d = get(&world, "web").service_deployments[0].clone();
    assert_eq!(d.lifecycle_stage(), Some(LifecycleStage::PreProductionTrafficShift));
    let shift = d.shift.unwrap();
    assert_eq!(shift.production_weight, 0.0, "the pause comes before the shift");
    let id = &shift.hooks[0].id;
    for (arn, hook, code) in [
        (d.arn.as_str(), "x", "InvalidParameterException"),
        ("arn:aws:ecs:eu-west-1:123456789012:service-deployment/c/web/x", id, "ServiceDeploymentNotFoundException"),
        ("x", id, "ServiceDeploymentNotFoundException"),
    ] {
        assert_eq!(world.continue_service_deployment(arn, hook, HookAction::Continue).unwrap_err().code, code);
    }
    world.continue_service_deployment(&d.arn, id, HookAction::Continue).unwrap();
    let again = world.continue_service_deployment(&d.arn, id, HookAction::Continue);
    assert_eq!(again.unwrap_err().code, "InvalidParameterException");
    run_out(&mut world, "web", 3600);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::Successful);
    // A pause of the first stage, too, holds the deployment.
    let first = hook("").replace("PRE_PRODUCTION_TRAFFIC_SHIFT", "PRE_SCALE_UP");
    let mut world = configured(&first);
    world.update_service(&forced("web", None)).unwrap();
    world.advance_by(3600.0);
    assert_eq!(get(&world, "web").service_deployments[0].lifecycle_stage(), Some(LifecycleStage::PreScaleUp));
    assert_eq!(get(&world, "web").tasks.len(), 4);
    // Without an answer it is rolled back, after 24 hours or what is configured; or it goes on.
    for (timeout, want) in [
        ("", ServiceDeploymentStatus::InProgress),
        (", timeoutConfiguration: { timeoutInMinutes: 30 }", ServiceDeploymentStatus::RollbackSuccessful),
        (", timeoutConfiguration: { timeoutInMinutes: 30, action: CONTINUE }", ServiceDeploymentStatus::Successful),
    ] {
        let mut world = configured(&hook(timeout));
        world.update_service(&forced("web", None)).unwrap();
        world.advance_by(7200.0);
        assert_eq!(newest(get(&world, "web")), want, "{timeout}");
    }
}

#[test]
fn an_alarm_fails_a_deployment() {
    let configuration = "alarms: { alarmNames: [errors], enable: true, rollback: true }";
    for strategy in ["ROLLING", "BLUE_GREEN, bakeTimeInMinutes: 30"] {
        let mut world = configured(&format!("strategy: {strategy}, {configuration}"));
        world.update_service(&forced("web", Some(half_spot()))).unwrap();
        world.advance_by(30.0);
        fault(&mut world, json!({"fault": "alarm", "name": "errors"}), true).unwrap();
        run_out(&mut world, "web", 3600);
        assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::RollbackSuccessful, "{strategy}");
    }
    let mut world = configured(configuration);
    assert!(fault(&mut world, json!({"fault": "alarm", "name": "x"}), true).unwrap_err().contains("there are errors"));
}

#[test]
fn an_alarm_that_was_raised_before_does_not_count() {
    // "to start a new deployment to fix an initial deployment failure"
    let mut world = configured("alarms: { alarmNames: [errors], enable: true, rollback: true }");
    fault(&mut world, json!({"fault": "alarm", "name": "errors"}), true).unwrap();
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    run_out(&mut world, "web", 3600);
    let d = &get(&world, "web").service_deployments[0];
    assert_eq!((d.status, d.alarms_ignored), (ServiceDeploymentStatus::Successful, true));
    fault(&mut world, json!({"fault": "alarm", "name": "errors"}), false).unwrap();
    world.update_service(&forced("web", None)).unwrap();
    world.advance_by(10.0);
    fault(&mut world, json!({"fault": "alarm", "name": "errors"}), true).unwrap();
    run_out(&mut world, "web", 3600);
    let d = &get(&world, "web").service_deployments[0];
    assert_eq!(
        (d.status, d.triggered_alarms.as_slice()),
        (ServiceDeploymentStatus::RollbackSuccessful, ["errors".to_owned()].as_slice())
    );
}

#[test]
fn a_rolling_deployment_bakes_where_it_is_told_or_alarms_watch_it() {
    let lasts = |configuration: &str| {
        let mut world = configured(configuration);
        let start = world.now();
        world.update_service(&forced("web", None)).unwrap();
        run_out(&mut world, "web", 3600);
        assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::Successful, "{configuration}");
        world.now().duration_since(start).as_secs()
    };
    let alarms = "alarms: { alarmNames: [errors], enable: true, rollback: true }";
    let plain = lasts("strategy: ROLLING");
    for (configuration, bake) in [
        ("bakeTimeInMinutes: 10", 600),
        (alarms, 240),
        (&format!("{alarms}, bakeTimeInMinutes: 0"), 0),
        ("alarms: { alarmNames: [errors], enable: true, rollback: false }", 0),
    ] {
        let more = lasts(configuration) - plain;
        assert!((bake - 5..=bake + 5).contains(&more), "{configuration}: {more} s");
    }
}

#[test]
fn an_alarm_in_the_bake_time_rolls_back() {
    let mut world = configured("alarms: { alarmNames: [errors], enable: true, rollback: true }");
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    while running(&world) != 4 || get(&world, "web").deployments.len() > 1 {
        world.advance_by(10.0);
    }
    world.advance_by(120.0);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::InProgress, "it bakes");
    fault(&mut world, json!({"fault": "alarm", "name": "errors"}), true).unwrap();
    run_out(&mut world, "web", 3600);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::RollbackSuccessful);
    assert!(get(&world, "web").current().unwrap().strategy.is_empty());
}
