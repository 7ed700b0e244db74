//! Task definitions.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{paging, read};
use crate::wire::write;
use crate::world::task_definitions::TaskDefinition;
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    family_prefix: Option<String>,
    status: Option<String>,
    sort: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

fn status(t: &TaskDefinition) -> &str {
    t.status.as_deref().unwrap_or("ACTIVE")
}

/// "task definitions are listed lexicographically by family name and in ascending numerical order by
/// revision" (sort): ten digits hold any revision, and a space sorts before all that a name can have.
fn key(t: &TaskDefinition) -> String {
    format!("{} {:010}", t.family, t.revision)
}

pub(super) fn list(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: List = read(input)?;
    let wanted = call.status.as_deref().unwrap_or("ACTIVE");
    // "Specifying a familyPrefix limits the listed task definitions to task definition revisions that
    // belong to that family": the full name, in spite of its own.
    let found = world
        .task_definitions
        .values()
        .filter(|t| status(t) == wanted && call.family_prefix.as_ref().is_none_or(|f| *f == t.family));
    let mut keys: Vec<String> = found.map(|t| key(t)).collect();
    if call.sort.as_deref() == Some("DESC") {
        keys.reverse();
    }
    // "If this parameter isn't used, then ListTaskDefinitions returns up to 100 results" (maxResults).
    let (keys, next) = paging(&call.next_token, call.max_results).cut(keys, 100, 1..=100)?;
    let arns: Vec<String> = keys
        .iter()
        .filter_map(|k| world.task_definitions.values().find(|t| key(t) == *k))
        .map(|t| world.arns.task_definition(&t.family, t.revision))
        .collect();
    Ok(json!({"taskDefinitionArns": arns, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListFamilies {
    family_prefix: Option<String>,
    status: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

pub(super) fn list_families(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: ListFamilies = read(input)?;
    let of_status = |family: &str| {
        let active = world.task_definitions.values().any(|t| t.family == family && status(t) == "ACTIVE");
        match call.status.as_deref() {
            Some("ACTIVE") => active,
            Some("INACTIVE") => !active,
            _ => true,
        }
    };
    let mut families: Vec<String> = world
        .task_definitions
        .values()
        .map(|t| t.family.clone())
        .filter(|f| call.family_prefix.as_ref().is_none_or(|prefix| f.starts_with(prefix.as_str())) && of_status(f))
        .collect();
    families.dedup();
    let (families, next) = paging(&call.next_token, call.max_results).cut(families, 100, 1..=100)?;
    Ok(json!({"families": families, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Describe {
    task_definition: String,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: Describe = read(input)?;
    let found = world.task_definition(&call.task_definition)?;
    let tags = call.include.iter().any(|i| i == "TAGS");
    Ok(json!({"taskDefinition": write(&*found)?, "tags": if tags { write(&found.tags)? } else { json!([]) }}))
}
