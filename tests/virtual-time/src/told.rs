//! What telemetry was told, each occurrence by what it is about: a repetition says nothing new.

use std::collections::{BTreeMap, BTreeSet};

use spotkeeper_core::control::{PairCeiling, Steered};
use spotkeeper_core::ids::{ClusterName, MoveId, RunId};
use spotkeeper_core::plan::Pair;
use spotkeeper_core::ports::EndOfRun;
use spotkeeper_core::record::MoveRecord;
use spotkeeper_core::switch::{Scope, SwitchChange, SwitchState, SwitchedHow};
use spotkeeper_core::units::Percent;

use crate::tables::Tables;

/// What was told.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The moves that ended.
    moves: BTreeSet<(RunId, MoveId)>,
    /// The ceilings that changed, by the version of the change.
    ceilings: BTreeMap<(ClusterName, Pair), BTreeMap<u64, Change>>,
    /// The runs that threw or released a switch.
    switches: BTreeSet<RunId>,
    /// Every change of a switch, by its id: thrown or released, by whatever way.
    changes: BTreeMap<String, (Scope, SwitchState)>,
    /// The switches that are on, as somebody knows who hears of each change once.
    on: BTreeSet<Scope>,
}

/// A change of a ceiling, or of what counts of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    before: Standing,
    after: Standing,
}

/// A ceiling, and what counts of it.
type Standing = (Option<Percent>, Option<Percent>);

impl Told {
    pub(crate) fn switch(&mut self, change: &SwitchChange) {
        let SwitchChange { run, how, state, entry, id, .. } = change;
        if *how == SwitchedHow::Execution {
            self.switches.insert(run.clone());
        }
        if self.changes.insert(id.clone(), (entry.scope.clone(), *state)).is_some() {
            return;
        }
        match state {
            SwitchState::On => self.on.insert(entry.scope.clone()),
            SwitchState::Off => self.on.remove(&entry.scope),
        };
    }

    pub(crate) fn ended(&mut self, record: &MoveRecord) {
        self.moves.insert((record.planned.run.clone(), record.planned.id.clone()));
    }

    pub(crate) fn run(&mut self, end: &EndOfRun<'_>) {
        end.held.iter().for_each(|record| self.ended(record));
        if end.run.is_dry() {
            return;
        }
        for steered in end.reports.iter().flat_map(|report| &report.ceilings).filter(|steered| steered.is_news()) {
            let Steered { before, in_force_before, after, .. } = steered;
            let of_pair = self.ceilings.entry((after.cluster.clone(), after.pair.clone())).or_default();
            let before = (*before, in_force_before.as_ref().map(|before| before.percent));
            of_pair.insert(after.version, Change { before, after: standing(after) });
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
            let told = self.ceilings.get(key).map_or(Ok((None, None)), chain);
            let expected = standing(known);
            (told != Ok(expected)).then(|| format!("a ceiling: {known:?}, told {told:?}"))
        });
        // None of them ends by itself in the tests that ask.
        let stand: BTreeSet<&Scope> = tables.switches.keys().collect();
        let known: BTreeSet<&Scope> = self.on.iter().collect();
        let unknown = stand.symmetric_difference(&known).map(|scope| format!("a change of the switch over {scope}"));
        moves.chain(switches).chain(ceilings).chain(unknown).collect()
    }

    /// How many changes of ceilings, or of what counts of them, were told.
    #[must_use]
    pub fn changes_of_ceilings(&self) -> usize {
        self.ceilings.values().map(BTreeMap::len).sum()
    }

    /// How often a switch over a scope was told as thrown or as released.
    #[must_use]
    pub fn times(&self, scope: &Scope, state: SwitchState) -> usize {
        self.changes.values().filter(|(of, told)| (of, told) == (scope, &state)).count()
    }
}

/// The last of changes that each begin where the one before ended, or the one that does not.
fn chain(changes: &BTreeMap<u64, Change>) -> Result<Standing, Change> {
    changes.values().try_fold(
        (None, None),
        |last, change| {
            if change.before == last { Ok(change.after) } else { Err(*change) }
        },
    )
}

fn standing(ceiling: &PairCeiling) -> Standing {
    (Some(ceiling.ceiling), ceiling.in_force.as_ref().map(|in_force| in_force.percent))
}
