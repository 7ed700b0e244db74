//! The state against modelled answers, and against MiniStack's DynamoDB and SSM.

mod live;
mod mocks;

use jiff::Timestamp;
use spotkeeper_core::fixtures;
use spotkeeper_core::ids::{MoveId, RunId};
use spotkeeper_core::observe::{Family, PlacedBy};
use spotkeeper_core::plan::{Fingerprint, Move, MoveCause, MoveKind};
use spotkeeper_core::record::{Ledger, MoveRecord};
use spotkeeper_core::strategy::Strategy;
use spotkeeper_core::switch::{Scope, SwitchEntry};
use spotkeeper_core::units::Seconds;

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

fn record(run: &RunId, id: &str) -> MoveRecord {
    let pair = fixtures::pair(Family::Fargate);
    let on_demand = Strategy::only(pair.on_demand.clone());
    MoveRecord::new(Move {
        id: move_id(id),
        run: run.clone(),
        service: fixtures::service_ref("web"),
        kind: MoveKind::Up,
        cause: MoveCause::Budget,
        before: PlacedBy::Strategy(on_demand.clone()),
        after: PlacedBy::Strategy(Strategy::over(&pair.on_demand, &pair.spot, 1, 1, 1)),
        spot_tasks: 2,
        desired: 4,
        fingerprint: Fingerprint("f".to_owned()),
        deadline: Seconds(600),
        undo: None,
        fall_back: on_demand,
        wave: 0,
        suitability: 50,
        pair,
    })
}
