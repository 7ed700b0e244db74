//! What each field of a policy allows alone but not together.

use std::collections::BTreeMap;

use super::{Policy, PolicyMistake};
use crate::ids::ProviderName;

/// Everything in a policy that contradicts something else in it.
pub(super) fn contradictions(policy: &Policy) -> Vec<PolicyMistake> {
    let mut mistakes = times(policy);
    mistakes.extend(clusters(policy));
    mistakes.extend(pairs(policy));
    mistakes.extend(control(policy));
    mistakes.extend(windows(policy));
    mistakes
}

fn times(policy: &Policy) -> Vec<PolicyMistake> {
    let verify = &policy.verify;
    let mut mistakes = Vec::new();
    let mut say = |path: &str, problem: String| mistakes.push(PolicyMistake::at(path, problem));
    if verify.dwell_seconds >= verify.max_deadline_seconds {
        say(
            "/verify/dwell_seconds",
            format!(
                "{} is not shorter than max_deadline_seconds ({}): no move could be stable in time",
                verify.dwell_seconds, verify.max_deadline_seconds
            ),
        );
    }
    if verify.poll_seconds >= verify.max_deadline_seconds {
        say(
            "/verify/poll_seconds",
            format!(
                "{} is not shorter than max_deadline_seconds ({}): a deadline could pass between two looks",
                verify.poll_seconds, verify.max_deadline_seconds
            ),
        );
    }
    if verify.quarantine_seconds > verify.max_quarantine_seconds {
        say(
            "/verify/quarantine_seconds",
            format!(
                "{} is longer than max_quarantine_seconds ({})",
                verify.quarantine_seconds, verify.max_quarantine_seconds
            ),
        );
    }
    mistakes
}

fn clusters(policy: &Policy) -> Vec<PolicyMistake> {
    let twice = policy.clusters.iter().enumerate().filter_map(|(index, cluster)| {
        let first = policy.clusters.iter().position(|other| other == cluster)?;
        (first < index).then(|| {
            PolicyMistake::at(&format!("/clusters/{index}"), format!("{cluster} stands already at /clusters/{first}"))
        })
    });
    let left_out = policy
        .cluster_budgets
        .keys()
        .filter(|cluster| !policy.clusters.is_empty() && !policy.clusters.contains(cluster))
        .map(|cluster| {
            let problem = "has a budget but is not among /clusters: add it there, or take the budget away".to_owned();
            PolicyMistake::at(&format!("/cluster_budgets/{cluster}"), problem)
        });
    twice.chain(left_out).collect()
}

fn pairs(policy: &Policy) -> Vec<PolicyMistake> {
    let mut mistakes = Vec::new();
    // Where each provider was first named, and on which side.
    let mut seen: BTreeMap<&ProviderName, (usize, &str)> = BTreeMap::new();
    for (index, pair) in policy.pairs.iter().enumerate() {
        for (side, provider) in [("on_demand", &pair.on_demand), ("spot", &pair.spot)] {
            let Some((first, first_side)) = seen.get(provider).copied() else {
                seen.insert(provider, (index, side));
                continue;
            };
            let problem =
                format!("{provider} stands already at /pairs/{first}/{first_side}: a provider has one partner");
            mistakes.push(PolicyMistake::at(&format!("/pairs/{index}/{side}"), problem));
        }
    }
    mistakes
}

fn control(policy: &Policy) -> Vec<PolicyMistake> {
    let control = &policy.control;
    let mut mistakes = Vec::new();
    if control.poor_score >= control.good_score {
        let problem = format!("{} is not below good_score ({})", control.poor_score, control.good_score);
        mistakes.push(PolicyMistake::at("/control/poor_score", problem));
    }
    if control.dry_seconds > control.max_dry_seconds {
        let problem = format!("{} is longer than max_dry_seconds ({})", control.dry_seconds, control.max_dry_seconds);
        mistakes.push(PolicyMistake::at("/control/dry_seconds", problem));
    }
    mistakes
}

fn windows(policy: &Policy) -> Vec<PolicyMistake> {
    let mut mistakes = Vec::new();
    for (index, window) in policy.windows.iter().enumerate() {
        let mut say = |field: &str, problem: String| {
            mistakes.push(PolicyMistake::at(&format!("/windows/{index}{field}"), problem));
        };
        if window.once.is_some() == window.weekly.is_some() {
            say("", "needs either once or weekly".to_owned());
        }
        if window.time_zone.zone().is_none() {
            let given = &window.time_zone.0;
            say("/time_zone", format!("{given:?} is no time zone: write an IANA name, such as Europe/Berlin or UTC"));
        }
        if window.once.is_some_and(|once| once.from >= once.to) {
            say("/once/to", "is not after from".to_owned());
        }
    }
    mistakes
}
