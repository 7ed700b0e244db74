//! Limits and shapes of the API that clients stumble over.

use serde_json::{Value, json};

use super::*;
use crate::wire::ask_ecs;

fn count(answer: &Value, list: &str) -> usize {
    answer[list].as_array().map_or(0, Vec::len)
}

/// Twelve more services, of a family of their own.
const TWELVE: (&str, &str) = (
    "clusters:\n",
    "generate: [{ count: 12, namePattern: \"g-{n}\", clusters: [c], service: { taskDefinition: f, desiredCount: 1, launchType: FARGATE } }]\nclusters:\n",
);

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(Rule::TokenBuckets, &[], |w| {
            (0..60).filter(|_| w.take_token("ecs:UpdateService", 0.0)).count() == 50
                && (0..60).filter(|_| w.take_token("ecs:UpdateService", 2.0)).count() == 10
        }),
        case(Rule::TenServicesACall, &[TWELVE], |w| {
            let names: Vec<String> = (1..12).map(|n| format!("g-{n}")).collect();
            let describe = |w: &mut World, names: &[String]| {
                ask_ecs(w, "DescribeServices", &json!({"cluster": "c", "services": names}))
            };
            describe(w, &names).is_err() && describe(w, &names[..10]).is_ok()
        }),
        case(Rule::ListServicesInTens, &[TWELVE], |w| {
            let answer = ask_ecs(w, "ListServices", &json!({"cluster": "c"})).unwrap();
            count(&answer, "serviceArns") == 10 && answer["nextToken"].is_string()
        }),
        case(Rule::PendingTasksAreNotListed, &[], |w| {
            fault(w, json!({"fault": "spot_unavailable", "provider": "all"}), true).unwrap();
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            w.advance_by(60.0);
            let list = |w: &mut World, status: &str| {
                let input = json!({"cluster": "c", "serviceName": "web", "desiredStatus": status});
                count(&ask_ecs(w, "ListTasks", &input).unwrap(), "taskArns")
            };
            // One task waits, and is among those whose desired status is RUNNING.
            list(w, "PENDING") == 0 && list(w, "RUNNING") > 4
        }),
        case(Rule::LaunchTypeOrStrategy, &[], |w| {
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            let answer = ask_ecs(w, "DescribeServices", &json!({"cluster": "c", "services": ["web", "half"]})).unwrap();
            let has = |n: usize, member: &str| !answer["services"][n][member].is_null();
            has(0, "capacityProviderStrategy")
                && !has(0, "launchType")
                && has(1, "launchType")
                && !has(1, "capacityProviderStrategy")
        }),
        case(Rule::MissingIsAFailure, &[], |w| {
            let answer = ask_ecs(w, "DescribeServices", &json!({"cluster": "c", "services": ["web", "nope"]}));
            answer.is_ok_and(|a| count(&a, "services") == 1 && a["failures"][0]["reason"] == "MISSING")
        }),
    ]
}
