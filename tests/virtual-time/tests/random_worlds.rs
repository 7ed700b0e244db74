//! Random worlds of a day each, every promise checked at each step.
//!
//! `PROPTEST_RNG_SEED` is where the seeds begin (14 in CI), `RANDOM_WORLDS` how many there are, and
//! `RANDOM_WORLD` makes one alone and prints its whole journal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use spotkeeper_virtual_time::promises::Coverage;
use spotkeeper_virtual_time::random::{Lived, live_through};

/// How many worlds there are.
const WORLDS: u64 = 200;

/// What at least must have been seen in them, or they prove nothing.
const LEAST: Coverage = Coverage {
    writes: 2_000,
    up: 800,
    down: 600,
    rebalanced: 3,
    undone: 20,
    fallen_back: 100,
    superseded: 40,
    alarmed: 15,
    droughts: 100,
    reverts: 50,
    most_reverts: 2,
    blinded: 1_000,
    switches: 200,
    executions: 15_000,
    overlaps: 200,
    faults: 1_000,
    most_in_flight: 2,
};

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
    let seen = Mutex::new((Coverage::default(), Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < first + worlds)
                {
                    let lived = live_through(seed).unwrap();
                    let mut seen = seen.lock().unwrap();
                    seen.0 = seen.0.and(lived.coverage);
                    if !lived.broken.is_empty() {
                        seen.1.push(told(&lived));
                    }
                }
            });
        }
    });
    let (coverage, mut broken) = seen.into_inner().unwrap();
    println!("{worlds} worlds: {coverage:#?}");
    broken.sort();
    assert!(broken.is_empty(), "{} of {worlds} worlds break a promise:\n\n{}", broken.len(), broken.join("\n\n"));
    if worlds >= WORLDS {
        let short = coverage.short_of(&LEAST);
        assert!(short.is_empty(), "too little was seen of: {short:?}");
    }
}

fn told(lived: &Lived) -> String {
    let broken: Vec<String> = lived.broken.iter().take(5).map(ToString::to_string).collect();
    format!("seed {} (RANDOM_WORLD={} makes it again):\n{}\n{}", lived.seed, lived.seed, broken.join("\n"), lived.tail)
}
