//! What lies behind the account before Spotkeeper looks for the first time.

use anyhow::Context;
use serde_json::{Value, json};
use spotkeeper_core::record::Ledger;
use spotkeeper_tests::api::DYNAMODB;
use spotkeeper_tests::sim::Simulator;
use spotkeeper_tests::stack::Stack;

/// Puts the ledger of `data/quarantine` into the table as a move up that failed an hour ago, and
/// was undone, would have left it.
pub(super) fn quarantine(stack: &Stack) -> anyhow::Result<()> {
    let arn = "arn:aws:ecs:us-east-1:000000000000:service/data/quarantine";
    let ledger = json!({
        "service": { "cluster": "data", "name": "quarantine", "arn": arn },
        "original": { "launch_type": "fargate" },
        "pair": { "on_demand": "FARGATE", "spot": "FARGATE_SPOT" },
        "last_write": null,
        "open": null,
        "last_up_at": "2026-01-01T00:00:00Z",
        "failures": 1,
        "reverts": 0,
        "quarantined_until": "2099-01-01T00:00:00Z",
        "quarantine_reason": "the new tasks failed their health checks",
        "unsafe_since": null,
        "skewed_since": null,
        "fence": 1,
    });
    let ledger: Ledger = serde_json::from_value(ledger).context("the ledger of data/quarantine is not one")?;
    let item = json!({
        "pk": { "S": "ledger" },
        "sk": { "S": arn },
        "arn": { "S": arn },
        "fence": { "N": ledger.fence.to_string() },
        "body": { "S": serde_json::to_string(&ledger)? },
    });
    stack.api.call(DYNAMODB, "PutItem", &json!({ "TableName": stack.output("TableName")?, "Item": item }))?;
    Ok(())
}

/// Starts a deployment of `data/settled` that does not come to rest: its new tasks crash.
pub(super) fn deployment(simulator: &Simulator) -> anyhow::Result<()> {
    let fault = |name: &str| -> Value { json!({ "fault": name, "cluster": "data", "service": "settled" }) };
    simulator.tell("/_sim/faults", &fault("new_tasks_crash"))?;
    simulator.tell("/_sim/faults", &fault("deploy"))
}
