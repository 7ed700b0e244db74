//! A small world of one service, and a driver that walks a move through it as the functions do.

mod deadlines;
mod down;
mod ends;
mod every_move_ends;
mod looks;
mod steps;
mod verdicts;
mod whose;
pub(crate) mod world;

use jiff::{SignedDuration, Timestamp};

use crate::apply::{ApplyDecision, ApplyInput, after_write, decide};
use crate::fixtures;
use crate::ids::MoveId;
use crate::interface::{Because, UpdateOutcome};
use crate::observe::{PlacedBy, Reading};
use crate::plan::{Fingerprint, Move, MoveCause, MoveKind, Pair};
use crate::policy::Policy;
use crate::ports::WriteError;
use crate::record::{Lease, Ledger, MoveRecord, RunMode, RunRecord};
use crate::strategy::Strategy;
use crate::switch::{Scope, SwitchEntry, Switches};
use crate::units::Seconds;
use crate::verify::{Judgement, MoveVerdict, VerifyInput, conclude, verify};
use world::World;

/// How AWS answers a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Taken,
    LostButTaken,
    LostAndNotTaken,
    Throttled,
    Refused,
}

/// One move, the world it is made in, and what Spotkeeper remembers of it.
#[derive(Debug, Clone)]
pub(crate) struct Drive {
    pub(crate) policy: Policy,
    pub(crate) world: World,
    pub(crate) run: RunRecord,
    pub(crate) record: MoveRecord,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) switches: Switches,
    pub(crate) now: Timestamp,
    /// The strategies that were sent, whatever AWS made of them.
    pub(crate) sent: Vec<PlacedBy>,
}

pub(crate) fn pair() -> Pair {
    fixtures::pair(crate::observe::Family::Fargate)
}

/// The strategy with so much weight on either side.
pub(crate) fn over(on_demand: u32, spot: u32) -> PlacedBy {
    let pair = pair();
    PlacedBy::Strategy(Strategy::over(&pair.on_demand, &pair.spot, 0, on_demand, spot))
}

impl Drive {
    /// A move up from On-Demand alone to half and half.
    pub(crate) fn up() -> Drive {
        Drive::new(MoveKind::Up, over(1, 0), over(1, 1))
    }

    /// A move down from half and half to On-Demand alone.
    pub(crate) fn down() -> Drive {
        Drive::new(MoveKind::Down, over(1, 1), over(1, 0))
    }

    pub(crate) fn new(kind: MoveKind, before: PlacedBy, after: PlacedBy) -> Drive {
        let world = World::at_rest(before);
        let mut policy = fixtures::policy();
        policy.verify.dwell_seconds = Seconds(60);
        policy.verify.drought_seconds = Seconds(120);
        let planned = planned(&world, kind, after);
        Drive {
            policy,
            run: run(),
            record: MoveRecord::new(planned),
            ledger: None,
            switches: Switches::default(),
            now: fixtures::now(),
            sent: Vec::new(),
            world,
        }
    }

    pub(crate) fn pass(&mut self, seconds: u32) {
        self.now = self.now.checked_add(SignedDuration::from_secs(i64::from(seconds))).unwrap();
    }

    pub(crate) fn throw_switch(&mut self, preempt: bool) {
        self.switches.epoch += 1;
        let entry = fixtures::switch(Scope::All);
        self.switches.entries.push(SwitchEntry { set_at: self.now, preempt, ..entry });
    }

    pub(crate) fn lease(&self) -> Lease {
        Lease {
            service: self.record.planned.service.clone(),
            holder: "run/move".to_owned(),
            fence: 7,
            epoch: self.switches.epoch,
            until: self.now.checked_add(SignedDuration::from_secs(180)).unwrap(),
        }
    }

    pub(crate) fn decide_with(&self, lease: &Lease) -> ApplyDecision {
        decide(&ApplyInput {
            policy: &self.policy,
            run: &self.run,
            record: &self.record,
            ledger: self.ledger.as_ref(),
            look: &self.world.look(self.now),
            switches: &self.switches,
            lease,
            now: self.now,
        })
    }

    pub(crate) fn decide(&self) -> ApplyDecision {
        self.decide_with(&self.lease())
    }

    /// Stores what is to be stored before the write, as the Updater does; gives what to write.
    pub(crate) fn intend(&mut self, decision: ApplyDecision) -> Option<PlacedBy> {
        match decision {
            ApplyDecision::Write { placed_by, record, ledger } => {
                self.record = *record;
                self.ledger = Some(*ledger);
                Some(placed_by)
            }
            ApplyDecision::AlreadyApplied { record, ledger, .. } => {
                self.record = *record;
                self.ledger = Some(*ledger);
                None
            }
            _ => None,
        }
    }

    /// One call of the Updater.
    pub(crate) fn update(&mut self, answer: Answer) -> UpdateOutcome {
        let decision = self.decide();
        match &decision {
            ApplyDecision::Superseded { .. } => return UpdateOutcome::Superseded,
            ApplyDecision::Held { .. } => return UpdateOutcome::Held,
            ApplyDecision::Refused { .. } => return UpdateOutcome::Refused,
            ApplyDecision::Write { .. } | ApplyDecision::AlreadyApplied { .. } => {}
        }
        let Some(placed_by) = self.intend(decision) else {
            return UpdateOutcome::Applied;
        };
        self.sent.push(placed_by.clone());
        if matches!(answer, Answer::Taken | Answer::LostButTaken) {
            self.world.deploy(placed_by, self.now);
        }
        self.hear(answer)
    }

    /// AWS's answer, as the Updater hears it.
    pub(crate) fn hear(&mut self, answer: Answer) -> UpdateOutcome {
        let service = "prod/web".to_owned();
        let error = match answer {
            Answer::Taken => None,
            Answer::LostButTaken | Answer::LostAndNotTaken => {
                Some(WriteError::Lost { service, source: "connection reset".into() })
            }
            Answer::Throttled => Some(WriteError::Throttled { service }),
            Answer::Refused => {
                let (code, message) = ("InvalidParameterException".to_owned(), "no".to_owned());
                Some(WriteError::Refused { service, code, message })
            }
        };
        let ledger = self.ledger.clone().unwrap();
        let result = error.as_ref().map_or(Ok(()), Err);
        let answered = after_write(&self.policy, self.record.clone(), ledger, result, self.now);
        self.record = answered.record;
        self.ledger = Some(answered.ledger);
        answered.outcome
    }

    /// One call of the StabilityChecker.
    pub(crate) fn check(&mut self) -> Judgement {
        let judgement = verify(&VerifyInput {
            policy: &self.policy,
            run: &self.run,
            record: &self.record,
            ledger: self.ledger.as_ref().unwrap(),
            look: &self.world.look(self.now),
            switches: &self.switches,
            now: self.now,
        });
        self.record = judgement.record.clone();
        self.ledger = Some(judgement.ledger.clone());
        judgement
    }

    /// One call of the recorder at the end of the move's branch.
    pub(crate) fn conclude(&mut self, because: &Because) {
        let concluded = conclude(&self.policy, self.record.clone(), self.ledger.as_ref(), because, self.now);
        self.record = concluded.record;
        self.ledger = concluded.ledger;
    }

    /// The look of a service that nobody may read.
    pub(crate) fn hide_service(&mut self) {
        self.world.service_gap = Some(fixtures::gap("the service", "ecs:DescribeServices"));
    }
}

pub(crate) fn run() -> RunRecord {
    fixtures::run(RunMode::Ordinary)
}

pub(crate) fn planned(world: &World, kind: MoveKind, after: PlacedBy) -> Move {
    let pair = pair();
    let service = &world.service;
    let spot_tasks = match &after {
        PlacedBy::Strategy(strategy) => strategy.bounds(&pair.spot, service.desired).most,
        PlacedBy::LaunchType(_) => 0,
    };
    Move {
        id: MoveId::parse("prod/0-0").unwrap(),
        run: fixtures::run_id("run-1"),
        service: service.id.clone(),
        fall_back: Strategy::only(pair.on_demand.clone()),
        pair,
        kind,
        cause: MoveCause::Budget,
        before: service.placed_by.clone(),
        after,
        spot_tasks,
        desired: service.desired,
        fingerprint: Fingerprint::of(service),
        deadline: Seconds(600),
        undo: match kind {
            MoveKind::Down => None,
            MoveKind::Up | MoveKind::Rebalance => Some(service.placed_by.clone()),
        },
        wave: 0,
        suitability: 50,
    }
}

/// A verdict in a word, for tables.
pub(crate) const fn word(verdict: &MoveVerdict) -> &'static str {
    match verdict {
        MoveVerdict::Stable => "stable",
        MoveVerdict::Waiting { .. } => "waiting",
        MoveVerdict::Drought { .. } => "drought",
        MoveVerdict::Failed { .. } => "failed",
        MoveVerdict::Reverted { by_ecs: true, .. } => "reverted by ECS",
        MoveVerdict::Reverted { by_ecs: false, .. } => "reverted",
        MoveVerdict::Superseded { .. } => "superseded",
        MoveVerdict::CodeChanged { .. } => "code changed",
        MoveVerdict::Unknown { .. } => "unknown",
    }
}

/// A decision in a word, for tables.
pub(crate) const fn decided(decision: &ApplyDecision) -> &'static str {
    match decision {
        ApplyDecision::Write { .. } => "write",
        ApplyDecision::AlreadyApplied { .. } => "already",
        ApplyDecision::Superseded { .. } => "superseded",
        ApplyDecision::Held { .. } => "held",
        ApplyDecision::Refused { .. } => "refused",
    }
}

/// A gap in place of a reading.
pub(crate) fn missing<T>(subject: &str) -> Reading<T> {
    Reading::Missing(fixtures::gap(subject, "ecs:Describe"))
}
