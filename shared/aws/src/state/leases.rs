//! Leases: who may work on a service, with a number that counts up.

use jiff::Timestamp;
use spotkeeper_core::ids::{ServiceArn, ServiceRef};
use spotkeeper_core::ports::{LeaseAnswer, PortError};
use spotkeeper_core::record::Lease;

use super::items::{Item, Key, body_of, number, with_body};
use super::ledgers;
use super::switches::{epoch_is, epoch_key};
use super::table::{ATTEMPTS, Condition, Table, pause};

const PARTITION: &str = "lease";

fn key(service: &ServiceArn) -> Key {
    Key::new(PARTITION, service.as_str())
}

fn item_of(lease: &Lease) -> Result<Item, PortError> {
    let mut item = with_body(&key(&lease.service.arn), lease)?;
    item.insert("fence".to_owned(), number(lease.fence));
    item.insert("until".to_owned(), number(lease.until.as_millisecond()));
    Ok(item)
}

/// Takes a lease, if nobody else has it and the switch epoch is still `epoch`.
///
/// Every taking counts the fence up, a renewal by the same holder too: an invocation of the same
/// move that was given up for dead, and is not, cannot write the ledger any more.
pub(super) async fn take(
    table: &Table,
    service: &ServiceRef,
    holder: &str,
    epoch: u64,
    now: Timestamp,
    until: Timestamp,
) -> Result<LeaseAnswer, PortError> {
    let key = key(&service.arn);
    for attempt in 1..=ATTEMPTS {
        let there: Option<Lease> = table.get(&key).await?.as_ref().map(body_of).transpose()?;
        let (seen, unchanged) = match there {
            Some(lease) if lease.until > now && lease.holder != holder => {
                return Ok(LeaseAnswer::HeldBy(lease));
            }
            Some(lease) => (lease.fence, Condition::new("#fence = :fence", [(":fence", number(lease.fence))])),
            None => {
                // The item may have been deleted by hand: the numbers go on from the ledger's.
                let fence = ledgers::fence(table, &service.arn, service.cluster.as_str()).await?;
                (fence, Condition::new("attribute_not_exists(#pk)", []))
            }
        };
        let lease = Lease { service: service.clone(), holder: holder.to_owned(), fence: seen + 1, epoch, until };
        let parts =
            vec![table.check_part(&epoch_key(), &epoch_is(epoch))?, table.put_part(item_of(&lease)?, Some(unchanged))?];
        match table.transact("dynamodb:PutItem", &key.to_string(), parts).await? {
            Ok(()) => return Ok(LeaseAnswer::Taken(lease)),
            Err(failed) if failed.first() == Some(&true) => return Ok(LeaseAnswer::SwitchChanged),
            // Somebody took it in between.
            Err(_) => pause(attempt).await,
        }
    }
    Err(PortError::Conflict { subject: format!("the lease of {service}") })
}

/// Ends a lease, if it is still held under its fence. The item stays: the next number is counted
/// from it.
pub(super) async fn release(table: &Table, lease: &Lease) -> Result<(), PortError> {
    let ended = Lease { until: Timestamp::UNIX_EPOCH, ..lease.clone() };
    let still = Condition::new("#fence = :fence", [(":fence", number(lease.fence))]);
    table.put_if(item_of(&ended)?, still).await.map(|_| ())
}

/// The leases that have not ended.
pub(super) async fn alive(table: &Table, now: Timestamp) -> Result<Vec<Lease>, PortError> {
    let alive = Condition::new("#until > :now", [(":now", number(now.as_millisecond()))]);
    let items = table.query(PARTITION, "", None, Some(alive)).await?;
    let leases: Vec<Lease> = items.iter().map(body_of).collect::<Result<_, _>>()?;
    // The attribute is cut to milliseconds.
    Ok(leases.into_iter().filter(|lease| lease.until > now).collect())
}
