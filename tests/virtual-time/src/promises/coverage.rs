//! What was seen: promises that nothing put to the test are not kept, only not broken.

use spotkeeper_core::plan::{CapBy, MoveCause, MoveKind};
use spotkeeper_core::record::{MoveRecord, Outcome};

use crate::tables::Tables;

/// Defines [`Coverage`]: each number, and how two of them become one.
macro_rules! coverage {
    ($($(#[$doc:meta])* $name:ident: $both:path,)+) => {
        /// How often things happened.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Coverage {
            $($(#[$doc])* pub $name: u32,)+
        }

        impl Coverage {
            /// Both together.
            #[must_use]
            pub fn and(self, other: Coverage) -> Coverage {
                Coverage { $($name: $both(self.$name, other.$name),)+ }
            }

            /// What was seen less often than the least.
            #[must_use]
            pub fn short_of(&self, least: &Coverage) -> Vec<&'static str> {
                let all = [$((stringify!($name), self.$name, least.$name),)+];
                all.into_iter().filter(|(_, seen, least)| seen < least).map(|(name, ..)| name).collect()
            }
        }
    };
}

coverage! {
    /// Writes that ECS took.
    writes: u32::saturating_add,
    /// Moves up that ended stable.
    up: u32::saturating_add,
    /// Moves down that ended stable.
    down: u32::saturating_add,
    /// Rebalances that ended stable.
    rebalanced: u32::saturating_add,
    /// Writes of moves that ECS had given up, or that had failed.
    retries: u32::saturating_add,
    /// Moves undone.
    undone: u32::saturating_add,
    /// Moves fallen back to On-Demand.
    fallen_back: u32::saturating_add,
    /// Moves left to somebody else.
    superseded: u32::saturating_add,
    /// Moves that ended quarantined or stranded.
    alarmed: u32::saturating_add,
    /// Moves that a drought drove off.
    droughts: u32::saturating_add,
    /// Writes that somebody took back.
    reverts: u32::saturating_add,
    /// The most times in a row that the writes of one service were taken back.
    most_reverts: u32::max,
    /// Times that a service on Spot was brought down because of one pool.
    crowded: u32::saturating_add,
    /// Services that a run could not read whole, and that nothing else kept from moving up.
    blinded: u32::saturating_add,
    /// Moves up over Managed Instances that ended stable.
    managed: u32::saturating_add,
    /// Moves up over Auto Scaling groups that ended stable.
    on_groups: u32::saturating_add,
    /// Moves up by blue/green, linear or canary deployments that ended stable.
    shifted: u32::saturating_add,
    /// Times that the load changed a desired count.
    breaths: u32::saturating_add,
    /// Instances that somebody drained.
    drained: u32::saturating_add,
    /// Tasks that were protected from scale-in.
    protected: u32::saturating_add,
    /// Things that happened to Spot capacity, as the recorder kept them.
    occurrences: u32::saturating_add,
    /// Ceilings cut.
    cuts: u32::saturating_add,
    /// Ceilings raised.
    raises: u32::saturating_add,
    /// Looks at a cluster that a window bound.
    windows: u32::saturating_add,
    /// Looks at a cluster that a dial bound.
    dials: u32::saturating_add,
    /// Groups turned to On-Demand.
    turned: u32::saturating_add,
    /// Groups turned back.
    turned_back: u32::saturating_add,
    /// Switch entries put.
    switches: u32::saturating_add,
    /// Executions started.
    executions: u32::saturating_add,
    /// Executions started while another was under way.
    overlaps: u32::saturating_add,
    /// Faults at ports.
    faults: u32::saturating_add,
    /// The most moves up in flight in one cluster.
    most_in_flight: u32::max,
}

impl Coverage {
    /// With what the tables tell at the end.
    #[must_use]
    pub fn with_tables(mut self, tables: &Tables) -> Coverage {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let caps = || tables.reports.values().filter_map(|report| report.cap.as_ref());
        let changed = || {
            let steered = tables.reports.values().flat_map(|report| &report.ceilings);
            steered.filter_map(|steered| Some((steered.before?, steered.after.ceiling)))
        };
        self.occurrences = number(tables.occurrences.len());
        self.cuts = number(changed().filter(|(before, after)| after < before).count());
        self.raises = number(changed().filter(|(before, after)| after > before).count());
        self.windows = number(caps().filter(|cap| matches!(cap.by, CapBy::Window { .. })).count());
        self.dials = number(caps().filter(|cap| matches!(cap.by, CapBy::Dial { .. })).count());
        self
    }

    /// A written move has ended.
    pub(super) const fn ended(&mut self, record: &MoveRecord, outcome: Outcome) {
        self.crowded += matches!(record.planned.cause, MoveCause::Crowded { .. }) as u32;
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
}
