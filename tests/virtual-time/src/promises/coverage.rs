//! What was seen: promises that nothing put to the test are not kept, only not broken.

use spotkeeper_core::plan::MoveKind;
use spotkeeper_core::record::{MoveRecord, Outcome};

/// How often things happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Writes that ECS took.
    pub writes: u32,
    /// Moves up that ended stable.
    pub up: u32,
    /// Moves down that ended stable.
    pub down: u32,
    /// Rebalances that ended stable.
    pub rebalanced: u32,
    /// Moves undone.
    pub undone: u32,
    /// Moves fallen back to On-Demand.
    pub fallen_back: u32,
    /// Moves left to somebody else.
    pub superseded: u32,
    /// Moves that ended quarantined or stranded.
    pub alarmed: u32,
    /// Moves that a drought drove off.
    pub droughts: u32,
    /// Writes that somebody took back.
    pub reverts: u32,
    /// The most times in a row that the writes of one service were taken back.
    pub most_reverts: u32,
    /// Switch entries put.
    pub switches: u32,
    /// Executions started.
    pub executions: u32,
    /// Executions started while another was under way.
    pub overlaps: u32,
    /// Faults at ports.
    pub faults: u32,
    /// The most moves up in flight in one cluster.
    pub most_in_flight: usize,
}

impl Coverage {
    /// A written move has ended.
    pub(super) const fn ended(&mut self, record: &MoveRecord, outcome: Outcome) {
        match (outcome, record.planned.kind) {
            (Outcome::Stable, MoveKind::Up) => self.up += 1,
            (Outcome::Stable, MoveKind::Down) => self.down += 1,
            (Outcome::Stable, MoveKind::Rebalance) => self.rebalanced += 1,
            (Outcome::Undone, _) => self.undone += 1,
            (Outcome::FallenBack, _) => self.fallen_back += 1,
            (Outcome::Superseded, _) => self.superseded += 1,
            (Outcome::Quarantined | Outcome::Stranded, _) => self.alarmed += 1,
            (Outcome::Held | Outcome::Refused, _) => {}
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Coverage) -> Coverage {
        Coverage {
            writes: self.writes + other.writes,
            up: self.up + other.up,
            down: self.down + other.down,
            rebalanced: self.rebalanced + other.rebalanced,
            undone: self.undone + other.undone,
            fallen_back: self.fallen_back + other.fallen_back,
            superseded: self.superseded + other.superseded,
            alarmed: self.alarmed + other.alarmed,
            droughts: self.droughts + other.droughts,
            reverts: self.reverts + other.reverts,
            most_reverts: self.most_reverts.max(other.most_reverts),
            switches: self.switches + other.switches,
            executions: self.executions + other.executions,
            overlaps: self.overlaps + other.overlaps,
            faults: self.faults + other.faults,
            most_in_flight: self.most_in_flight.max(other.most_in_flight),
        }
    }

    /// What was seen less often than the least.
    #[must_use]
    pub fn short_of(&self, least: &Coverage) -> Vec<&'static str> {
        let pairs = [
            ("writes", self.writes, least.writes),
            ("up", self.up, least.up),
            ("down", self.down, least.down),
            ("rebalanced", self.rebalanced, least.rebalanced),
            ("undone", self.undone, least.undone),
            ("fallen_back", self.fallen_back, least.fallen_back),
            ("superseded", self.superseded, least.superseded),
            ("alarmed", self.alarmed, least.alarmed),
            ("droughts", self.droughts, least.droughts),
            ("reverts", self.reverts, least.reverts),
            ("most_reverts", self.most_reverts, least.most_reverts),
            ("switches", self.switches, least.switches),
            ("executions", self.executions, least.executions),
            ("overlaps", self.overlaps, least.overlaps),
            ("faults", self.faults, least.faults),
        ];
        let in_flight = (self.most_in_flight < least.most_in_flight).then_some("most_in_flight");
        let short = pairs.into_iter().filter(|(_, seen, least)| seen < least).map(|(name, ..)| name);
        short.chain(in_flight).collect()
    }
}
