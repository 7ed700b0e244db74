//! The ledger: one item for each service, for as long as the table is there.

use spotkeeper_core::ids::ServiceArn;
use spotkeeper_core::observe::Cluster;
use spotkeeper_core::ports::PortError;
use spotkeeper_core::record::Ledger;

use super::items::{Key, body_of, corrupt, number, number_of, text, with_body};
use super::table::{Condition, Table};

const PARTITION: &str = "ledger";

/// The key of a service's ledger: its ARN, with the cluster put in where it is of the old format
/// without one (`service/NAME`), so that a cluster's ledgers stand together.
fn key(arn: &ServiceArn, cluster: &str) -> Key {
    let arn = arn.as_str();
    let sk = match arn.split_once(":service/") {
        Some((prefix, name)) if !name.contains('/') => format!("{prefix}:service/{cluster}/{name}"),
        _ => arn.to_owned(),
    };
    Key::new(PARTITION, sk)
}

fn is_of_old_format(arn: &ServiceArn) -> bool {
    arn.as_str().split_once(":service/").is_some_and(|(_, name)| !name.contains('/'))
}

/// The ledgers of a cluster's services.
pub(super) async fn of_cluster(table: &Table, cluster: &Cluster) -> Result<Vec<Ledger>, PortError> {
    let Some((prefix, name)) = cluster.arn.split_once(":cluster/") else {
        return Err(corrupt(&Key::new(PARTITION, &cluster.arn), "that is not the ARN of a cluster".to_owned()));
    };
    let items = table.query(PARTITION, &format!("{prefix}:service/{name}/"), None, None).await?;
    items.iter().map(body_of).collect()
}

/// The ledger of one service.
pub(super) async fn read(table: &Table, service: &ServiceArn) -> Result<Option<Ledger>, PortError> {
    if is_of_old_format(service) {
        // The ARN does not name the cluster: look through all. Such services are rare and old.
        let is_it = Condition::new("#arn = :arn", [(":arn", text(service.as_str()))]);
        let items = table.query(PARTITION, "", None, Some(is_it)).await?;
        return items.first().map(body_of).transpose();
    }
    table.get(&key(service, "")).await?.as_ref().map(body_of).transpose()
}

/// Writes a ledger, unless one stands that was written under a newer lease.
pub(super) async fn put(table: &Table, ledger: &Ledger) -> Result<(), PortError> {
    let key = key(&ledger.service.arn, ledger.service.cluster.as_str());
    let mut item = with_body(&key, ledger)?;
    item.insert("fence".to_owned(), number(ledger.fence));
    item.insert("arn".to_owned(), text(ledger.service.arn.as_str()));
    let not_older =
        Condition::new("attribute_not_exists(#fence) OR #fence <= :fence", [(":fence", number(ledger.fence))]);
    let put = table.put_if(item, not_older).await?;
    put.map_err(|_| PortError::Conflict { subject: format!("the ledger of {}", ledger.service) })
}

/// The fence of a service's ledger; 0 where there is none.
pub(super) async fn fence(table: &Table, service: &ServiceArn, cluster: &str) -> Result<u64, PortError> {
    let item = table.get(&key(service, cluster)).await?;
    Ok(item.and_then(|item| number_of(&item, "fence")).unwrap_or(0))
}
