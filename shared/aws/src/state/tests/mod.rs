//! The state against modelled answers, and against MiniStack's DynamoDB and SSM.

mod live;
mod mocks;

use jiff::Timestamp;
use spotkeeper_core::fixtures;
use spotkeeper_core::ids::MoveId;
use spotkeeper_core::observe::Family;
use spotkeeper_core::record::Ledger;
use spotkeeper_core::switch::{Scope, SwitchEntry};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn entry(scope: &str, reason: &str) -> SwitchEntry {
    SwitchEntry { reason: reason.to_owned(), ..fixtures::switch(Scope::parse(scope).unwrap()) }
}

fn ledger(name: &str, fence: u64) -> Ledger {
    Ledger { fence, ..fixtures::ledger(&fixtures::service(name, Family::Fargate)) }
}

fn move_id(text: &str) -> MoveId {
    MoveId::parse(text).unwrap()
}
