//! What core decided, in words.

use spotkeeper_core::control::CeilingReason;
use spotkeeper_core::plan::{BackHeld, CapBy, HeldWhy, MoveCause, TurnWhat};
use spotkeeper_core::record::TurnEnd;
use spotkeeper_core::turn::Unfit;

/// Why a move is planned.
pub(crate) fn cause(cause: &MoveCause) -> String {
    match cause {
        MoveCause::Budget => "there is room under the ceiling".to_owned(),
        MoveCause::Switch { scope, reason, .. } => format!("the kill switch {scope} is on ({reason})"),
        MoveCause::Unsafe { rules } => {
            let rules: Vec<&str> = rules.iter().map(|rule| rule.name()).collect();
            format!("it fails {}", rules.join(" and "))
        }
        MoveCause::OverShare { spot_tasks, allowed } => {
            format!("{spot_tasks} tasks are on Spot, and {allowed} may be")
        }
        MoveCause::Skewed { spot_tasks, least, most } => {
            format!("{spot_tasks} tasks run on Spot, where its strategy places {least} to {most}")
        }
        MoveCause::Crowded { pool, in_pool, spot_tasks, .. } => {
            format!("{in_pool} of its {spot_tasks} Spot tasks are in one pool, {pool}")
        }
        MoveCause::Drought { evidence } => format!("tasks are missing on Spot: {evidence}"),
        MoveCause::Restore => "its original is asked back".to_owned(),
        MoveCause::Resumed { run } => format!("run {run} left it unfinished"),
    }
}

/// Why a service that could move does not.
pub(crate) const fn held(why: HeldWhy) -> &'static str {
    match why {
        HeldWhy::AtTarget => "it has as much Spot as it may, or close enough",
        HeldWhy::NoRoom => "the room under the ceiling is dealt",
        HeldWhy::NoReturnPath => "On-Demand could not take more tasks back",
        HeldWhy::NoStrategy => "no strategy keeps floor and share over its scaling range and places a task on Spot",
        HeldWhy::Resting => "it moved up less than the rest time ago",
        HeldWhy::PaceReached => "the run makes as many moves, or replaces as many tasks, as it may",
        HeldWhy::NoLock => "the run does not hold the run lock",
        HeldWhy::Dry => "its pair was dry, and the pause is not over",
        HeldWhy::Canary => "its pair was dry, and another service tries it first",
        HeldWhy::MoveOpen => "a move of it is not finished",
        HeldWhy::TakenBack => "somebody has taken its last write back",
        HeldWhy::Turned => "the group of its Spot provider is turned to On-Demand",
        HeldWhy::Unread => "what it may have on Spot could not be read",
        HeldWhy::Crowded => "one capacity pool holds as much of it as it may, or held more of late",
    }
}

/// What a run makes of the group of a Spot provider.
pub(crate) fn turn(what: &TurnWhat) -> String {
    match what {
        TurnWhat::Turn => "is to be turned to On-Demand".to_owned(),
        TurnWhat::Unfit { why } => {
            let why: Vec<&str> = why.iter().map(Unfit::name).collect();
            format!("cannot be turned ({}): its services move by strategy", why.join(", "))
        }
        TurnWhat::UnderWay { spot_instances: Some(left) } => {
            format!("is being turned to On-Demand; Spot instances left: {left}")
        }
        TurnWhat::UnderWay { spot_instances: None } => "is being turned to On-Demand".to_owned(),
        TurnWhat::Turned => "is turned to On-Demand, and has no Spot instance".to_owned(),
        TurnWhat::Lost { why } => format!("does not come off Spot ({}): its services move by strategy", why.name()),
        TurnWhat::TurnBack => "is to be turned back".to_owned(),
        TurnWhat::Held { why } => format!("stays On-Demand: {}", held_back(*why)),
        TurnWhat::Ended { how: TurnEnd::Original } => "has been turned back".to_owned(),
        TurnWhat::Ended { how: TurnEnd::Changed } => "has been given other numbers by somebody".to_owned(),
    }
}

/// Why a group is not turned back.
const fn held_back(why: BackHeld) -> &'static str {
    match why {
        BackHeld::SwitchOn => "a kill switch is on over something in the cluster",
        BackHeld::NotNow => "the run does not hold the run lock, or the policy has mistakes",
        BackHeld::NotCovered => "the restore does not cover all that uses it",
        BackHeld::LeverOff => "the stack's CapacityLever is off",
        BackHeld::JustWritten => "it was written so lately that a read may be older",
        BackHeld::Unread => "what it takes to say so could not be read",
        BackHeld::Ceiling => "a window, a dial or a ceiling leaves no room for it",
        BackHeld::Dry => "its pair was dry, and the pause is not over",
        BackHeld::Unsafe => "a service on it fails a safety rule",
        BackHeld::Deploying => "a service on it deploys or is moved",
        BackHeld::OneAtATime => "another group of the cluster comes first",
    }
}

/// What bounds the ceilings of a cluster.
pub(crate) fn cap(by: &CapBy) -> String {
    match by {
        CapBy::Policy => "the policy".to_owned(),
        CapBy::Dial { scope, reason } => format!("the dial of {scope} ({reason})"),
        CapBy::Window { window } => format!("the window {}", window.name),
    }
}

/// Why a ceiling is what it is.
pub(crate) fn ceiling(reason: &CeilingReason) -> &'static str {
    match reason {
        CeilingReason::FirstSeen => "first seen",
        CeilingReason::Policy => "lowered to what the policy allows",
        CeilingReason::Quiet => "raised: quiet for long enough",
        CeilingReason::Canary => "raised: one service is to try after a drought",
        CeilingReason::Drought => "cut: Spot could not be had",
        CeilingReason::Interruptions => "cut: more interruptions than ordinary",
        CeilingReason::PoorScore => "cut: a poor placement score",
        CeilingReason::FallingScore => "cut: a falling placement score",
        CeilingReason::AtCap => "held: as high as policy, dial and windows allow",
        CeilingReason::NoStep => "held: the step is 0",
        CeilingReason::Dry => "held: its pair was dry",
        CeilingReason::Resting => "held: it changed, or capacity was lost, too recently",
        CeilingReason::NoScore => "held: no fresh placement score",
        CeilingReason::MiddlingScore => "held: a middling placement score",
        CeilingReason::FailedMoves => "held: services are held back after failed moves",
        CeilingReason::Untested => "held: nothing of its pair runs on Spot",
    }
}
