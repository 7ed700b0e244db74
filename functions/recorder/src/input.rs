//! The input of an execution, checked so that every mistake is named before anything is written.

use jiff::Timestamp;
use serde_json::Value;
use spotkeeper_core::interface::{ExecutionInput, SwitchInput};
use spotkeeper_core::record::RunMode;
use spotkeeper_core::switch::{Lever, SwitchEntry, SwitchState};
use spotkeeper_lambda::{Failure, parse};

/// The longest reason.
const MAX_REASON: usize = 256;

/// What an execution was started for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wish {
    /// An ordinary run, or a dry one.
    Run {
        /// Write nothing to the fleet.
        dry: bool,
    },
    /// Throw a switch.
    SwitchOn(SwitchEntry),
    /// Release a switch; then an ordinary run.
    SwitchOff(SwitchInput),
    /// Bring originals back.
    Restore(RunMode),
}

/// Parses and checks an execution's input. `lever` says whether the stack may turn groups.
///
/// # Errors
/// `InvalidInput` with every mistake.
pub(crate) fn check(input: &Value, who: &str, lever: bool, now: Timestamp) -> Result<(ExecutionInput, Wish), Failure> {
    let input: ExecutionInput = parse(input)?;
    let mut mistakes = Vec::new();
    let purposes = [input.dry_run, input.switch.is_some(), input.restore.is_some()];
    if purposes.iter().filter(|purpose| **purpose).count() > 1 {
        mistakes.push("dry_run, switch and restore exclude each other: start one execution for each".to_owned());
    }
    if !input.clusters.is_empty() && (input.switch.is_some() || input.restore.is_some()) {
        mistakes.push("clusters goes with ordinary and dry runs alone: a switch and a restore have a scope".to_owned());
    }
    if let Some(switch) = &input.switch {
        mistakes.extend(switch_mistakes(switch, lever, now));
    }
    if !mistakes.is_empty() {
        return Err(Failure::invalid(mistakes.join("; ")));
    }
    let wish = match (&input.switch, &input.restore) {
        (Some(switch), _) if switch.state == SwitchState::On => Wish::SwitchOn(entry(switch, who, now)),
        (Some(switch), _) => Wish::SwitchOff(switch.clone()),
        (None, Some(restore)) => Wish::Restore(RunMode::Restore { scope: restore.scope.clone() }),
        (None, None) => Wish::Run { dry: input.dry_run },
    };
    Ok((input, wish))
}

fn switch_mistakes(switch: &SwitchInput, lever: bool, now: Timestamp) -> Vec<String> {
    let mut mistakes = Vec::new();
    let length = switch.reason.chars().count();
    if !(1..=MAX_REASON).contains(&length) {
        mistakes.push(format!("switch.reason has {length} characters: 1 to {MAX_REASON} are allowed"));
    }
    if let Some(until) = switch.until.filter(|until| *until <= now) {
        mistakes.push(format!("switch.until is {until}, which has passed: give a time after {now}"));
    }
    if switch.state == SwitchState::On && switch.lever == Lever::Capacity && !lever {
        mistakes.push(
            "switch.lever is capacity, and this stack turns no groups: leave it out, or deploy the stack with \
             CapacityLever=on and tag the groups (docs/OPERATIONS.md)"
                .to_owned(),
        );
    }
    if switch.state == SwitchState::Off {
        let only_on = [
            ("until", switch.until.is_some()),
            ("preempt", switch.preempt),
            ("unenrolled", switch.unenrolled),
            ("lever", switch.lever != Lever::Strategy),
        ];
        for (field, given) in only_on {
            if given {
                mistakes.push(format!("switch.{field} says nothing when the state is off: leave it out"));
            }
        }
    }
    mistakes
}

fn entry(switch: &SwitchInput, who: &str, now: Timestamp) -> SwitchEntry {
    SwitchEntry {
        scope: switch.scope.clone(),
        reason: switch.reason.clone(),
        who: who.to_owned(),
        set_at: now,
        until: switch.until,
        preempt: switch.preempt,
        unenrolled: switch.unenrolled,
        lever: switch.lever,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn every_mistake_is_named() {
        let on = |more: Value| {
            let mut switch = json!({"scope": "all", "state": "on", "reason": "launch"});
            switch.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "switch": switch })
        };
        let cases: [(&str, Value, &[&str]); 14] = [
            ("the schedule's", json!({}), &[]),
            ("a dry run of one cluster", json!({"dry_run": true, "clusters": ["prod"]}), &[]),
            ("a switch", on(json!({"until": "2026-12-01T06:00:00Z", "preempt": true})), &[]),
            ("a lever of the default", on(json!({"lever": "strategy"})), &[]),
            (
                "a lever that the stack has not",
                on(json!({"lever": "capacity"})),
                &["turns no groups", "CapacityLever=on"],
            ),
            ("off with a lever", on(json!({"state": "off", "lever": "capacity"})), &["switch.lever"]),
            ("a restore", json!({"restore": {"scope": "cluster/prod"}}), &[]),
            ("an unknown field", json!({"dryrun": true}), &["dryrun"]),
            ("an unknown field of a switch", on(json!({"untill": "x"})), &["untill"]),
            ("a malformed scope", on(json!({"scope": "clusters/prod"})), &["clusters/prod", "cluster/NAME"]),
            ("a passed end", on(json!({"until": "2026-11-01T06:00:00Z"})), &["has passed"]),
            (
                "no reason, and a passed end",
                on(json!({"reason": "", "until": "2026-11-01T06:00:00Z"})),
                &["switch.reason", "switch.until"],
            ),
            (
                "a dry switch",
                json!({"dry_run": true, "switch": {"scope": "all", "state": "on", "reason": "x"}}),
                &["exclude each other"],
            ),
            ("off with an end", on(json!({"state": "off", "until": "2026-12-01T06:00:00Z"})), &["switch.until"]),
        ];
        for (name, input, expected) in cases {
            match check(&input, "somebody", false, now()) {
                Ok(_) => assert!(expected.is_empty(), "{name}: accepted"),
                Err(failure) => {
                    let text = failure.to_string();
                    assert!(!expected.is_empty(), "{name}: {text}");
                    for part in expected {
                        assert!(text.contains(part), "{name}: {text}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_switch_is_kept_as_it_was_asked_for() {
        for (scope, extra) in [("all", false), ("cluster/prod", true), ("service/prod/web", true)] {
            let input = json!({ "switch": {
                "scope": scope, "state": "on", "reason": "launch", "until": "2026-12-01T06:00:00Z",
                "preempt": extra, "unenrolled": extra, "lever": if extra { "capacity" } else { "strategy" },
            } });
            let expected = SwitchEntry {
                scope: spotkeeper_core::switch::Scope::parse(scope).unwrap(),
                reason: "launch".to_owned(),
                who: "arn:execution".to_owned(),
                set_at: now(),
                until: Some("2026-12-01T06:00:00Z".parse().unwrap()),
                preempt: extra,
                unenrolled: extra,
                lever: if extra { Lever::Capacity } else { Lever::Strategy },
            };
            assert_eq!(check(&input, "arn:execution", true, now()).unwrap().1, Wish::SwitchOn(expected), "{scope}");
        }
        let bare = json!({ "switch": { "scope": "all", "state": "on", "reason": "launch" } });
        let Wish::SwitchOn(entry) = check(&bare, "somebody", false, now()).unwrap().1 else { panic!("it is on") };
        let left_out = (entry.until, entry.preempt, entry.unenrolled, entry.lever);
        assert_eq!(left_out, (None, false, false, Lever::Strategy), "what is left out");
    }

    /// The samples that people copy: each is accepted, and as what its name says.
    #[test]
    fn every_sample_input_of_an_execution_is_accepted() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/orchestrator");
        let mut read = Vec::new();
        for file in std::fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let input = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let (input, wish) =
                check(&input, "somebody", true, now()).unwrap_or_else(|error| panic!("{name}: {error}"));
            let kind = match wish {
                Wish::Run { dry: false } if input.clusters.is_empty() => "everything",
                Wish::Run { dry: false } => "some clusters",
                Wish::Run { dry: true } => "dry",
                Wish::SwitchOn(_) => "on",
                Wish::SwitchOff(_) => "off",
                Wish::Restore(_) => "restore",
            };
            read.push((name, kind));
        }
        read.sort();
        let read: Vec<(&str, &str)> = read.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        let expected = [
            ("clusters", "some clusters"),
            ("dry-run", "dry"),
            ("restore", "restore"),
            ("schedule", "everything"),
            ("switch-off", "off"),
            ("switch-on", "on"),
            ("switch-on-capacity", "on"),
        ];
        assert_eq!(read, expected);
    }
}
