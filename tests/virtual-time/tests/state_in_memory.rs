//! The driver's memory keeps to the contract that DynamoDB is held to.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use jiff::Timestamp;
use spotkeeper_core::fixtures::state_contract;
use spotkeeper_core::phase::Function;
use spotkeeper_core::policy::Policy;
use spotkeeper_virtual_time::ports::Ports;
use spotkeeper_virtual_time::simulation::{Simulation, in_virtual_time};
use spotkeeper_virtual_time::tables::Tables;

fn with_state(contract: impl AsyncFnOnce(&Ports)) {
    in_virtual_time(async {
        let world = aws_sim::account::parse("clusters: []", "test", Timestamp::UNIX_EPOCH).unwrap();
        let simulation = Simulation::start(world, Tables::new(Ok(Policy::default())), 0);
        let run = spotkeeper_core::fixtures::run_id("run");
        contract(&Ports::new(simulation, Function::Recorder, run)).await;
    })
    .unwrap();
}

#[test]
fn a_lease_passes_on_when_it_ends_or_is_given_back() {
    with_state(async |state| state_contract::a_lease_passes_on_when_it_ends_or_is_given_back(state).await);
}

#[test]
fn a_lease_is_not_given_under_an_old_epoch() {
    with_state(async |state| state_contract::a_lease_is_not_given_under_an_old_epoch(state).await);
}

#[test]
fn an_older_fence_cannot_write_the_ledger() {
    with_state(async |state| state_contract::an_older_fence_cannot_write_the_ledger(state).await);
}

#[test]
fn the_lock_has_one_holder_until_it_ends_or_is_given_back() {
    with_state(async |state| {
        state_contract::the_lock_has_one_holder_until_it_ends_or_is_given_back(state).await;
    });
}

#[test]
fn every_change_of_a_switch_counts_the_epoch_up() {
    with_state(async |state| state_contract::every_change_of_a_switch_counts_the_epoch_up(state).await);
}

#[test]
fn the_newest_score_of_a_provider_stands() {
    with_state(async |state| state_contract::the_newest_score_of_a_provider_stands(state).await);
}

#[test]
fn told_switches_are_written_over_those_that_were_read() {
    with_state(async |state| state_contract::told_switches_are_written_over_those_that_were_read(state).await);
}

#[test]
fn an_occurrence_is_kept_once() {
    with_state(async |state| state_contract::an_occurrence_is_kept_once(state).await);
}

#[test]
fn a_ceiling_is_written_over_the_one_that_was_read() {
    with_state(async |state| state_contract::a_ceiling_is_written_over_the_one_that_was_read(state).await);
}

#[test]
fn an_early_run_is_taken_once_in_its_time() {
    with_state(async |state| state_contract::an_early_run_is_taken_once_in_its_time(state).await);
}

#[test]
fn asked_queries_are_written_over_those_that_were_read() {
    with_state(async |state| state_contract::asked_queries_are_written_over_those_that_were_read(state).await);
}

#[test]
fn a_turn_is_written_over_the_one_that_was_read() {
    with_state(async |state| state_contract::a_turn_is_written_over_the_one_that_was_read(state).await);
}

#[test]
fn writes_are_taken_from_one_bucket() {
    with_state(async |state| state_contract::writes_are_taken_from_one_bucket(state).await);
}
