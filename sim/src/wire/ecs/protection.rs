//! Task scale-in protection.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::Failure;
use super::{bounded, read};
use crate::wire::{epoch, write};
use crate::world::arn::short_name;
use crate::world::tasks::{Phase, Task};
use crate::world::{Refusal, TaskId, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Get {
    cluster: String,
    #[serde(default)]
    tasks: Vec<String>,
}

pub(super) fn get(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: Get = read(input)?;
    // "A list of up to 100 task IDs or full ARN entries" (GetTaskProtection.tasks).
    bounded("Tasks", call.tasks.len(), 100)?;
    let (found, failures) = find(world, &call.cluster, &call.tasks)?;
    answer(world, &found, &failures)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    cluster: String,
    tasks: Vec<String>,
    protection_enabled: bool,
    expires_in_minutes: Option<i64>,
}

pub(super) fn update(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: Update = read(input)?;
    // "A list of up to 10 task IDs or full ARN entries" (UpdateTaskProtection.tasks).
    bounded("Tasks", call.tasks.len(), 10)?;
    // "You can specify a value from 1 minute to up to 2,880 minutes (48 hours) … If you don't specify
    // the time, then the task is automatically protected for 120 minutes" (expiresInMinutes).
    let minutes = u32::try_from(call.expires_in_minutes.unwrap_or(120))
        .ok()
        .filter(|minutes| (1..=2_880).contains(minutes))
        .ok_or_else(|| Refusal::invalid("expiresInMinutes must be between 1 and 2880."))?;
    let (found, failures) = find(world, &call.cluster, &call.tasks)?;
    for id in &found {
        world.protect_task(id, call.protection_enabled.then_some(minutes));
    }
    answer(world, &found, &failures)
}

/// The tasks that can be protected, and what the others fail with.
fn find(world: &World, cluster: &str, names: &[String]) -> Result<(Vec<TaskId>, Vec<Failure>), Refusal> {
    let cluster = &world.cluster(Some(cluster))?.name;
    let here = |t: &&Task| t.service.cluster == *cluster && t.phase != Phase::Stopped;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match world.tasks.get(short_name(name)).filter(here) {
            Some(task) => found.push(task.id.clone()),
            None => failures.push(Failure::missing(name.clone())),
        }
    }
    Ok((found, failures))
}

fn answer(world: &World, found: &[TaskId], failures: &[Failure]) -> Result<Value, Refusal> {
    let shown: Vec<Value> = found
        .iter()
        .filter_map(|id| world.tasks.get(id))
        .map(|t| {
            let until = t.protected_until.filter(|until| *until > world.now());
            json!({"taskArn": t.arn, "protectionEnabled": until.is_some(), "expirationDate": until.map(epoch)})
        })
        .collect();
    Ok(json!({"protectedTasks": shown, "failures": write(&failures)?}))
}
