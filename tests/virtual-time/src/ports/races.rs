//! A switch that is thrown at a given call of a run: for tests that go through all of them.

use std::sync::Arc;

use spotkeeper_core::ids::RunId;
use spotkeeper_core::phase::Function;
use spotkeeper_core::switch::{Scope, SwitchEntry};
use tokio::sync::Notify;

use crate::simulation::Inner;

/// On which side of a call's effect something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// As the call is sent.
    Before,
    /// Right after it took effect.
    After,
}

/// A switch, and when it is thrown.
#[derive(Debug, Clone)]
pub struct Throw {
    /// The run whose calls count.
    pub run: RunId,
    /// At the how manieth of them, from 1.
    pub call: u32,
    /// On which side of it.
    pub at: At,
    /// What is thrown.
    pub entry: SwitchEntry,
    /// Whether a person puts it into the table, where the epoch does not count up; else it is put
    /// there as a switch run does.
    pub by_hand: bool,
    /// Told when it is thrown.
    pub thrown: Arc<Notify>,
}

/// What a test does between two calls.
#[derive(Debug, Clone, Default)]
pub struct Races {
    /// The switch to throw, until it is.
    pub throw: Option<Throw>,
    /// Calls that run has made so far.
    pub calls: u32,
    /// A function that sees no switch entry: what a test must notice.
    pub blind: Option<Function>,
}

impl Inner {
    /// A switch is released, as a run does it.
    pub fn release(&mut self, scope: &Scope) {
        self.promises.switch_removed(&self.world, scope);
        self.tables.remove_switch(scope);
    }

    /// Throws the switch when its time has come.
    pub(super) fn throw_switch(&mut self, run: &RunId, at: At) {
        let Some(throw) = self.races.throw.as_ref().filter(|throw| throw.run == *run) else { return };
        if at == At::Before {
            self.races.calls += 1;
        }
        if (throw.call, throw.at) != (self.races.calls, at) {
            return;
        }
        let Some(mut throw) = self.races.throw.take() else { return };
        throw.entry.set_at = self.world.now();
        self.promises.switch_put(&self.world, &throw.entry);
        if throw.by_hand {
            self.tables.switches.insert(throw.entry.scope.clone(), throw.entry);
        } else {
            self.tables.put_switch(&throw.entry);
        }
        self.note("person", format!("throws the switch {at:?} call {}", throw.call));
        throw.thrown.notify_one();
    }
}
