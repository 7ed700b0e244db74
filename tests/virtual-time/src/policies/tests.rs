//! The parts of the comparison, each on a small month.

use std::collections::BTreeMap;

use super::advisor::{Offer, Region};
use super::hazards::{self, Hazard, Kind, Market, Shortage};
use super::keeper;
use super::month::Month;
use super::plan::{Job, Scope, Who};
use super::rivals::{Rival, Wish, dealt, standing_in};
use super::scores::{self, Informativeness};
use super::versus;

fn regions() -> Vec<Region> {
    let offer = |name: &str, bucket| Offer { instance_type: name.to_owned(), memory_gib: 8, bucket, saving: 0.6 };
    let offers = vec![offer("c5.large", 0), offer("m5.large", 1), offer("m6i.large", 3), offer("r5.large", 4)];
    vec![Region { name: "here".to_owned(), offers }]
}

fn market(kind: Kind, seed: u64) -> Market {
    hazards::month(&regions(), kind, seed, 30).unwrap()
}

/// A month in which this happens, and nothing else.
fn month_of(hazards: Vec<(f64, Hazard)>, shortages: Vec<Shortage>, days: u32) -> Month {
    let offers = regions().remove(0).offers;
    let market = Market { region: "here".to_owned(), offers, hazards, shortages };
    Month::of(Kind::Ordinary, 1, days, market, Informativeness::Whole)
}

fn pools() -> Vec<String> {
    let offers = regions().remove(0).offers;
    let of = |offer: &Offer| hazards::ZONES.map(|zone| format!("{}/{zone}", offer.instance_type));
    offers.iter().flat_map(of).collect()
}

/// The Region gives nothing from the hour 12 to 24: all that is held is taken.
fn drought(days: u32) -> Month {
    let (from, to) = (12.0 * 3_600.0, 24.0 * 3_600.0);
    let mut events: Vec<(f64, Hazard)> = Vec::new();
    for pool in pools() {
        events.push((from, Hazard::Dry { pool: pool.clone(), on: true }));
        events.push((from, Hazard::Reclaim { pool: pool.clone(), part: 1.0, draw: 0.5 }));
        events.push((to, Hazard::Dry { pool, on: false }));
    }
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    month_of(events, vec![Shortage { zone: None, from, to }], days)
}

#[test]
fn a_month_is_the_same_for_the_same_seed_and_another_for_another() {
    for kind in [Kind::Ordinary, Kind::Harsh] {
        assert_eq!(market(kind, 7), market(kind, 7));
        assert_ne!(market(kind, 7).hazards, market(kind, 8).hazards);
    }
    assert!(market(Kind::Harsh, 7).hazards.len() > 2 * market(Kind::Ordinary, 7).hazards.len());
}

/// Over many months, what reclaims of pools take comes to what Spot Advisor says of each type.
#[test]
fn pools_are_reclaimed_as_often_as_the_bucket_says() {
    let mut taken: BTreeMap<String, f64> = BTreeMap::new();
    let months = 400;
    for seed in 0..months {
        let market = market(Kind::Ordinary, seed);
        for (at, hazard) in &market.hazards {
            let Hazard::Reclaim { pool, part, .. } = hazard else { continue };
            let (kind, zone) = pool.split_once('/').unwrap();
            let zone = hazards::ZONES.iter().position(|one| *one == zone).unwrap();
            // Those of shortages are counted apart.
            if !market.shortages.iter().any(|one| one.touches(zone, *at, *at)) {
                *taken.entry(kind.to_owned()).or_default() += part / 3.0 / f64::from(u32::try_from(months).unwrap());
            }
        }
    }
    for (kind, least, most) in [("c5.large", 0.0, 0.05), ("m6i.large", 0.15, 0.20), ("r5.large", 0.22, 0.40)] {
        let seen = taken[kind];
        assert!((least * 0.8..=most * 1.2).contains(&seen), "{kind}: {seen}, {least} to {most}");
    }
}

#[test]
fn a_pool_is_dry_once_at_a_time() {
    for seed in 0..50 {
        let mut dry: BTreeMap<String, bool> = BTreeMap::new();
        for (_, hazard) in market(Kind::Harsh, seed).hazards {
            if let Hazard::Dry { pool, on } = hazard {
                assert_ne!(dry.insert(pool.clone(), on).unwrap_or(false), on, "{pool} of seed {seed}");
            }
        }
    }
}

/// The chance that a bad time scores below a good one.
fn area(mut samples: Vec<(bool, f64)>) -> f64 {
    samples.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (mut good, mut bad, mut below) = (0.0, 0.0, 0.0);
    for (is_bad, _) in samples {
        if is_bad {
            bad += 1.0;
            below += good;
        } else {
            good += 1.0;
        }
    }
    below / (good * bad)
}

#[test]
fn a_score_says_as_much_as_its_informativeness() {
    for (level, expected) in
        [(Informativeness::Half, 0.5), (Informativeness::SevenTenths, 0.7), (Informativeness::NineTenths, 0.9)]
    {
        let mut areas = Vec::new();
        for seed in 0..40 {
            let market = market(Kind::Harsh, seed);
            let scored = scores::raw(&market, level, seed, 30);
            areas.push(area(scored.iter().map(|zones| zones[0]).collect()));
        }
        let mean = super::statistics::mean(&areas).unwrap();
        assert!((mean - expected).abs() < 0.03, "{mean} is to be {expected}");
    }
}

#[test]
fn a_score_that_says_all_is_low_where_a_shortage_is_near_and_there_alone() {
    let (from, to) = (10.0 * 3_600.0, 12.0 * 3_600.0);
    let month = month_of(Vec::new(), vec![Shortage { zone: Some(1), from, to }], 1);
    let series = scores::series(&month.market, Informativeness::Whole, 1, 1);
    for (zones, step) in series.iter().zip(0_u32..) {
        let at = f64::from(step) * scores::STEP;
        let near = at + 3_600.0 >= from && at < to;
        assert_eq!(zones[1] == 1, near, "{zones:?} at {at}");
        assert_eq!(zones[0], zones[2], "the noise is the same");
        assert!(zones[0] > 1);
    }
}

#[test]
fn whole_tasks_are_dealt_to_the_part_of_all() {
    for percent in [0, 5, 10, 50, 100] {
        let desired: Vec<u32> = (0..200).map(|number| 2 + number % 5).collect();
        let dealt = dealt(&desired, percent);
        assert_eq!(dealt.iter().sum::<u32>(), 800 * percent / 100, "{percent} %");
        assert!(dealt.iter().zip(&desired).all(|(on_spot, desired)| on_spot <= desired));
    }
}

#[test]
fn each_rival_wants_what_its_source_says() {
    let wish = |spot_percent, fallback| Wish { spot_percent, fallback };
    assert_eq!(Rival::OnDemand.wish(1_000), wish(0, false));
    assert_eq!(Rival::Static(10).wish(100), wish(10, false));
    assert_eq!((Rival::Level.wish(499), Rival::Level.wish(500)), (wish(0, false), wish(100, false)));
    assert_eq!(Rival::Fallback(20).wish(100), wish(100, true));
    assert_eq!([standing_in(4, 4), standing_in(4, 1), standing_in(4, 0), standing_in(4, 6)], [0, 3, 4, 0]);
    assert_eq!((Rival::Fallback(20).period(), Rival::Level.period(), Rival::OnDemand.period()), (20, 900, 0));
}

/// A drought of twelve hours in two days: who has no way back is short for all of it, who looks seldom is
/// short until it looks, and who knows ahead is not short at all.
#[test]
fn a_drought_costs_each_rival_what_its_rule_makes_of_it() {
    let month = drought(2);
    let live = |rival| versus::live(rival, &month, 8).unwrap();
    let alone = live(Rival::OnDemand);
    assert_eq!((alone.served, alone.interruptions, alone.changes, alone.spot), (1.0, 0, 0, 0.0));
    let all = live(Rival::Static(100));
    assert!((0.74..0.76).contains(&all.served), "{}: half a day of two, for every service", all.served);
    assert_eq!((all.changes, all.interruptions), (8, 20), "one deployment each, and every task is taken");
    assert!(all.cost() < 0.55 * alone.cost(), "{} of {}", all.cost(), alone.cost());
    let level = live(Rival::Level);
    assert_eq!((level.served, level.interruptions), (1.0, 0), "it goes an hour ahead");
    let (fast, slow) = (live(Rival::Fallback(20)), live(Rival::Fallback(900)));
    assert!((0.998..1.0).contains(&fast.served), "{}", fast.served);
    assert!(slow.served < fast.served - 0.002 && slow.served > 0.99, "{} and {}", slow.served, fast.served);
    assert!(fast.cost() > all.cost() && fast.cost() < alone.cost());
}

/// The same two days under Spotkeeper: it climbs, and misses no tasks for as long as there is no Spot.
#[test]
fn spotkeeper_climbs_and_does_not_sit_a_drought_out() {
    let month = drought(2);
    let policy = serde_json::json!({
        "mode": "active",
        "budget": { "ceiling_percent": 100, "step_percent": 100, "service_percent": 100, "floor": 0 },
        "control": { "cut_percent": 100 },
        "pace": { "rest_seconds": 0 },
    });
    let (lived, journal) = keeper::live(&policy, &month, 8, true).unwrap();
    assert!(lived.spot > 0.0 && lived.changes >= 8, "{lived:?}\n{journal}");
    assert!(lived.served > 0.99, "{lived:?}\n{journal}");
    assert!(lived.cost() < versus::live(Rival::OnDemand, &month, 8).unwrap().cost(), "{lived:?}\n{journal}");
}

#[test]
fn seeds_are_those_that_were_written_down() {
    let jobs = |months, tuning| Scope { months, tuning, policies: Vec::new() }.jobs();
    let seeds = |jobs: &[Job], kind| {
        let mut seeds: Vec<u64> = jobs.iter().filter(|job| job.kind == kind).map(|job| job.seed).collect();
        seeds.dedup();
        seeds
    };
    let all = jobs(30, false);
    assert_eq!(seeds(&all, Kind::Ordinary), (1001..=1030).collect::<Vec<_>>());
    assert_eq!(seeds(&all, Kind::Harsh), (2001..=2030).collect::<Vec<_>>());
    assert_eq!(all.len(), 60 * (7 + 3 + 3), "what reads scores is there for each informativeness");
    assert_eq!(seeds(&jobs(30, true), Kind::Harsh), [102, 104, 106]);
    let two = Scope { months: 1, tuning: false, policies: vec!["spotkeeper".to_owned()] }.jobs();
    assert!(two.iter().all(|job| job.who == Who::Spotkeeper) && two.len() == 6);
}
