//! Random worlds of a day each, every promise checked at each step.
//!
//! `PROPTEST_RNG_SEED` is where the seeds begin (14 in CI), `RANDOM_WORLDS` how many there are, and
//! `RANDOM_WORLD` makes one alone and prints its whole journal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use spotkeeper_virtual_time::promises::Coverage;
use spotkeeper_virtual_time::random::{Lived, choices, live_through, never_varied};

/// How many worlds there are.
const WORLDS: u64 = 200;

/// What at least must have been seen in them, or they prove nothing.
const LEAST: Coverage = Coverage {
    writes: 2_000,
    up: 800,
    down: 600,
    rebalanced: 3,
    // They come in clusters: 12 in 144 worlds, none in the first 64 of these. Scenarios have them for certain.
    retries: 0,
    undone: 20,
    fallen_back: 80,
    superseded: 40,
    alarmed: 15,
    droughts: 80,
    reverts: 50,
    most_reverts: 2,
    crowded: 2,
    blinded: 800,
    managed: 200,
    on_groups: 110,
    shifted: 90,
    breaths: 3_000,
    drained: 130,
    protected: 300,
    occurrences: 4_000,
    cuts: 1_000,
    raises: 1_000,
    windows: 300,
    dials: 400,
    turned: 10,
    turned_back: 5,
    switches: 180,
    executions: 15_000,
    overlaps: 200,
    faults: 1_000,
    most_in_flight: 2,
};

/// In how many worlds each reading of what AWS leaves undocumented must have been lived through.
const LEAST_OF_EACH_READING: u32 = 20;

/// What was seen in all worlds.
#[derive(Default)]
struct Seen {
    coverage: Coverage,
    broken: Vec<String>,
    /// Worlds by setting and its value.
    readings: BTreeMap<(&'static str, String), u32>,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_promise_holds_in_random_worlds() {
    if let Some(seed) = number("RANDOM_WORLD") {
        let lived = live_through(seed).unwrap();
        println!("{}\n{:#?}", lived.journal, lived.coverage);
        assert!(lived.broken.is_empty(), "{}", told(&lived));
        return;
    }
    let worlds = number("RANDOM_WORLDS").unwrap_or(WORLDS);
    let first = number("PROPTEST_RNG_SEED").unwrap_or(14) * 1_000_000;
    let next = AtomicU64::new(first);
    let seen = Mutex::new(Seen::default());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < first + worlds)
                {
                    let lived = live_through(seed).unwrap();
                    let mut seen = seen.lock().unwrap();
                    seen.coverage = seen.coverage.and(lived.coverage);
                    for (setting, value) in &lived.settings {
                        *seen.readings.entry((*setting, value.to_string())).or_default() += 1;
                    }
                    if !lived.broken.is_empty() {
                        seen.broken.push(told(&lived));
                    }
                }
            });
        }
    });
    let Seen { coverage, mut broken, readings } = seen.into_inner().unwrap();
    println!("{worlds} worlds: {coverage:#?}");
    broken.sort();
    assert!(broken.is_empty(), "{} of {worlds} worlds break a promise:\n\n{}", broken.len(), broken.join("\n\n"));
    if worlds >= WORLDS {
        let short = coverage.short_of(&LEAST);
        assert!(short.is_empty(), "too little was seen of: {short:?}");
        let mut rare = Vec::new();
        for (setting, all) in choices() {
            let worlds = |value: &Value| readings.get(&(setting, value.to_string())).copied().unwrap_or_default();
            let few = all.iter().filter(|value| worlds(value) < LEAST_OF_EACH_READING);
            rare.extend(few.map(|value| format!("{setting}: {value}")));
        }
        assert!(rare.is_empty(), "too few worlds read AWS so: {rare:?}");
    }
}

/// "Under every setting of the undocumented": a setting that is new in the simulator is varied too.
#[test]
fn every_setting_is_varied() {
    assert_eq!(never_varied(), Vec::<String>::new());
}

fn told(lived: &Lived) -> String {
    let broken: Vec<String> = lived.broken.iter().take(5).map(ToString::to_string).collect();
    format!("seed {} (RANDOM_WORLD={} makes it again):\n{}\n{}", lived.seed, lived.seed, broken.join("\n"), lived.tail)
}
