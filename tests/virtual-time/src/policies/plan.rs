//! Which months are lived through by whom, and what came of each.

use aws_sim::world::World;
use serde::{Deserialize, Serialize};

use super::hazards::Kind;
use super::meter::Meter;
use super::month::Month;
use super::rivals::Rival;
use super::scores::Informativeness;

/// The seed before the first ordinary month, and before the first harsh one: ADR 16.
const SEEDS: [(Kind, u64); 2] = [(Kind::Ordinary, 1000), (Kind::Harsh, 2000)];
/// The same for tuning and looking: 101 to 106, odd ones ordinary.
const TUNING: [u64; 6] = [101, 102, 103, 104, 105, 106];

/// Who lives through a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A policy beside Spotkeeper.
    Rival(Rival),
    /// Spotkeeper.
    Spotkeeper,
}

impl Who {
    /// Its name in files and tables.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Who::Rival(rival) => rival.name(),
            Who::Spotkeeper => "spotkeeper".to_owned(),
        }
    }

    /// All, in the order of the tables.
    pub fn all() -> impl Iterator<Item = Who> {
        Rival::ALL.into_iter().map(Who::Rival).chain([Who::Spotkeeper])
    }

    const fn reads_scores(self) -> bool {
        match self {
            Who::Rival(rival) => rival.reads_scores(),
            Who::Spotkeeper => true,
        }
    }
}

/// A month and who lives through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job {
    /// How hard it is.
    pub kind: Kind,
    /// What it is made from.
    pub seed: u64,
    /// Who.
    pub who: Who,
    /// How much scores say; none where they make no difference.
    pub informativeness: Option<Informativeness>,
}

/// What to measure.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Months of each kind.
    pub months: u32,
    /// Whether the seeds for tuning are taken, not those of the figures.
    pub tuning: bool,
    /// Those whose names are here; nobody is everybody.
    pub policies: Vec<String>,
}

impl Scope {
    /// The jobs, month by month, ordinary and harsh ones in turn, so that what is done first can be compared.
    #[must_use]
    pub fn jobs(&self) -> Vec<Job> {
        let mut months: Vec<(Kind, u64)> = Vec::new();
        if self.tuning {
            let kind = |seed: u64| if seed % 2 == 1 { Kind::Ordinary } else { Kind::Harsh };
            let most = usize::try_from(self.months).unwrap_or(usize::MAX).saturating_mul(2);
            months.extend(TUNING.into_iter().take(most).map(|seed| (kind(seed), seed)));
        } else {
            let of = |number| SEEDS.map(|(kind, before)| (kind, before + u64::from(number)));
            months.extend((1..=self.months.min(30)).flat_map(of));
        }
        let wanted = |who: &Who| self.policies.is_empty() || self.policies.contains(&who.name());
        let everybody: Vec<Who> = Who::all().filter(wanted).collect();
        let mut jobs = Vec::new();
        for (kind, seed) in months {
            for who in &everybody {
                let levels = Informativeness::MEASURED.map(Some);
                let levels: &[_] = if who.reads_scores() { &levels } else { &[None] };
                jobs.extend(levels.iter().map(|level| Job { kind, seed, who: *who, informativeness: *level }));
            }
        }
        jobs
    }
}

/// What came of a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lived {
    /// vCPU-seconds of On-Demand instances.
    pub on_demand: f64,
    /// vCPU-seconds of Spot instances.
    pub spot: f64,
    /// What one of Spot saves, 0 to 1.
    pub saving: f64,
    /// The part of the service-seconds at or above desired, 0 to 1.
    pub served: f64,
    /// The same of the service that fared worst.
    pub worst_served: f64,
    /// Tasks that ran on instances when they were reclaimed.
    pub interruptions: u64,
    /// Accepted calls of UpdateService.
    pub changes: u64,
    /// Services, without twins.
    pub services: u64,
    /// Days.
    pub days: u32,
}

impl Lived {
    /// What came of it for whoever lived there: everything is counted by the world and the same meter.
    pub(super) fn of(world: &World, meter: &Meter, month: &Month, interruptions: u64) -> Lived {
        let felt = world.felt();
        let (served, worst_served) = meter.served(world.now());
        Lived {
            on_demand: felt.on_demand_vcpu_seconds,
            spot: felt.spot_vcpu_seconds,
            saving: month.market.saving(),
            served,
            worst_served,
            interruptions,
            changes: world.counters.update_service.values().sum(),
            services: u64::try_from(meter.services()).unwrap_or(u64::MAX),
            days: month.days,
        }
    }

    /// What it cost, in vCPU-seconds of On-Demand.
    #[must_use]
    pub fn cost(&self) -> f64 {
        self.on_demand + (1.0 - self.saving) * self.spot
    }

    /// Something that was counted, a service and day.
    #[must_use]
    pub fn a_service_day(&self, count: u64) -> f64 {
        let whole = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        whole(count) / (whole(self.services) * f64::from(self.days))
    }
}

/// A line of the file in which results are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The month's kind.
    pub kind: String,
    /// The month's seed.
    pub seed: u64,
    /// Who lived through it.
    pub who: String,
    /// How much scores said.
    pub informativeness: Option<String>,
    /// What came of it.
    pub lived: Lived,
    /// How long that took, in seconds.
    pub took: f64,
}

impl Line {
    /// Whether it is what came of a job.
    #[must_use]
    pub fn is_of(&self, job: &Job) -> bool {
        self.kind == job.kind.name()
            && self.seed == job.seed
            && self.who == job.who.name()
            && self.informativeness.as_deref() == job.informativeness.map(Informativeness::name)
    }
}
