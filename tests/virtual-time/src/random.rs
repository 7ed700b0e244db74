//! Worlds made from a seed: an account, settings of what AWS leaves undocumented, a policy, and a
//! day in which everything goes wrong that can, until it is left alone for its last hours.

mod account;
mod lever;
mod settings;
mod troubles;

use aws_sim::world::World;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use spotkeeper_core::policy::{Policy, checked};

use crate::day::{Day, live};
use crate::ports::AccountPace;
use crate::promises::{Broken, Coverage};
use crate::simulation::{Simulation, in_virtual_time};
use crate::tables::Tables;

pub use settings::{Chosen, choices, never_varied};

/// How long a random world lasts.
pub const DURATION: SignedDuration = SignedDuration::from_hours(24);
/// When nothing goes wrong in it any more.
pub const CALM: SignedDuration = SignedDuration::from_hours(19);
/// How long the fleet on AWS keeps the reading of a target group at the most.
const TARGET_GROUPS_KEPT: SignedDuration = SignedDuration::from_hours(6);
/// How many lines of a journal a failure shows.
const TAIL: usize = 60;

/// How a random world went.
#[derive(Debug)]
pub struct Lived {
    /// The seed that makes it again.
    pub seed: u64,
    /// The promises that were broken.
    pub broken: Vec<Broken>,
    /// What was seen.
    pub coverage: Coverage,
    /// How it reads what AWS leaves undocumented.
    pub settings: Chosen,
    /// The end of its journal.
    pub tail: String,
    /// The whole of it.
    pub journal: String,
}

/// Makes a world and lives through its day.
///
/// # Errors
/// What of it could not be made: a mistake of this generator.
pub fn live_through(seed: u64) -> Result<Lived, String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let start = Timestamp::from_second(1_767_225_600).map_err(|error| error.to_string())?;
    let settings = settings::choose(&mut rng);
    // Drawn from by the lever alone: nothing else of a world hangs on it.
    let mut of_lever = fastrand::Rng::with_seed(seed ^ lever::SEED);
    let mut account = account::account(&mut rng, &settings::as_json(&settings));
    lever::allow(&mut of_lever, &mut account);
    let world = aws_sim::account::parse(&account.to_string(), "a random account", start);
    let world = world.map_err(|error| format!("seed {seed}: {error}"))?;
    let policy = policy(&mut rng);
    let schedule = SignedDuration::from_mins(rng.i64(5..=30));
    let mut happenings = troubles::troubles(&mut rng, &world);
    happenings.extend(troubles::ceilings(&mut rng, &world, &policy));
    lever::ask(&mut of_lever, &world, &mut happenings);
    let day = Day { schedule: Some(schedule), scores: Some(crate::scorer::PERIOD), duration: DURATION, happenings };
    in_virtual_time(lived(seed, world, settings, policy, &day)).map_err(|error| error.to_string())
}

async fn lived(seed: u64, world: World, settings: Chosen, policy: Policy, day: &Day) -> Lived {
    let pace = AccountPace::of(&world);
    let simulation = Simulation::start(world, Tables::new(Ok(policy)), seed);
    simulation.with(|inner| {
        // What goes wrong lasts half an hour at the most, and the schedule may be as slow.
        inner.promises.patience = SignedDuration::from_mins(150);
        inner.latency = (5, 200);
        inner.pace = pace;
        // As on AWS in every other world; in the rest each target group is read anew.
        if seed % 2 == 1 {
            inner.keep_target_groups_for(TARGET_GROUPS_KEPT);
        }
    });
    live(&simulation, day).await;
    simulation.with(|inner| Lived {
        seed,
        broken: inner.promises.broken().to_vec(),
        coverage: inner.promises.coverage.with_tables(&inner.tables),
        settings,
        tail: inner.journal.tail(TAIL),
        journal: inner.journal.tail(usize::MAX),
    })
}

/// A policy that lets a lot happen in a day.
fn policy(rng: &mut fastrand::Rng) -> Policy {
    let percent = |rng: &mut fastrand::Rng| rng.u32(2..=10) * 10;
    let windows = if rng.u32(0..3) == 0 { json!([window(rng)]) } else { json!([]) };
    let document = json!({
        "mode": "active",
        "windows": windows,
        "enrolment": if rng.bool() { "opt_in" } else { "opt_out" },
        "budget": {
            "ceiling_percent": rng.u32(4..=10) * 10,
            "step_percent": percent(rng),
            "service_percent": rng.u32(3..=10) * 10,
            "floor": rng.u32(0..=2),
            "tolerance_percent": rng.u32(0..=2) * 10,
            "blast_radius_percent": rng.u32(3..=10) * 10,
        },
        "control": {
            "placement_score": if rng.u32(0..4) == 0 { "required" } else { "optional" },
            "raise_after_seconds": rng.u32(0..=2) * 900,
            "cool_down_seconds": rng.u32(0..=2) * 900,
            "dry_seconds": rng.u32(600..=3_600),
        },
        "rules": { "ec2_default_stop_timeout_seconds": 30, "grace_seconds": rng.u32(0..=1_800) },
        "pace": {
            "services_in_flight": rng.u32(1..=4),
            "moves_per_run": rng.u32(1..=10),
            "restart_percent": rng.u32(4..=10) * 10,
            "rest_seconds": rng.u32(1..=6) * 900,
            "down_wave_percent": percent(rng),
        },
        "verify": {
            "dwell_seconds": rng.u32(0..=180),
            "poll_seconds": rng.u32(5..=60),
            "attempts": rng.u32(1..=3),
            "drought_seconds": rng.u32(60..=600),
            "max_deadline_seconds": rng.u32(900..=3_600),
            "quarantine_seconds": rng.u32(600..=7_200),
        },
    });
    checked(document).unwrap_or_else(|mistakes| unreachable!("a random policy has mistakes: {mistakes:?}"))
}

/// An hour or more of every day in which less may be on Spot.
fn window(rng: &mut fastrand::Rng) -> serde_json::Value {
    json!({
        "name": "busy", "ceiling_percent": rng.u32(0..=5) * 10, "time_zone": "Europe/Dublin",
        "weekly": {
            "days": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
            "at": format!("{:02}:00", rng.u32(3..=15)), "for_minutes": rng.u32(60..=240),
        },
    })
}
