//! Spotkeeper on the simulated AWS in virtual time: the functions' own handlers, walked along
//! core's phase table as the state machine walks it, with its retries, waits, timeouts and
//! concurrency. A day passes in a moment, and every step of it is held to the promises of
//! `docs/SAFETY.md`.
//!
//! | file | what is in it |
//! |---|---|
//! | `simulation` | the world, the tables and the journal behind one lock |
//! | `clock` | virtual time |
//! | `ports` | core's ports on it, with latency and faults at every call |
//! | `tables` | Spotkeeper's own memory, by the rules of the table in DynamoDB |
//! | `execution` | one execution of the state machine |
//! | `day` | the schedule and what others do at which time |
//! | `scorer` | the placement scorer on a schedule of its own |
//! | `journal` | what happened, a line each |
//! | `deaths` | functions that die at one of their calls |
//! | `promises` | S1 to S10 and S12, checked at each step |
//! | `queue` | the way of events to the interruption recorder |
//! | `told` | what metrics and events were told |
//! | `heard` | the events as somebody hears them, held to their published shape |
//! | `scenario` | the files of `tests/scenarios/` |
//! | `random` | worlds made from a seed |
//! | `policies` | months in which Spotkeeper and rivals meet the same hazards |

pub mod clock;
pub mod day;
pub mod deaths;
pub mod execution;
pub mod heard;
pub mod journal;
pub mod policies;
pub mod ports;
pub mod promises;
pub mod queue;
pub mod random;
pub mod scenario;
pub mod scorer;
pub mod simulation;
pub mod tables;
pub mod told;
