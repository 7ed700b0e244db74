use super::*;
use aws_sdk_ecs::types::{
    CanaryConfiguration, DeploymentAlarms, DeploymentCircuitBreaker, DeploymentLifecycleHookStage,
    DeploymentLifecycleHookTimeoutConfiguration, LaunchType, LinearConfiguration,
};
use aws_smithy_types::DateTime;

fn with(strategy: EcsStrategy) -> aws_sdk_ecs::types::builders::DeploymentConfigurationBuilder {
    EcsConfiguration::builder().strategy(strategy)
}

#[test]
fn bake_times_add_up() {
    let linear = |percent: Option<f64>, minutes: Option<i32>| {
        LinearConfiguration::builder().set_step_percent(percent).set_step_bake_time_in_minutes(minutes).build()
    };
    let cases = [
        ("rolling, none", with(EcsStrategy::Rolling), 0),
        ("blue/green", with(EcsStrategy::BlueGreen).bake_time_in_minutes(15), 15 * 60),
        ("linear by default: nine pauses of six minutes", with(EcsStrategy::Linear), 9 * 6 * 60),
        (
            "linear, four steps and a bake",
            with(EcsStrategy::Linear).linear_configuration(linear(Some(25.0), Some(2))).bake_time_in_minutes(10),
            (3 * 2 + 10) * 60,
        ),
        (
            "linear, a step of 33.4 % takes three",
            with(EcsStrategy::Linear).linear_configuration(linear(Some(33.4), Some(1))),
            2 * 60,
        ),
        (
            "linear, a step of 3.3 %",
            with(EcsStrategy::Linear).linear_configuration(linear(Some(3.3), Some(1))),
            30 * 60,
        ),
        ("canary by default", with(EcsStrategy::Canary).bake_time_in_minutes(5), 15 * 60),
        (
            "canary",
            with(EcsStrategy::Canary)
                .canary_configuration(CanaryConfiguration::builder().canary_bake_time_in_minutes(30).build()),
            30 * 60,
        ),
    ];
    for (name, given, expected) in cases {
        let actual = configuration(Some(&given.build()), Scheduling::Replica).unwrap();
        assert_eq!(actual.bake, Seconds(expected), "{name}");
    }
}

#[test]
fn what_is_not_set_is_ecs_s_default() {
    let plain = configuration(None, Scheduling::Replica).unwrap();
    assert_eq!((plain.minimum_healthy_percent, plain.maximum_percent), (100, 200));
    assert_eq!(configuration(Some(&EcsConfiguration::builder().build()), Scheduling::Replica).unwrap(), plain);
    let daemon = configuration(None, Scheduling::Daemon).unwrap();
    assert_eq!((daemon.minimum_healthy_percent, daemon.maximum_percent), (0, 100));
}

#[test]
fn who_rolls_back() {
    let breaker = |enable, rollback| DeploymentCircuitBreaker::builder().enable(enable).rollback(rollback).build();
    let alarms = |enable, rollback| {
        DeploymentAlarms::builder().alarm_names("a").enable(enable).rollback(rollback).build().unwrap()
    };
    let cases = [
        ("nobody", EcsConfiguration::builder(), (false, false)),
        (
            "a breaker that stops",
            EcsConfiguration::builder().deployment_circuit_breaker(breaker(true, false)),
            (true, false),
        ),
        (
            "a breaker that rolls back",
            EcsConfiguration::builder().deployment_circuit_breaker(breaker(true, true)),
            (true, true),
        ),
        (
            "a breaker that is off",
            EcsConfiguration::builder().deployment_circuit_breaker(breaker(false, true)),
            (false, false),
        ),
        ("an alarm", EcsConfiguration::builder().alarms(alarms(true, true)), (false, true)),
        ("an alarm that is off", EcsConfiguration::builder().alarms(alarms(false, true)), (false, false)),
    ];
    for (name, given, expected) in cases {
        let actual = configuration(Some(&given.build()), Scheduling::Replica).unwrap();
        assert_eq!((actual.circuit_breaker, actual.rollback), expected, "{name}");
    }
}

#[test]
fn ecs_itself_bakes_a_rolling_deployment_that_alarms_may_roll_back() {
    let alarms =
        |rollback| DeploymentAlarms::builder().alarm_names("a").enable(true).rollback(rollback).build().unwrap();
    let cases = [
        ("alarms that roll back", EcsConfiguration::builder().alarms(alarms(true)), 300),
        (
            "and no bake time, as ECS shows it",
            EcsConfiguration::builder().alarms(alarms(true)).bake_time_in_minutes(0),
            300,
        ),
        ("and a bake time", EcsConfiguration::builder().alarms(alarms(true)).bake_time_in_minutes(2), 120),
        ("alarms that stop", EcsConfiguration::builder().alarms(alarms(false)), 0),
        ("another strategy", with(EcsStrategy::BlueGreen).alarms(alarms(true)), 0),
    ];
    for (name, given, bake) in cases {
        let actual = configuration(Some(&given.build()), Scheduling::Replica).unwrap();
        assert_eq!(actual.bake, Seconds(bake), "{name}");
    }
}

#[test]
fn hooks_are_counted_and_an_unknown_strategy_is_not_guessed() {
    let plain = DeploymentLifecycleHook::builder().build();
    let timed = DeploymentLifecycleHook::builder()
        .lifecycle_stages(DeploymentLifecycleHookStage::PreScaleUp)
        .lifecycle_stages(DeploymentLifecycleHookStage::PostScaleUp)
        .timeout_configuration(DeploymentLifecycleHookTimeoutConfiguration::builder().timeout_in_minutes(5).build())
        .build();
    let hooked = with(EcsStrategy::BlueGreen).lifecycle_hooks(plain).lifecycle_hooks(timed).build();
    let hooked = configuration(Some(&hooked), Scheduling::Replica).unwrap();
    assert_eq!((hooked.hooks, hooked.hook_time), (2, Seconds((1_440 + 2 * 5) * 60)));
    let each_step = DeploymentLifecycleHook::builder()
        .lifecycle_stages(DeploymentLifecycleHookStage::PreProductionTrafficShift)
        .lifecycle_stages(DeploymentLifecycleHookStage::PostProductionTrafficShift)
        .timeout_configuration(DeploymentLifecycleHookTimeoutConfiguration::builder().timeout_in_minutes(5).build())
        .build();
    for (strategy, calls) in [(EcsStrategy::BlueGreen, 2), (EcsStrategy::Canary, 3), (EcsStrategy::Linear, 11)] {
        let hooked = with(strategy.clone()).lifecycle_hooks(each_step.clone()).build();
        let hooked = configuration(Some(&hooked), Scheduling::Replica).unwrap();
        assert_eq!(hooked.hook_time, Seconds(calls * 5 * 60), "{strategy}: once a step");
    }
    let unknown = with(EcsStrategy::from("SHADOW")).build();
    assert_eq!(
        configuration(Some(&unknown), Scheduling::Replica),
        Err(NotUnderstood("deploymentConfiguration.strategy SHADOW".to_owned()))
    );
}

#[test]
fn a_deployment_needs_a_placement_a_state_and_a_time() {
    let whole = EcsDeployment::builder()
        .id("ecs-svc/1")
        .status("PRIMARY")
        .launch_type(LaunchType::Fargate)
        .rollout_state(DeploymentRolloutState::Completed)
        .desired_count(3)
        .created_at(DateTime::from_secs(1_000));
    let actual = deployment(&whole.clone().build()).unwrap();
    assert_eq!((actual.primary, actual.desired, actual.rollout), (true, 3, Some(RolloutState::Completed)));
    assert_eq!(actual.created_at.as_second(), 1_000);
    let cases = [
        (
            "no placement",
            whole.clone().set_launch_type(None),
            "no launchType and capacityProviderStrategy of a deployment",
        ),
        ("an unknown launch type", whole.clone().launch_type(LaunchType::from("MOON")), "launchType MOON"),
        ("an unknown status", whole.clone().status("SIDEWAYS"), "deployments[].status SIDEWAYS"),
        ("an unknown rollout", whole.clone().rollout_state(DeploymentRolloutState::from("NEW")), "rolloutState NEW"),
        ("no id", whole.clone().set_id(None), "no id of a deployment"),
        ("no time", whole.set_created_at(None), "no createdAt of a deployment"),
    ];
    for (name, given, expected) in cases {
        assert_eq!(deployment(&given.build()), Err(NotUnderstood(expected.to_owned())), "{name}");
    }
}
