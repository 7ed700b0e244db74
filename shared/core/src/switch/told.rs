//! Which switches were told of, so that a change that nobody told of is found by the next run.
//!
//! An execution that throws or releases a switch says so itself. An item that somebody puts into the table,
//! and an end that comes, are found by the next run: what stands is held against what stood when a run last
//! looked. What is to be told is written down before it is told and struck out afterwards, so that a run that
//! dies in between leaves it to the next one: each change is told at least once, under the same id, in order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Lever, SwitchChange, SwitchEntry, SwitchState, SwitchedHow, Switches};
use crate::ids::RunId;

/// The longest reason and name that is kept here, in characters: people write them by hand.
const LONGEST: usize = 300;
/// The most changes that wait to be told; the oldest go first. Only a bus that takes nothing for long has as
/// many waiting.
const UNTOLD: usize = 50;
/// Who released a switch of which the item is gone.
const UNKNOWN: &str = "(unknown)";

/// The switches that were told of: one item of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToldSwitches {
    /// Those that were in force when a run last looked.
    pub on: Vec<SwitchEntry>,
    /// Changes of which nobody knows that they were told, oldest first.
    pub untold: Vec<SwitchChange>,
    /// Counts up with each write: a write under another number than the one after is refused.
    pub version: u64,
}

impl ToldSwitches {
    /// What a run finds that looks at the switches: what has changed since is to be told, after what was still
    /// to be told before. `None` where nothing has changed.
    #[must_use]
    pub fn found(&self, switches: &Switches, run: &RunId, now: Timestamp) -> Option<ToldSwitches> {
        let on: Vec<SwitchEntry> = switches.in_force(now).map(brief).collect();
        let stood = |entry: &&SwitchEntry| self.on.iter().any(|told| told.says_the_same(entry));
        let stands = |told: &&SwitchEntry| on.iter().any(|entry| entry.scope == told.scope);
        let version = self.version + 1;
        let change = |how, state, entry: SwitchEntry| {
            let id = format!("{version}/{}", entry.scope);
            SwitchChange { run: run.clone(), how, state, entry, epoch: switches.epoch, id }
        };
        let released = self.on.iter().filter(|told| !stands(told)).map(|told| {
            let (how, entry) = released(told, switches, now);
            change(how, SwitchState::Off, entry)
        });
        let thrown = on.iter().filter(|entry| !stood(entry)).map(|entry| {
            let before = self.on.iter().find(|told| told.scope == entry.scope);
            let set_at = set_at(entry, before, now);
            change(SwitchedHow::Table, SwitchState::On, SwitchEntry { set_at, ..entry.clone() })
        });
        let new: Vec<SwitchChange> = released.chain(thrown).collect();
        if new.is_empty() {
            return None;
        }
        let mut untold = self.untold.clone();
        untold.extend(new);
        untold.drain(..untold.len().saturating_sub(UNTOLD));
        Some(ToldSwitches { on, untold, version })
    }

    /// With an execution's own change, which is to be told after what was still to be told before. An execution
    /// that says it again says what it said before.
    #[must_use]
    pub fn with(&self, change: &SwitchChange) -> ToldSwitches {
        let mut on: Vec<SwitchEntry> =
            self.on.iter().filter(|told| told.scope != change.entry.scope).cloned().collect();
        if change.state == SwitchState::On {
            on.push(brief(&change.entry));
        }
        let mut untold: Vec<SwitchChange> = self.untold.iter().filter(|one| one.id != change.id).cloned().collect();
        untold.push(SwitchChange { entry: brief(&change.entry), ..change.clone() });
        untold.drain(..untold.len().saturating_sub(UNTOLD));
        ToldSwitches { on, untold, version: self.version + 1 }
    }

    /// After the first changes of those that waited were told, so many of them.
    #[must_use]
    pub fn after_telling(&self, told: usize) -> ToldSwitches {
        let untold = self.untold.iter().skip(told).cloned().collect();
        ToldSwitches { on: self.on.clone(), untold, version: self.version + 1 }
    }
}

/// How a switch that is not in force any more came to be so, and its entry as it is told.
fn released(told: &SwitchEntry, switches: &Switches, now: Timestamp) -> (SwitchedHow, SwitchEntry) {
    let of_scope = |entry: &&SwitchEntry| entry.scope == told.scope;
    // Its item may be there still, or TTL or somebody may have taken it away after its end.
    let until = switches.entries.iter().filter(of_scope).filter_map(|entry| entry.until).max().or(told.until);
    let ended = until.filter(|until| *until <= now);
    let (how, who, set_at) = match ended {
        Some(until) => (SwitchedHow::Ended, told.who.clone(), until),
        None => (SwitchedHow::Table, UNKNOWN.to_owned(), now),
    };
    let (until, preempt, unenrolled, lever) = (None, false, false, Lever::Strategy);
    (how, SwitchEntry { who, set_at, until, preempt, unenrolled, lever, ..told.clone() })
}

/// When an entry was put, as far as it says so: what it says may be left from the entry before, or wrong.
fn set_at(entry: &SwitchEntry, before: Option<&SwitchEntry>, now: Timestamp) -> Timestamp {
    let after = before.map_or(Timestamp::UNIX_EPOCH, |before| before.set_at);
    if after < entry.set_at && entry.set_at <= now { entry.set_at } else { now }
}

/// An entry without more words than are told.
fn brief(entry: &SwitchEntry) -> SwitchEntry {
    let cut = |text: &str| text.chars().take(LONGEST).collect();
    SwitchEntry { reason: cut(&entry.reason), who: cut(&entry.who), ..entry.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, run_id, switch};
    use crate::switch::Scope;

    fn entry(scope: &str, until: Option<i64>) -> SwitchEntry {
        let scope = Scope::parse(scope).unwrap();
        SwitchEntry { until: until.map(at), set_at: at(-60), ..switch(scope) }
    }

    fn switches(entries: &[SwitchEntry]) -> Switches {
        Switches { entries: entries.to_vec(), epoch: 4 }
    }

    fn told(on: &[SwitchEntry]) -> ToldSwitches {
        ToldSwitches { on: on.to_vec(), untold: Vec::new(), version: 6 }
    }

    /// `state scope how at id`, as one reads it in a test.
    fn line(change: &SwitchChange) -> String {
        let at = change.entry.set_at.duration_since(at(0)).as_secs();
        format!("{:?} {} {:?} {at} {}", change.state, change.entry.scope, change.how, change.id)
    }

    #[test]
    fn what_was_not_told_is_found() {
        let (all, prod) = (|| entry("all", None), || entry("cluster/prod", None));
        let dated = |scope, set_at| SwitchEntry { set_at, ..entry(scope, None) };
        let edited = || SwitchEntry { reason: "another".to_owned(), ..prod() };
        // name; what was told; what stands; what is to be told
        type Row<'a> = (&'a str, Vec<SwitchEntry>, Vec<SwitchEntry>, &'a [&'a str]);
        let cases: [Row<'_>; 16] = [
            ("nothing", vec![], vec![], &[]),
            ("one that stands", vec![prod()], vec![prod()], &[]),
            ("put", vec![], vec![prod()], &["On cluster/prod Table -60 7/cluster/prod"]),
            ("put without a time", vec![], vec![dated("all", Timestamp::UNIX_EPOCH)], &["On all Table 0 7/all"]),
            ("put with a time to come", vec![], vec![dated("all", at(1))], &["On all Table 0 7/all"]),
            ("put again at another time", vec![prod()], vec![dated("cluster/prod", at(-30))], &[]),
            ("changed", vec![prod()], vec![edited()], &["On cluster/prod Table 0 7/cluster/prod"]),
            (
                "changed, with its time",
                vec![prod()],
                vec![SwitchEntry { set_at: at(-30), ..edited() }],
                &["On cluster/prod Table -30 7/cluster/prod"],
            ),
            ("taken out", vec![prod()], vec![], &["Off cluster/prod Table 0 7/cluster/prod"]),
            ("one of two taken out", vec![all(), prod()], vec![all()], &["Off cluster/prod Table 0 7/cluster/prod"]),
            ("ended", vec![entry("all", Some(-10))], vec![entry("all", Some(-10))], &["Off all Ended -10 7/all"]),
            ("ended just now", vec![entry("all", Some(0))], vec![entry("all", Some(0))], &["Off all Ended 0 7/all"]),
            ("ended, and taken out", vec![entry("all", Some(-10))], vec![], &["Off all Ended -10 7/all"]),
            ("taken out before its end", vec![entry("all", Some(10))], vec![], &["Off all Table 0 7/all"]),
            (
                "an end that was put later has come",
                vec![all()],
                vec![entry("all", Some(-5))],
                &["Off all Ended -5 7/all"],
            ),
            ("put with an end that has passed", vec![], vec![entry("all", Some(-10))], &[]),
        ];
        for (name, before, stand, expected) in cases {
            let found = told(&before).found(&switches(&stand), &run_id("run-1"), at(0));
            let lines: Vec<String> = found.iter().flat_map(|found| &found.untold).map(line).collect();
            assert_eq!(lines, expected, "{name}");
            assert_eq!(found.is_some(), !expected.is_empty(), "{name}");
            // Found once: what was found stands as told.
            let again = found.unwrap_or_else(|| told(&before));
            assert_eq!(again.found(&switches(&stand), &run_id("run-2"), at(0)), None, "{name}");
        }
    }

    #[test]
    fn a_switch_that_is_released_says_why_it_was_thrown() {
        let thrown = SwitchEntry { until: Some(at(-10)), preempt: true, unenrolled: true, ..entry("all", None) };
        let entry_of = |stand: &[SwitchEntry], now| {
            let found = told(std::slice::from_ref(&thrown)).found(&switches(stand), &run_id("run-1"), at(now));
            let change = found.unwrap().untold.remove(0);
            assert_eq!((change.epoch, change.run), (4, run_id("run-1")));
            change.entry
        };
        let released = SwitchEntry { until: None, preempt: false, unenrolled: false, ..thrown.clone() };
        assert_eq!(entry_of(&[], 0), SwitchEntry { set_at: at(-10), ..released.clone() });
        assert_eq!(entry_of(&[], -20), SwitchEntry { set_at: at(-20), who: UNKNOWN.to_owned(), ..released });
    }

    /// A run that dies before it has told leaves it to the next one, under the same id, and what comes of the
    /// switch meanwhile is told after it.
    #[test]
    fn what_was_found_waits_until_it_was_told() {
        let prod = [entry("cluster/prod", None)];
        let found = ToldSwitches::default().found(&switches(&prod), &run_id("run-1"), at(0)).unwrap();
        let ids = |told: &ToldSwitches| told.untold.iter().map(|change| change.id.clone()).collect::<Vec<_>>();
        assert_eq!((ids(&found), found.version), (vec!["1/cluster/prod".to_owned()], 1));

        let gone = found.found(&switches(&[]), &run_id("run-2"), at(900)).unwrap();
        assert_eq!(ids(&gone), ["1/cluster/prod", "2/cluster/prod"]);
        let one = gone.after_telling(1);
        assert_eq!((ids(&one), one.version, &one.on), (vec!["2/cluster/prod".to_owned()], 3, &gone.on));
        assert_eq!(ids(&one.after_telling(1)), [""; 0]);
    }

    #[test]
    fn what_an_execution_tells_is_not_found_again() {
        let change = |state, scope: &str| SwitchChange {
            run: run_id("kill"),
            how: SwitchedHow::Execution,
            state,
            entry: entry(scope, None),
            epoch: 5,
            id: "kill".to_owned(),
        };
        let on = told(&[entry("cluster/prod", None)]).with(&change(SwitchState::On, "all"));
        let both = [entry("all", None), entry("cluster/prod", None)];
        assert_eq!((on.found(&switches(&both), &run_id("run-1"), at(0)), on.version), (None, 7));
        // The same scope again is one entry.
        assert_eq!(on.with(&change(SwitchState::On, "all")).on.len(), 2);
        let off = on.with(&change(SwitchState::Off, "all"));
        assert_eq!(off.found(&switches(&both[1..]), &run_id("run-1"), at(0)), None);
        // What waits is told first, and what one execution says twice is told once.
        let ids = |told: &ToldSwitches| told.untold.iter().map(|change| change.id.clone()).collect::<Vec<_>>();
        let found = told(&[]).found(&switches(&both[1..]), &run_id("run-1"), at(0)).unwrap();
        let waiting = found.with(&change(SwitchState::On, "all"));
        assert_eq!(ids(&waiting), ["7/cluster/prod", "kill"]);
        assert_eq!(ids(&waiting.with(&change(SwitchState::On, "all"))), ["7/cluster/prod", "kill"]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let long = SwitchEntry { reason: "é".repeat(1_000), who: "w".repeat(1_000), ..entry("all", None) };
        let found = told(&[]).found(&switches(std::slice::from_ref(&long)), &run_id("run-1"), at(0)).unwrap();
        let kept = &found.on[0];
        assert_eq!((kept.reason.chars().count(), kept.who.len()), (300, 300));
        assert_eq!(found.found(&switches(&[long]), &run_id("run-2"), at(0)), None, "and found once all the same");

        let mut waiting = told(&[]);
        for number in 0..60 {
            let stand = if number % 2 == 0 { vec![entry("all", None)] } else { vec![] };
            waiting = waiting.found(&switches(&stand), &run_id("run-1"), at(number)).unwrap();
        }
        assert_eq!((waiting.untold.len(), waiting.untold[0].id.as_str()), (50, "17/all"), "the oldest go");
    }
}
