//! The policies beside Spotkeeper. Each is one function from what it sees to what it wants.

/// A policy that decides without Spotkeeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rival {
    /// Nothing on Spot.
    OnDemand,
    /// So many percent of all tasks on Spot, for good.
    Static(u32),
    /// All on Spot while the score is at or above [`LEVEL`], else nothing.
    Level,
    /// SkyServe's dynamic fallback, looking every so many seconds: all on Spot, and an On-Demand task for each Spot
    /// task that is not ready.
    Fallback(u32),
}

/// The lowest score, in hundredths, at which the level-only policy is on Spot.
pub const LEVEL: u32 = 500;

/// Spotkeeper's own period, in seconds: `rate(15 minutes)`.
pub const PERIOD: u32 = 900;

/// SkyServe's: `AUTOSCALER_DEFAULT_DECISION_INTERVAL_SECONDS` of `sky/serve/constants.py`.
pub const FALLBACK_PERIOD: u32 = 20;

/// What it wants now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The part of all tasks that is to be on Spot, in percent.
    pub spot_percent: u32,
    /// Whether On-Demand tasks stand in for Spot tasks that are not ready.
    pub fallback: bool,
}

impl Rival {
    /// All of them, in the order of the tables.
    pub const ALL: [Rival; 8] = [
        Rival::OnDemand,
        Rival::Static(5),
        Rival::Static(10),
        Rival::Static(50),
        Rival::Static(100),
        Rival::Level,
        Rival::Fallback(FALLBACK_PERIOD),
        Rival::Fallback(PERIOD),
    ];

    /// Its name in files and tables.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Rival::OnDemand => "on-demand".to_owned(),
            Rival::Static(percent) => format!("static-{percent}"),
            Rival::Level => "level".to_owned(),
            Rival::Fallback(seconds) => format!("fallback-{seconds}s"),
        }
    }

    /// Whether the score makes a difference to it.
    #[must_use]
    pub const fn reads_scores(self) -> bool {
        matches!(self, Rival::Level)
    }

    /// How often it looks, in seconds; 0 for one that decides once.
    #[must_use]
    pub const fn period(self) -> u32 {
        match self {
            Rival::OnDemand | Rival::Static(_) => 0,
            Rival::Level => PERIOD,
            Rival::Fallback(seconds) => seconds,
        }
    }

    /// What it wants at a score, in hundredths.
    #[must_use]
    pub const fn wish(self, score: u32) -> Wish {
        match self {
            Rival::OnDemand => Wish { spot_percent: 0, fallback: false },
            Rival::Static(percent) => Wish { spot_percent: percent, fallback: false },
            Rival::Level => Wish { spot_percent: if score >= LEVEL { 100 } else { 0 }, fallback: false },
            Rival::Fallback(_) => Wish { spot_percent: 100, fallback: true },
        }
    }
}

/// On-Demand tasks beside the Spot tasks: `max(0, spot_target - READY_spot)`, where all tasks are to be on Spot
/// (`DynamicFallbackRequestRateAutoscaler` of `sky/serve/autoscalers.py`, without base and over-provisioning).
#[must_use]
pub const fn standing_in(desired: u32, ready_spot: u32) -> u32 {
    desired.saturating_sub(ready_spot)
}

/// Deals a part of all tasks to services of these sizes, in whole tasks: how many of each are on Spot. Of all of
/// them together it is the part, rounded; of each as nearly as can be.
#[must_use]
pub fn dealt(desired: &[u32], percent: u32) -> Vec<u32> {
    let upto = |tasks: u32| (tasks * percent + 50) / 100;
    let mut before = 0;
    let mut deal = |tasks: u32| {
        let share = upto(before + tasks) - upto(before);
        before += tasks;
        share.min(tasks)
    };
    desired.iter().map(|tasks| deal(*tasks)).collect()
}
