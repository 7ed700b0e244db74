//! What must not be forgotten: the ledger of each service, the record of each move and run,
//! leases and the lock, and groups that were turned.

mod ledger;
mod moves;
mod run;
mod turn;

pub use ledger::*;
pub use moves::*;
pub use run::*;
pub use turn::*;
