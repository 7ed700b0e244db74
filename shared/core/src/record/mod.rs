//! What must not be forgotten: the ledger of each service, the record of each move and run,
//! leases and the lock.

mod ledger;
mod moves;
mod run;

pub use ledger::*;
pub use moves::*;
pub use run::*;
