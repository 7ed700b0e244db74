//! Security Token Service: AWS Query, version 2011-06-15. Whoever asks is the same.

use serde_json::{Value, json};

use super::Handler;
use crate::world::{Refusal, World};

pub(super) const CALLS: &[(&str, Handler)] = &[("GetCallerIdentity", |w, _| identity(w))];

/// An assumed role of the account: nobody's credentials are looked at.
fn identity(world: &World) -> Result<Value, Refusal> {
    let account = &world.arns.account;
    Ok(json!({
        "UserId": "AROASIMULATEDACCOUNT0:session",
        "Account": account,
        "Arn": format!("arn:aws:sts::{account}:assumed-role/aws-sim/session"),
    }))
}
