//! A move: everything that is needed to make it, decided beforehand.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PlanInput;
use super::position::Position;
use crate::assess::{Rule, return_path};
use crate::digest;
use crate::ids::{MoveId, ProviderName, RunId, ServiceRef};
use crate::observe::{PlacedBy, Service};
use crate::strategy::Strategy;
use crate::switch::Scope;
use crate::units::Seconds;

/// The On-Demand and the Spot provider that fit one service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The On-Demand provider.
    pub on_demand: ProviderName,
    /// The Spot provider.
    pub spot: ProviderName,
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.on_demand, self.spot)
    }
}

/// One change of one service's capacity provider strategy. Nothing is left to choose: the
/// Updater checks that it still holds and writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Its id in the run.
    pub id: MoveId,
    /// The run that planned it.
    pub run: RunId,
    /// The service.
    pub service: ServiceRef,
    /// The providers between which it moves.
    pub pair: Pair,
    /// More Spot, less Spot, or the same strategy anew.
    pub kind: MoveKind,
    /// Why.
    pub cause: MoveCause,
    /// What the plan found.
    pub before: PlacedBy,
    /// What to write: a strategy; a launch type only to restore an original.
    pub after: PlacedBy,
    /// Spot tasks that `after` places at the desired count of the plan, at the most.
    pub spot_tasks: u32,
    /// The desired count of the plan.
    pub desired: u32,
    /// What must still be so when it is written.
    pub fingerprint: Fingerprint,
    /// How long one attempt may take.
    pub deadline: Seconds,
    /// What to write when it fails; `None` for moves down, which are never undone.
    pub undo: Option<PlacedBy>,
    /// What to write when Spot cannot be had: the On-Demand provider alone.
    pub fall_back: Strategy,
    /// The wave it belongs to, from 0.
    pub wave: u32,
    /// Suitability of the service when it was planned.
    pub suitability: u8,
}

/// The direction of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MoveKind {
    /// Less Spot.
    Down,
    /// More Spot.
    Up,
    /// The same strategy, forced, because the tasks do not follow it.
    Rebalance,
}

impl MoveKind {
    /// Its name, as in JSON, metrics and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            MoveKind::Down => "down",
            MoveKind::Up => "up",
            MoveKind::Rebalance => "rebalance",
        }
    }

    /// Whether it may add Spot tasks: then rules, switches, windows and quarantine apply to it.
    #[must_use]
    pub const fn may_add_spot(self) -> bool {
        match self {
            MoveKind::Down => false,
            MoveKind::Up | MoveKind::Rebalance => true,
        }
    }
}

/// Why a move was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum MoveCause {
    /// The budget has room for it.
    Budget,
    /// A switch is on.
    Switch {
        /// The entry's scope.
        scope: Scope,
        /// The entry's reason.
        reason: String,
        /// Whether it interrupts a deployment that somebody else started.
        preempt: bool,
    },
    /// The service fails these safety rules, for longer than the grace.
    Unsafe {
        /// The rules it fails.
        rules: Vec<Rule>,
    },
    /// The cluster, or the service, has more on Spot than it may.
    OverShare {
        /// Spot tasks expected of the strategy in place, or measured.
        spot_tasks: u32,
        /// Spot tasks that it may have.
        allowed: u32,
    },
    /// The tasks do not follow the strategy in place.
    Skewed {
        /// Spot tasks measured.
        spot_tasks: u32,
        /// The least of the strategy.
        least: u32,
        /// The most of the strategy.
        most: u32,
    },
    /// One capacity pool holds more of the service's tasks than it may.
    Crowded {
        /// Which.
        pool: String,
        /// How many tasks it holds.
        in_pool: u32,
        /// All its running Spot tasks.
        spot_tasks: u32,
        /// Spot tasks of which that pool holds no more than it may, if they stay spread as they are.
        allowed: u32,
    },
    /// Tasks are missing on Spot that cannot be had.
    Drought {
        /// What shows it.
        evidence: String,
    },
    /// The owner asked for the original strategy back.
    Restore,
    /// An earlier run left it unfinished.
    Resumed {
        /// That run.
        run: RunId,
    },
}

/// A digest of everything about a service that must not change between plan and write: never its
/// counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

impl Move {
    /// Whether it begins to add Spot in this run: a move up that is not what another run has left,
    /// which is verified or undone and not written again.
    #[must_use]
    pub const fn begins_to_add_spot(&self) -> bool {
        self.kind.may_add_spot() && !matches!(self.cause, MoveCause::Resumed { .. })
    }
}

impl Fingerprint {
    /// The fingerprint of a service: task definition, placement, deployment configuration,
    /// network, load balancers and the primary deployment.
    #[must_use]
    pub fn of(service: &Service) -> Fingerprint {
        let placed_by = match &service.placed_by {
            PlacedBy::Strategy(strategy) => PlacedBy::Strategy(strategy.canonical()),
            launch_type @ PlacedBy::LaunchType(_) => launch_type.clone(),
        };
        let mut load_balancers = service.load_balancers.clone();
        load_balancers.sort();
        let parts = serde_json::json!([
            service.task_definition_arn,
            placed_by,
            service.controller,
            service.deployment,
            service.network_digest,
            load_balancers,
            service.primary().map(|deployment| &deployment.id),
        ]);
        Fingerprint(digest::hex(&parts.to_string(), 16))
    }
}

/// A move that was chosen but not numbered.
#[derive(Debug, Clone)]
pub(super) struct Draft<'p, 'a> {
    pub(super) position: &'p Position<'a>,
    pair: Pair,
    kind: MoveKind,
    cause: MoveCause,
    after: PlacedBy,
    spot_tasks: u32,
}

impl<'p, 'a> Draft<'p, 'a> {
    pub(super) fn new(
        position: &'p Position<'a>,
        pair: &Pair,
        kind: MoveKind,
        cause: MoveCause,
        after: PlacedBy,
    ) -> Draft<'p, 'a> {
        let spot_tasks = match &after {
            PlacedBy::Strategy(strategy) => strategy.bounds(&pair.spot, position.service.desired).most,
            PlacedBy::LaunchType(_) => 0,
        };
        Draft { position, pair: pair.clone(), kind, cause, after, spot_tasks }
    }

    /// CPU that leaves Spot by it.
    pub(super) fn freed_cpu(&self) -> u64 {
        let tasks = self.position.spot_tasks().saturating_sub(self.spot_tasks);
        self.position.cpu_of(tasks).0
    }

    /// The On-Demand provider that takes its tasks back, and how many tasks it is asked for.
    pub(super) fn asked(&self) -> (&Pair, u32) {
        let leaving = self.position.spot_tasks().saturating_sub(self.spot_tasks);
        (&self.pair, return_path::needed(self.position.service, leaving))
    }

    /// The move with everything that the Updater needs. Its id and wave are given with the waves.
    pub(super) fn into_move(self, input: &PlanInput<'_>) -> Move {
        let service = self.position.service;
        let undo = match self.kind {
            MoveKind::Down => None,
            MoveKind::Up | MoveKind::Rebalance => Some(service.placed_by.clone()),
        };
        Move {
            id: MoveId::unnumbered(),
            run: input.run.id.clone(),
            service: service.id.clone(),
            fall_back: Strategy::only(self.pair.on_demand.clone()),
            pair: self.pair,
            kind: self.kind,
            cause: self.cause,
            before: service.placed_by.clone(),
            after: self.after,
            spot_tasks: self.spot_tasks,
            desired: service.desired,
            fingerprint: Fingerprint::of(service),
            deadline: crate::verify::deadline(&input.policy.verify, service),
            undo,
            wave: 0,
            suitability: self.position.assessment.map_or(0, |judged| judged.suitability.score),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_called_as_in_json() {
        for kind in [MoveKind::Down, MoveKind::Up, MoveKind::Rebalance] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
