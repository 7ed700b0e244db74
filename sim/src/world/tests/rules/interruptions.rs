//! The two minutes.

use super::*;

pub(super) fn cases() -> Vec<Case> {
    let (from, half) = ec2_on_spot(50);
    let (_, whole) = ec2_on_spot(100);
    let undrained = (
        "{ name: spot, autoScalingGroupProvider: { autoScalingGroup: spot,",
        "{ name: spot, autoScalingGroupProvider: { autoScalingGroup: spot, managedDraining: DISABLED,",
    );
    vec![
        case(Rule::TwoMinuteWarning, &[(from, &half)], |w| {
            reclaim_all(w);
            w.advance_by(100.0);
            let warned = w.instances.values().filter(|i| i.reclaimed_at.is_some()).count();
            w.advance_by(30.0);
            warned > 0 && w.instances.values().all(|i| i.reclaimed_at.is_none())
        }),
        case(Rule::DrainKeepsMinimumHealthy, &[(from, &whole)], |w| {
            // Nothing may be stopped before its replacement is healthy: all die with their instance.
            reclaim_all(w);
            w.advance_by(300.0);
            w.felt().killed_with_instance == 4
        }),
        case(Rule::DrainStopsPendingTasks, &[(from, &half)], |w| {
            set_desired(w, "ec2", 6);
            w.advance_by(8.0);
            let pending: Vec<_> = get(w, "ec2")
                .tasks
                .iter()
                .filter(|t| w.tasks[*t].phase == Phase::Provisioning && !w.tasks[*t].waiting)
                .cloned()
                .collect();
            let instances: Vec<_> = w.instances_of("spot").map(|i| i.id.clone()).collect();
            instances.iter().for_each(|id| w.drain_instance(id));
            !pending.is_empty() && pending.iter().all(|t| w.tasks[t].doomed)
        }),
        case(Rule::DrainingMustBeOn, &[(from, &half), undrained], |w| {
            reclaim_all(w);
            w.advance_by(60.0);
            w.instances_of("spot").all(|i| !i.draining)
        }),
        case(
            Rule::FargateSpotStopOrder,
            &[("jitterPercent: 0 }", "jitterPercent: 0, fargateSpotStop: sigtermFirst }")],
            |w| {
                w.update_service(&forced("web", Some(vec![item("FARGATE_SPOT", 0, 1)]))).unwrap();
                run_out(w, "web", 900);
                w.reclaim("FARGATE_SPOT/eu-west-1a", 1).unwrap();
                w.advance_by(60.0);
                w.felt().targets_cut == 1
            },
        ),
        case(
            Rule::RebalancingReplacesFirst,
            &[(from, &half), ("{ name: spot, cluster: c,", "{ name: spot, cluster: c, capacityRebalance: true,")],
            |w| {
                let before = w.instances_of("spot").count();
                let pool = w.instances_of("spot").next().unwrap().pool().to_string();
                w.recommend_rebalance(&pool, 1).unwrap();
                w.instances_of("spot").count() == before + 1
            },
        ),
        case(
            Rule::AgentMissesRebalancing,
            &[
                (from, &half),
                undrained,
                (
                    "{ name: spot, cluster: c,",
                    "{ name: spot, cluster: c, capacityRebalance: true, agentDraining: true,",
                ),
            ],
            |w| {
                let pool = w.instances_of("spot").next().unwrap().pool().to_string();
                w.recommend_rebalance(&pool, 1).unwrap();
                w.advance_by(600.0);
                // The old instance goes with its tasks; an interruption would have been drained.
                w.felt().killed_with_instance > 0
            },
        ),
        case(Rule::TaskEventsHaveVersions, &[], |w| {
            w.update_service(&forced("strat", None)).unwrap();
            run_out(w, "strat", 600);
            let id = get(w, "strat").tasks.last().unwrap().clone();
            let arn = w.tasks[&id].arn.clone();
            let of_task = w.events().filter(|e| e.detail["taskArn"] == arn.as_str());
            let versions: Vec<u64> = of_task.map(|e| e.detail["version"].as_u64().unwrap()).collect();
            versions.len() > 2 && versions.is_sorted_by(|a, b| a < b)
        }),
        case(Rule::ServiceActionsHaveNoVersion, &[], |w| {
            w.update_service(&forced("strat", None)).unwrap();
            run_out(w, "strat", 600);
            let action = w.events().find(|e| e.detail_type == "ECS Service Action").unwrap();
            action.detail["version"].is_null()
        }),
        case(Rule::DeregistrationDelay, &[], |w| {
            let old = get(w, "web").tasks.clone();
            w.update_service(&forced("web", None)).unwrap();
            while !w.tasks[&old[0]].doomed {
                w.advance_by(1.0);
            }
            w.advance_by(35.0);
            w.tasks[&old[0]].target == Some(TargetState::Draining)
        }),
        case(
            Rule::DelayDefaultsToFiveMinutes,
            &[("{ name: tg, attributes: { deregistration_delay.timeout_seconds: \"40\" } }", "{ name: tg }")],
            |w| {
                let old = get(w, "web").tasks.clone();
                w.update_service(&forced("web", None)).unwrap();
                while !w.tasks[&old[0]].doomed {
                    w.advance_by(1.0);
                }
                w.advance_by(295.0);
                let drains = w.tasks[&old[0]].target == Some(TargetState::Draining);
                w.advance_by(10.0);
                drains && w.tasks[&old[0]].target.is_none()
            },
        ),
        case(Rule::StopTimeoutKills, &[("serviceName: strat,", "serviceName: strat, ignoresSigterm: true,")], |w| {
            w.update_service(&forced("strat", None)).unwrap();
            run_out(w, "strat", 600);
            w.felt().killed_by_timeout == 2
        }),
        case(
            Rule::StopTimeoutsAddUp,
            &[
                ("serviceName: strat,", "serviceName: strat, ignoresSigterm: true,"),
                (
                    "containerDefinitions: [{ name: a, image: \"i:latest\", stopTimeout: 30 }]",
                    "containerDefinitions: [{ name: a, image: \"i:latest\", stopTimeout: 30, dependsOn: [{ containerName: b, condition: START }] }, { name: b, image: \"i:latest\", stopTimeout: 50 }]",
                ),
            ],
            |w| {
                let old = get(w, "strat").tasks[0].clone();
                w.update_service(&forced("strat", None)).unwrap();
                run_out(w, "strat", 600);
                let t = &w.tasks[&old];
                t.stopped_at.unwrap().duration_since(t.stopping_at.unwrap()).as_secs() >= 80
            },
        ),
        case(Rule::InterruptionsNameNoCluster, &[(from, &half)], |w| {
            reclaim_all(w);
            let warning = w.events().find(|e| e.source == "aws.ec2").unwrap();
            warning.detail.as_object().unwrap().len() == 2
        }),
        case(Rule::PlacementFailuresNameTheProvider, &[], |w| {
            fault(w, serde_json::json!({"fault": "spot_unavailable", "provider": "all"}), true).unwrap();
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            w.advance_by(60.0);
            let failure = w.events().find(|e| e.detail["eventName"] == "SERVICE_TASK_PLACEMENT_FAILURE").unwrap();
            failure.detail["eventType"] == "ERROR"
                && failure.detail["capacityProviderArns"][0].as_str().is_some_and(|arn| arn.ends_with("/FARGATE_SPOT"))
        }),
    ]
}
