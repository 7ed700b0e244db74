//! What a plan may and may not hold.

mod cap;
mod ceiling;
mod down;
mod drought;
mod dry;
mod held;
mod lever;
mod measured;
mod promises;
mod radius;
mod restore;
mod reverts;
mod short;
mod switch;
mod up;
mod window;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::Strategy as _;

use super::{HeldWhy, MoveCause, MoveKind, Plan, PlanInput, Promise, first_breach, plan};
use crate::assess::{self, Memory, Rule, assess};
use crate::fixtures::{self, run};
use crate::ids::MoveId;
use crate::observe::{
    Depth, Family, LoadBalancerTarget, Market, PlacedBy, Reading, RolloutState, ScalingRange, Service, Snapshot,
};
use crate::policy::{Control, NamedPair, Policy, ScoreUse};
use crate::record::{Dealt, LastWrite, Ledger, LeftWhy, OpenMove, RunMode, RunRecord, UnsafeSince};
use crate::strategy::Strategy;
use crate::switch::{Scope, SwitchEntry, Switches};
use crate::units::{CpuUnits, Percent, Seconds};

/// A policy that lets everything go up at once.
fn open_policy() -> Policy {
    let mut policy = fixtures::policy();
    policy.budget.ceiling_percent = Percent::HUNDRED;
    policy.budget.step_percent = Percent::HUNDRED;
    policy.budget.blast_radius_percent = Percent::HUNDRED;
    policy.pace.restart_percent = Percent::HUNDRED;
    policy
}

fn plan_of(policy: &Policy, snapshot: &Snapshot, memory: &Memory, run: &RunRecord) -> Plan {
    let assessments = match snapshot.depth {
        Depth::Full => assess(policy, snapshot, memory, fixtures::now()),
        Depth::Switch => Vec::new(),
    };
    plan(&PlanInput {
        policy,
        snapshot,
        assessments: &assessments,
        memory,
        run,
        resumed: &[],
        turns: &[],
        turn_versions: &BTreeMap::new(),
        given_up: &BTreeSet::new(),
        now: fixtures::now(),
    })
}

fn moves(plan: &Plan) -> Vec<(String, MoveKind, String)> {
    let described = plan.moves.iter().map(|record| {
        let after = match &record.planned.after {
            PlacedBy::Strategy(strategy) => strategy.to_string(),
            PlacedBy::LaunchType(launch_type) => format!("{launch_type:?}"),
        };
        (record.planned.service.name.to_string(), record.planned.kind, after)
    });
    described.collect()
}

fn expected(rows: &[(&str, MoveKind, &str)]) -> Vec<(String, MoveKind, String)> {
    rows.iter().map(|(name, kind, after)| ((*name).to_owned(), *kind, (*after).to_owned())).collect()
}

fn open_move() -> OpenMove {
    OpenMove {
        run: fixtures::run_id("earlier"),
        move_id: MoveId::parse("prod/0-0").unwrap(),
        ends_by: fixtures::at(600),
        previous: None,
    }
}

/// Two tasks of which none is on Spot, and a third that would be.
const fn fargate_base_2() -> &'static str {
    r#"[{"capacityProvider":"FARGATE","base":2,"weight":1},{"capacityProvider":"FARGATE_SPOT","weight":1}]"#
}
