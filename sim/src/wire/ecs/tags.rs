//! Tags of clusters, services, task definitions and capacity providers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::read;
use crate::wire::write;
use crate::world::shapes::Tag;
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    resource_arn: String,
}

pub(super) fn list(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: List = read(input)?;
    Ok(json!({"tags": write(world.tags(&call.resource_arn)?)?}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TagResource {
    resource_arn: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: TagResource = read(input)?;
    world.change_tags(&call.resource_arn, call.tags, &[])?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: UntagResource = read(input)?;
    world.change_tags(&call.resource_arn, Vec::new(), &call.tag_keys)?;
    Ok(json!({}))
}
