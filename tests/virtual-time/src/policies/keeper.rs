//! Spotkeeper's month: the functions' own handlers in virtual time, as in every other simulation here.

use jiff::SignedDuration;
use serde_json::Value;
use spotkeeper_core::policy::{Policy, checked};

use super::account;
use super::meter::Meter;
use super::month::Month;
use super::plan::Lived;
use super::rivals::PERIOD;
use crate::day;
use crate::ports::AccountPace;
use crate::scorer;
use crate::simulation::{Simulation, in_virtual_time};
use crate::tables::Tables;

/// How often the meter takes in what has changed, and what is past is thrown away, in seconds.
const TIDY: f64 = 3_600.0;
/// How long runs stay in the tables here: nothing looks further back, and a month of them fills the memory.
const KEPT: SignedDuration = SignedDuration::from_hours(48);

/// Lives through a month under a policy: what came of it, and the journal where that is wanted.
///
/// # Errors
/// What could not be made, or is mistaken.
pub fn live(policy: &Value, month: &Month, services: u32, tell: bool) -> Result<(Lived, String), String> {
    let policy = checked(policy.clone()).map_err(|mistakes| format!("the policy: {mistakes:?}"))?;
    in_virtual_time(lived(policy, month, services, tell)).map_err(|error| error.to_string())?
}

async fn lived(policy: Policy, month: &Month, services: u32, tell: bool) -> Result<(Lived, String), String> {
    let world = account::world(&month.market, services, month.seed, false)?;
    let start = world.now();
    let services = account::services(&world);
    let mut meter = Meter::new(start, &services);
    let simulation = Simulation::start(world, Tables::new(Ok(policy)), month.seed);
    simulation.with(|inner| {
        inner.promises.watching = false;
        // Rivals call as they like; Spotkeeper keeps to the account's rates.
        inner.pace = Some(AccountPace::default());
    });
    let period = SignedDuration::from_secs(i64::from(PERIOD));
    day::begin(&simulation, Some(period), Some(scorer::PERIOD));
    let mut calendar = month.calendar().peekable();
    let mut interruptions = 0;
    let mut until = 0.0;
    let moment = |seconds: f64| start + SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
    while until < month.seconds() {
        until = (until + TIDY).min(month.seconds());
        while let Some((at, turn)) = calendar.next_if(|(at, _)| *at < until) {
            simulation.sleep_until(moment(*at)).await;
            interruptions += simulation.with(|inner| turn.happen(&mut inner.world))?;
        }
        simulation.sleep_until(moment(until)).await;
        simulation.with(|inner| {
            meter.take(&mut inner.world);
            inner.forget_before(inner.world.now() - KEPT, tell);
        });
    }
    Ok(simulation.with(|inner| {
        let lived = Lived::of(&inner.world, &meter, month, interruptions);
        (lived, if tell { inner.journal.tail(usize::MAX) } else { String::new() })
    }))
}
