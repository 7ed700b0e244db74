//! Limits and shapes of the API that clients stumble over.

use serde_json::{Value, json};

use super::*;
use crate::wire::ask;

fn count(answer: &Value, list: &str) -> usize {
    answer[list].as_array().map_or(0, Vec::len)
}

/// Twelve more services, of a family of their own.
const TWELVE: (&str, &str) = (
    "clusters:\n",
    "generate: [{ count: 12, namePattern: \"g-{n}\", clusters: [c], service: { taskDefinition: f, desiredCount: 1, launchType: FARGATE } }]\nclusters:\n",
);

fn requirements(vcpus: u32) -> Value {
    json!({"InstanceRequirements": {"VCpuCount": {"Min": vcpus}, "MemoryMiB": {"Min": 0}}})
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(Rule::TokenBuckets, &[], |w| {
            (0..60).filter(|_| w.take_token("ecs:UpdateService", 0.0)).count() == 50
                && (0..60).filter(|_| w.take_token("ecs:UpdateService", 2.0)).count() == 10
        }),
        case(Rule::TenServicesACall, &[TWELVE], |w| {
            let names: Vec<String> = (1..12).map(|n| format!("g-{n}")).collect();
            let describe = |w: &mut World, names: &[String]| {
                ask(w, "DescribeServices", &json!({"cluster": "c", "services": names}))
            };
            describe(w, &names).is_err() && describe(w, &names[..10]).is_ok()
        }),
        case(Rule::ListServicesInTens, &[TWELVE], |w| {
            let answer = ask(w, "ListServices", &json!({"cluster": "c"})).unwrap();
            count(&answer, "serviceArns") == 10 && answer["nextToken"].is_string()
        }),
        case(Rule::PendingTasksAreNotListed, &[], |w| {
            fault(w, json!({"fault": "spot_unavailable", "provider": "all"}), true).unwrap();
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            w.advance_by(60.0);
            let list = |w: &mut World, status: &str| {
                let input = json!({"cluster": "c", "serviceName": "web", "desiredStatus": status});
                count(&ask(w, "ListTasks", &input).unwrap(), "taskArns")
            };
            // One task waits, and is among those whose desired status is RUNNING.
            list(w, "PENDING") == 0 && list(w, "RUNNING") > 4
        }),
        case(Rule::LaunchTypeOrStrategy, &[], |w| {
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            let answer = ask(w, "DescribeServices", &json!({"cluster": "c", "services": ["web", "half"]})).unwrap();
            let has = |n: usize, member: &str| !answer["services"][n][member].is_null();
            has(0, "capacityProviderStrategy")
                && !has(0, "launchType")
                && has(1, "launchType")
                && !has(1, "capacityProviderStrategy")
        }),
        case(
            Rule::RolloutStateOfRollingOnly,
            &[("serviceName: web,", "serviceName: web, deploymentConfiguration: { strategy: BLUE_GREEN },")],
            |w| {
                let input = json!({"cluster": "c", "services": ["web", "strat"]});
                let answer = ask(w, "DescribeServices", &input).unwrap();
                let state = |n: usize| &answer["services"][n]["deployments"][0]["rolloutState"];
                state(0).is_null() && state(1) == "COMPLETED"
            },
        ),
        case(Rule::LatestHundredEvents, &[], |w| {
            for _ in 0..40 {
                for count in [3, 1] {
                    set_desired(w, "strat", count);
                    w.advance_by(120.0);
                }
            }
            let answer = ask(w, "DescribeServices", &json!({"cluster": "c", "services": ["strat"]})).unwrap();
            count(&answer["services"][0], "events") == 100
        }),
        case(Rule::ScoresNameZoneIds, &[], |w| {
            let input = json!({"InstanceTypes": ["m5.large"], "TargetCapacity": 1, "SingleAvailabilityZone": true});
            let answer = ask(w, "GetSpotPlacementScores", &input).unwrap();
            let scores = answer["spotPlacementScoreSet"].as_array().unwrap();
            scores.iter().all(|s| s["availabilityZoneId"].as_str().is_some_and(|id| id.starts_with("euw1-az")))
        }),
        case(Rule::TypesOrRequirements, &[], |w| {
            let input = json!({"InstanceTypes": ["m5.large"], "TargetCapacity": 1, "InstanceRequirementsWithMetadata": requirements(2)});
            ask(w, "GetSpotPlacementScores", &input).is_err()
        }),
        case(Rule::RequirementsMatchThreeTypes, &[], |w| {
            // None of the built-in types has so many.
            let input = json!({"TargetCapacity": 1, "InstanceRequirementsWithMetadata": requirements(1000)});
            ask(w, "GetSpotPlacementScores", &input).is_err()
        }),
        case(Rule::MissingIsAFailure, &[], |w| {
            let answer = ask(w, "DescribeServices", &json!({"cluster": "c", "services": ["web", "nope"]}));
            answer.is_ok_and(|a| count(&a, "services") == 1 && a["failures"][0]["reason"] == "MISSING")
        }),
    ]
}
