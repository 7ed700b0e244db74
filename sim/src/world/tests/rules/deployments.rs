//! Deployments, and what goes wrong in them.

use super::*;

/// The fewest healthy and the most wanted tasks of a service while its deployment runs.
fn extremes(w: &mut World, name: &str) -> (usize, u32) {
    let (mut least, mut most) = (usize::MAX, 0);
    while !newest(get(w, name)).is_final() {
        w.advance_by(0.5);
        least = least.min(get(w, name).tasks.iter().filter(|t| w.tasks[*t].is_healthy()).count());
        most = most.max(w.tally(get(w, name), |_| true).wanted);
    }
    (least, most)
}

/// The small account with this deployment configuration of `web`.
fn web_with(configuration: &str) -> (&'static str, String) {
    ("serviceName: web,", format!("serviceName: web, deploymentConfiguration: {{ {configuration} }},"))
}

/// Where a forced deployment of `web` stands an hour later.
fn an_hour_later(w: &mut World) -> ServiceDeploymentStatus {
    w.update_service(&forced("web", Some(half_spot()))).unwrap();
    w.advance_by(3600.0);
    newest(get(w, "web"))
}

fn alarm(w: &mut World) {
    fault(w, serde_json::json!({"fault": "alarm", "name": "errors"}), true).unwrap();
}

fn spot_drought(w: &mut World) {
    fault(w, serde_json::json!({"fault": "spot_unavailable", "provider": "all"}), true).unwrap();
}

const PAUSE: &str = "strategy: BLUE_GREEN, lifecycleHooks: [{ targetType: PAUSE, lifecycleStages: [POST_SCALE_UP] }]";
const SHORT_PAUSE: &str = "strategy: BLUE_GREEN, lifecycleHooks: [{ targetType: PAUSE, lifecycleStages: [POST_SCALE_UP], timeoutConfiguration: { timeoutInMinutes: 30 } }]";
const ALARMS: &str = "alarms: { alarmNames: [errors], enable: true, rollback: true }";

/// Traffic that shifts, hooks and alarms.
pub(super) fn shifting_cases() -> Vec<Case> {
    use ServiceDeploymentStatus::{InProgress, RollbackSuccessful, Successful};
    let case_with = |rule, configuration: &str, durations: &str, shows| {
        let (from, to) = web_with(configuration);
        let settings = format!("jitterPercent: 0, durations: {{ {durations} }} }}");
        case(rule, &[(from, &to), ("jitterPercent: 0 }", &settings)], shows)
    };
    vec![
        case_with(Rule::HooksHoldTheirStage, PAUSE, "", |w| an_hour_later(w) == InProgress),
        case_with(Rule::HooksTimeOut, SHORT_PAUSE, "", |w| an_hour_later(w) == RollbackSuccessful),
        // Green waits for Spot.
        case_with(Rule::StagesTimeOut, "strategy: BLUE_GREEN", "lifecycleStageTimeout: 600", |w| {
            spot_drought(w);
            an_hour_later(w) == RollbackSuccessful
        }),
        case_with(Rule::DeploymentsTimeOut, PAUSE, "deploymentTimeout: 600", |w| {
            an_hour_later(w) == RollbackSuccessful
        }),
        case_with(Rule::AlarmsFailDeployments, ALARMS, "", |w| {
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            w.advance_by(30.0);
            alarm(w);
            run_out(w, "web", 3600);
            newest(get(w, "web")) == RollbackSuccessful
        }),
        case_with(Rule::AlarmsRaisedBeforeAreIgnored, ALARMS, "", |w| {
            alarm(w);
            an_hour_later(w) == Successful
        }),
        case_with(Rule::RollingDeploymentsBake, "bakeTimeInMinutes: 120", "", |w| an_hour_later(w) == InProgress),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            Rule::ProtectionBlocksDeployments,
            &[("taskDefinition: both, desiredCount: 2,", "taskDefinition: both, desiredCount: 2, protectedTasks: 1,")],
            |w| {
                w.update_service(&forced("both", None)).unwrap();
                w.advance_by(3600.0);
                newest(get(w, "both")) == ServiceDeploymentStatus::InProgress
            },
        ),
        case(
            Rule::TrafficShifts,
            &[(
                "serviceName: web,",
                "serviceName: web, deploymentConfiguration: { strategy: BLUE_GREEN, bakeTimeInMinutes: 30 },",
            )],
            |w| {
                w.update_service(&forced("web", None)).unwrap();
                w.advance_by(1200.0);
                w.tally(get(w, "web"), |_| true).running == 8
            },
        ),
        case(
            Rule::EarlySuccessEndsEarly,
            &[(
                "serviceName: web,",
                "serviceName: web, deploymentConfiguration: { earlySuccessCriteria: { enable: true, healthyPercent: 75, sourceServiceRevisionCleanup: DEFERRED } },",
            )],
            |w| {
                // The fourth task finds no capacity.
                fault(w, serde_json::json!({"fault": "spot_unavailable", "provider": "all"}), true).unwrap();
                w.update_service(&forced("web", Some(half_spot()))).unwrap();
                w.advance_by(600.0);
                newest(get(w, "web")) == ServiceDeploymentStatus::Successful && on(w, "web", "FARGATE") == 3
            },
        ),
        case(Rule::MinimumHealthyBinds, &[], |w| {
            w.update_service(&forced("half", None)).unwrap();
            extremes(w, "half").0 == 2
        }),
        case(Rule::MaximumPercentBinds, &[], |w| {
            w.update_service(&forced("half", None)).unwrap();
            extremes(w, "half").1 == 4
        }),
        case(Rule::NewDeploymentSupersedes, &[], |w| {
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            w.advance_by(15.0);
            w.update_service(&forced("web", None)).unwrap();
            run_out(w, "web", 900);
            let [newest, before, ..] = get(w, "web").service_deployments.as_slice() else { return false };
            (newest.status, before.status) == (ServiceDeploymentStatus::Successful, ServiceDeploymentStatus::Stopped)
        }),
        case(
            Rule::BreakerIsForRollingOnly,
            &[(
                "minimumHealthyPercent: 50, deploymentCircuitBreaker",
                "minimumHealthyPercent: 50, strategy: BLUE_GREEN, deploymentCircuitBreaker",
            )],
            |w| {
                crash(w, "breaker");
                w.update_service(&forced("breaker", Some(half_spot()))).unwrap();
                w.advance_by(3600.0);
                !get(w, "breaker").service_deployments[0].triggered
            },
        ),
        case(Rule::HealthyTaskResetsTheBreaker, &[], |w| {
            // With one task at a time: two fail, and the third does not.
            set_desired(w, "breaker", 1);
            w.advance_by(300.0);
            crash(w, "breaker");
            w.update_service(&forced("breaker", Some(half_spot()))).unwrap();
            while get(w, "breaker").service_deployments[0].failure_count < 2 {
                w.advance_by(1.0);
            }
            let json = serde_json::json!({"fault": "new_tasks_crash", "cluster": "c", "service": "breaker"});
            fault(w, json, false).unwrap();
            run_out(w, "breaker", 900);
            get(w, "breaker").service_deployments[0].failure_count == 0
        }),
        case(Rule::CircuitBreakerThreshold, &[], |w| {
            crash(w, "breaker");
            w.update_service(&forced("breaker", Some(half_spot()))).unwrap();
            let failures = |w: &World| {
                w.events()
                    .filter(|e| {
                        e.detail["stopCode"] == "EssentialContainerExited" && e.detail["lastStatus"] == "DEPROVISIONING"
                    })
                    .count()
            };
            while !newest(get(w, "breaker")).is_final() && !get(w, "breaker").service_deployments[0].triggered {
                w.advance_by(1.0);
            }
            let d = &get(w, "breaker").service_deployments[0];
            d.threshold == 3 && failures(w) >= 3
        }),
        case(Rule::FailedDeploymentStartsNothing, &[("rollback: true", "rollback: false")], |w| {
            crash(w, "breaker");
            w.update_service(&forced("breaker", Some(half_spot()))).unwrap();
            run_out(w, "breaker", 3600);
            let tasks = get(w, "breaker").tasks.len();
            w.advance_by(1800.0);
            get(w, "breaker").tasks.len() == tasks
        }),
        case(Rule::RollbackRestoresTheStrategy, &[], |w| {
            crash(w, "breaker");
            w.update_service(&forced("breaker", Some(vec![item("FARGATE_SPOT", 0, 1)]))).unwrap();
            run_out(w, "breaker", 3600);
            get(w, "breaker").current().unwrap().strategy == [item("FARGATE", 0, 1)]
        }),
        case(Rule::PlacementFailureIsNoFailedTask, &[], |w| {
            fault(w, serde_json::json!({"fault": "spot_unavailable", "provider": "all"}), true).unwrap();
            w.update_service(&forced("breaker", Some(half_spot()))).unwrap();
            w.advance_by(3600.0);
            newest(get(w, "breaker")) == ServiceDeploymentStatus::InProgress
        }),
        case(
            Rule::DroughtMayShowNothingPending,
            &[("jitterPercent: 0 }", "jitterPercent: 0, fargateDrought: noTask }")],
            |w| {
                spot_drought(w);
                w.update_service(&forced("web", Some(vec![item("FARGATE_SPOT", 0, 1)]))).unwrap();
                w.advance_by(600.0);
                // As many run as are wanted, nothing is pending, and nothing has been moved.
                let all = w.tally(get(w, "web"), |_| true);
                (all.running, all.pending, get(w, "web").deployments.len()) == (4, 0, 2)
            },
        ),
        case(Rule::FailedTasksSlowRestarts, &[], |w| {
            crash(w, "web");
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            w.advance_by(3600.0);
            get(w, "web").primary().unwrap().failed_tasks < 150
        }),
        case(Rule::StoppingRollsBackAnyway, &[], |w| {
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            w.advance_by(15.0);
            let arn = get(w, "web").service_deployments[0].arn.clone();
            w.stop_service_deployment(&arn, false).unwrap();
            run_out(w, "web", 600);
            newest(get(w, "web")) == ServiceDeploymentStatus::RollbackSuccessful
        }),
    ]
}
