//! The bucket that all writes of switch runs share. It has no TTL: it is one small item.

use jiff::Timestamp;
use spotkeeper_core::pace::{WriteBucket, WritePace};
use spotkeeper_core::ports::PortError;

use super::items::{Item, Key, corrupt, number, number_of};
use super::table::{ATTEMPTS, Condition, Table, pause};

fn key() -> Key {
    Key::new("pace", "update-service")
}

fn bucket_of(item: &Item) -> Result<WriteBucket, PortError> {
    let full_at = number_of(item, "full_at").and_then(|micros| i64::try_from(micros).ok());
    let full_at = full_at.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let full_at = full_at.ok_or_else(|| corrupt(&key(), "full_at is no time in microseconds".to_owned()))?;
    Ok(WriteBucket { full_at })
}

/// Takes so many or fewer, and answers when each may be sent.
pub(super) async fn take(
    table: &Table,
    pace: WritePace,
    wanted: u32,
    now: Timestamp,
) -> Result<Vec<Timestamp>, PortError> {
    change(table, |bucket| pace.take(bucket, wanted, now)).await
}

/// Gives so many back; where there is no bucket, it is full.
pub(super) async fn give_back(table: &Table, pace: WritePace, number: u32) -> Result<(), PortError> {
    let full = WriteBucket { full_at: Timestamp::UNIX_EPOCH };
    change(table, |bucket| (bucket.map_or(full, |bucket| pace.give_back(bucket, number)), ())).await
}

/// Writes the bucket over the one that was read, and over no other. Where the answer to a write is lost and
/// the SDK sends it again, it is not recognised, and the tokens are taken twice: some seconds' worth at the
/// most.
async fn change<T>(table: &Table, after: impl Fn(Option<WriteBucket>) -> (WriteBucket, T)) -> Result<T, PortError> {
    let key = key();
    let mut there = table.get(&key).await?;
    for attempt in 1..=ATTEMPTS {
        let seen = there.as_ref().map(bucket_of).transpose()?;
        let (bucket, answer) = after(seen);
        let unchanged = match seen {
            Some(seen) => Condition::new("#full_at = :seen", [(":seen", number(seen.full_at.as_microsecond()))]),
            None => Condition::new("attribute_not_exists(#pk)", []),
        };
        let mut item = key.item();
        item.insert("full_at".to_owned(), number(bucket.full_at.as_microsecond()));
        match table.put_if(item, unchanged).await? {
            Ok(()) => return Ok(answer),
            Err(Some(other)) => there = Some(other),
            Err(None) => there = table.get(&key).await?,
        }
        pause(attempt).await;
    }
    Err(PortError::Conflict { subject: "the pace of writes".to_owned() })
}
