//! AWS behind the ports of core, and the only library beside `spotkeeper-aws-ec2` that names an
//! AWS SDK.

pub mod client;
pub mod fleet;
pub mod installation;
pub mod orchestrator;
mod refusal;
pub mod session;
pub mod state;
pub mod telemetry;
pub mod wire;
