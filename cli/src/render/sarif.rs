//! SARIF 2.1.0 (OASIS standard), as code scanning takes it.
//!
//! What was not judged is a notification of the run and no result: it is nothing to mend by itself.

use serde_json::{Value, json};
use spotkeeper_core::assess::Rule;
use spotkeeper_core::files::judge::SERVICE_RULES;

use super::report::{FilePlace, Level, Report};

/// The published schema.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";
/// What ECS itself would refuse.
const DEFINITION: &str = "definition";

pub(crate) fn log(report: &Report) -> Value {
    let rules: Vec<Value> = SERVICE_RULES.iter().map(|rule| descriptor(*rule)).chain([definition()]).collect();
    let index = |id: &str| rules.iter().position(|rule| rule["id"] == id);
    let results: Vec<Value> = report
        .findings()
        .map(|(subject, finding)| {
            json!({
                "ruleId": finding.rule,
                "ruleIndex": index(&finding.rule),
                "level": match finding.level { Level::Block => "error", Level::Warn => "warning" },
                "message": { "text": format!("{}: {}", subject.title(), finding.message) },
                "locations": [location(&finding.place)],
                "partialFingerprints": { "spotkeeper/v1": finding.fingerprint },
            })
        })
        .collect();
    let notifications: Vec<Value> = report
        .subjects
        .iter()
        .flat_map(|subject| subject.not_judged.iter().map(move |open| (subject, open)))
        .map(|(subject, open)| {
            let text = format!("{}: {} not judged: {}", subject.title(), open.rules.join(", "), open.why);
            json!({ "level": "note", "message": { "text": text }, "locations": [location(&open.place)] })
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "spotkeeper",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notifications }],
            "results": results,
        }],
    })
}

fn location(place: &FilePlace) -> Value {
    let (start, end) = (place.span.start, place.span.end);
    let mut region = json!({ "startLine": start.line, "startColumn": start.column });
    if end > start {
        region["endLine"] = json!(end.line);
        region["endColumn"] = json!(end.column);
    }
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri(&place.file) }, "region": region } })
}

/// A path as a reference of RFC 3986.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn descriptor(rule: Rule) -> Value {
    let (asks, help) = match rule {
        Rule::StopTimeout => ("Does every container stop well within the warning?", "Set stopTimeout below 120 s."),
        Rule::Redundancy => ("Are there two tasks or more, always?", "Set desiredCount and MinCapacity to 2 or more."),
        Rule::Stateless => {
            ("Does it keep nothing on volumes?", "Take the volume out, or allow its kind in the policy.")
        }
        Rule::Deregistration => (
            "Does every target group let go within the warning?",
            "Set deregistration_delay.timeout_seconds below 120 s; ELB's default is 300 s.",
        ),
        Rule::DrainBudget => (
            "Do draining and stopping, one after the other, fit the warning?",
            "Bring the drain delay, the stop timeouts and the margin to 120 s or less together.",
        ),
        Rule::Replaceable => (
            "Can ECS replace a task before its instance goes?",
            "Set minimumHealthyPercent below 100, and leave room to start or stop a task.",
        ),
        Rule::Image => ("Does a forced deployment run the same code?", "Name the image by its digest."),
        Rule::Discovery => (
            "Is it found by something that drains?",
            "Put a target group before it, or set discovery_drain_seconds in the policy.",
        ),
        Rule::Controller => ("Does the API take a strategy for it?", "Use the ECS deployment controller."),
        Rule::Enrolment => ("Do the tags of Spotkeeper say what they may?", "Write what docs/POLICY.md allows."),
        Rule::Protection | Rule::Capacity | Rule::Placement | Rule::ReturnPath | Rule::Settled | Rule::Quarantine => {
            ("A file does not decide it.", "Ask the account.")
        }
    };
    let level = match rule {
        Rule::Image | Rule::Discovery | Rule::Replaceable => "warning",
        _ => "error",
    };
    reporting(rule.name(), asks, help, level)
}

fn definition() -> Value {
    let asks = "Would ECS take the task definition?";
    reporting(DEFINITION, asks, "Mend what ECS refuses.", "warning")
}

fn reporting(id: &str, asks: &str, help: &str, level: &str) -> Value {
    json!({
        "id": id,
        "shortDescription": { "text": asks },
        "help": { "text": help },
        "defaultConfiguration": { "level": level },
    })
}
