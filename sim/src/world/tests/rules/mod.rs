//! Every trap that is modelled, with its rule and without: the check must hold with the rule, and
//! fail without it.

mod api;
mod capacity;
mod deployments;
mod interruptions;
mod readme;
mod strategy;

use super::*;
use crate::world::rules::Rule;

/// A rule, an account, and what shows on it that the rule is kept.
struct Case {
    rule: Rule,
    account: String,
    shows: fn(&mut World) -> bool,
}

/// A case on the small account, changed by replacing texts.
fn case(rule: Rule, changes: &[(&str, &str)], shows: fn(&mut World) -> bool) -> Case {
    let account = changes.iter().fold(ACCOUNT.to_owned(), |account, (from, to)| {
        assert!(account.contains(from), "{rule:?}: the account has no {from:?}");
        account.replace(from, to)
    });
    Case { rule, account, shows }
}

/// Puts `ec2` on Spot instances, behind the target group, with this minimum.
fn ec2_on_spot(minimum: u32) -> (&'static str, String) {
    (
        "desiredCount: 4, capacityProviderStrategy: [{ capacityProvider: od, weight: 1 }] }",
        format!(
            "desiredCount: 4, capacityProviderStrategy: [{{ capacityProvider: spot, weight: 1 }}], deploymentConfiguration: {{ minimumHealthyPercent: {minimum} }}, loadBalancers: [{{ targetGroupArn: tg, containerName: a, containerPort: 80 }}] }}"
        ),
    )
}

fn reclaim_all(world: &mut World) {
    for zone in ["a", "b", "c"] {
        world.reclaim(&format!("m5.large/eu-west-1{zone}"), u32::MAX).unwrap();
    }
}

fn set_desired(world: &mut World, service: &str, count: u32) {
    let json =
        serde_json::json!({"fault": "set_desired_count", "cluster": "c", "service": service, "desired_count": count});
    fault(world, json, true).unwrap();
}

fn crash(world: &mut World, service: &str) {
    let json = serde_json::json!({"fault": "new_tasks_crash", "cluster": "c", "service": service});
    fault(world, json, true).unwrap();
}

#[test]
fn each_rule_shows_with_it_and_not_without_it() {
    let cases: Vec<Case> = [
        strategy::cases(),
        api::cases(),
        capacity::cases(),
        interruptions::cases(),
        deployments::cases(),
        deployments::shifting_cases(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut wrong = Vec::new();
    for rule in Rule::ALL {
        let case = cases.iter().find(|c| c.rule == *rule).unwrap_or_else(|| panic!("{rule:?} has no case"));
        for off in [None, Some(*rule)] {
            let mut world = crate::account::parse(&case.account, "rule.yaml", jiff::Timestamp::UNIX_EPOCH).unwrap();
            world.rule_off = off;
            if (case.shows)(&mut world) != off.is_none() {
                wrong.push((rule, off));
            }
        }
    }
    assert!(wrong.is_empty(), "with None the rule does not show, with Some it shows switched off too: {wrong:?}");
}
