//! Early runs: at most one of a cluster in a time.

use jiff::{SignedDuration, Timestamp};
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::ports::PortError;

use super::items::{Key, expiring, number};
use super::table::{Condition, Table};

/// How long an item outlives its time, which has come long before.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

fn key(cluster: &ClusterName) -> Key {
    Key::new("early-run", cluster.as_str())
}

/// Takes the right to start one; `false` where it is taken for longer than until `now`.
pub(super) async fn take(
    table: &Table,
    cluster: &ClusterName,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, PortError> {
    let mut item = key(cluster).item();
    item.insert("until".to_owned(), number(until.as_millisecond()));
    let free = Condition::new("attribute_not_exists(#pk) OR #until <= :now", [(":now", number(now.as_millisecond()))]);
    Ok(table.put_if(expiring(item, KEPT), free).await?.is_ok())
}

/// Gives it back, if it is still the one that was taken until then.
pub(super) async fn release(table: &Table, cluster: &ClusterName, until: Timestamp) -> Result<(), PortError> {
    let own = Condition::new("#until = :until", [(":until", number(until.as_millisecond()))]);
    table.delete_if(&key(cluster), own).await.map(|_| ())
}
