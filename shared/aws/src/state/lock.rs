//! The run lock: one run at a time may move up.

use jiff::Timestamp;
use spotkeeper_core::ids::RunId;
use spotkeeper_core::ports::PortError;
use spotkeeper_core::record::Lock;

use super::items::{Key, body_of, number, text, with_body};
use super::table::{ATTEMPTS, Condition, Table, pause};

fn key() -> Key {
    Key::new("lock", "run")
}

/// Takes the lock, or keeps it. `Err` inside is who has it.
pub(super) async fn take(
    table: &Table,
    run: &RunId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Result<Lock, Lock>, PortError> {
    let key = key();
    let lock = Lock { run: run.clone(), until };
    for attempt in 1..=ATTEMPTS {
        let mut item = with_body(&key, &lock)?;
        item.insert("run".to_owned(), text(run.as_str()));
        item.insert("until".to_owned(), number(until.as_millisecond()));
        let free = Condition::new(
            "attribute_not_exists(#pk) OR #run = :run OR #until <= :now",
            [(":run", text(run.as_str())), (":now", number(now.as_millisecond()))],
        );
        let held_by = match table.put_if(item, free).await? {
            Ok(()) => return Ok(Ok(lock)),
            Err(Some(held)) => Some(held),
            Err(None) => table.get(&key).await?,
        };
        if let Some(held) = held_by {
            return Ok(Err(body_of(&held)?));
        }
        // It was given back in between.
        pause(attempt).await;
    }
    Err(PortError::Conflict { subject: "the run lock".to_owned() })
}

/// Gives the lock back, if this run has it.
pub(super) async fn release(table: &Table, run: &RunId) -> Result<(), PortError> {
    let own = Condition::new("#run = :run", [(":run", text(run.as_str()))]);
    table.delete_if(&key(), own).await.map(|_| ())
}
