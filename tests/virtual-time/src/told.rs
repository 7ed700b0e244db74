//! What telemetry was told, each occurrence by what it is about: a repetition says nothing new.

use std::collections::{BTreeMap, BTreeSet};

use spotkeeper_core::control::Steered;
use spotkeeper_core::ids::{ClusterName, MoveId, RunId};
use spotkeeper_core::plan::Pair;
use spotkeeper_core::ports::EndOfRun;
use spotkeeper_core::record::MoveRecord;
use spotkeeper_core::switch::SwitchChange;
use spotkeeper_core::units::Percent;

use crate::tables::Tables;

/// What was told.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The moves that ended.
    moves: BTreeSet<(RunId, MoveId)>,
    /// The ceilings that changed, by the version of the change: before and after.
    ceilings: BTreeMap<(ClusterName, Pair), BTreeMap<u64, Change>>,
    /// The runs that threw or released a switch.
    switches: BTreeSet<RunId>,
}

/// A change of a ceiling.
type Change = (Option<Percent>, Percent);

impl Told {
    pub(crate) fn switch(&mut self, change: &SwitchChange) {
        self.switches.insert(change.run.clone());
    }

    pub(crate) fn ended(&mut self, record: &MoveRecord) {
        self.moves.insert((record.planned.run.clone(), record.planned.id.clone()));
    }

    pub(crate) fn run(&mut self, end: &EndOfRun<'_>) {
        end.held.iter().for_each(|record| self.ended(record));
        if end.run.is_dry() {
            return;
        }
        for steered in end.reports.iter().flat_map(|report| &report.ceilings).filter(|steered| steered.changed()) {
            let Steered { before, after, .. } = steered;
            let of_pair = self.ceilings.entry((after.cluster.clone(), after.pair.clone())).or_default();
            of_pair.insert(after.version, (*before, after.ceiling));
        }
    }

    /// What has happened and was not told. The account is at rest: what a run has not ended yet would
    /// stand here too.
    #[must_use]
    pub fn missing(&self, tables: &Tables) -> Vec<String> {
        let moves = tables.moves.iter().filter(|(key, record)| record.outcome.is_some() && !self.moves.contains(key));
        let moves = moves.map(|((run, id), _)| format!("the end of {run} {id}"));
        let switches = tables.runs.values().filter(|run| run.switch().is_some() && !self.switches.contains(&run.id));
        let switches = switches.map(|run| format!("the switch of {}", run.id));
        let ceilings = tables.ceilings.iter().filter_map(|(key, known)| {
            let told = self.ceilings.get(key).map_or(Ok(None), chain);
            let expected = Some(known.ceiling);
            (told != Ok(expected)).then(|| format!("a ceiling: {known:?}, told {told:?}"))
        });
        moves.chain(switches).chain(ceilings).collect()
    }
}

/// The last of changes that each begin where the one before ended, or the one that does not.
fn chain(changes: &BTreeMap<u64, Change>) -> Result<Option<Percent>, Change> {
    changes.values().try_fold(None, |last, change| if change.0 == last { Ok(Some(change.1)) } else { Err(*change) })
}
