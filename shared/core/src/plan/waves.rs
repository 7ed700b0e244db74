//! Cutting the moves into waves: one wave is applied and verified before the next begins.

use super::moves::Draft;
use super::position::Position;
use super::{PlanInput, position_of};
use crate::ids::MoveId;
use crate::interface::MAX_MOVES;
use crate::record::MoveRecord;

/// All moves as records and their ids by wave: what was left unfinished and moves down first,
/// services that miss tasks before the others; then one move up alone, the canary; then the rest,
/// as many at a time as may be in flight.
pub(super) fn in_waves(
    input: &PlanInput<'_>,
    positions: &[Position<'_>],
    mut downs: Vec<Draft<'_, '_>>,
    ups: Vec<Draft<'_, '_>>,
) -> (Vec<MoveRecord>, Vec<Vec<MoveId>>) {
    downs.sort_by_key(|draft| {
        let service = draft.position.service;
        (service.running >= service.desired, std::cmp::Reverse(draft.position.spot_tasks()), &service.id)
    });
    let mut waves: Vec<Vec<MoveRecord>> = cut_downs(input, positions, downs);
    let resumed = input.resumed.iter().filter(|record| position_of(positions, &record.planned.service).is_some());
    let resumed: Vec<MoveRecord> = resumed.cloned().collect();
    waves.splice(0..0, resumed.chunks(MAX_MOVES).map(<[MoveRecord]>::to_vec));
    let in_flight = usize::try_from(input.policy.pace.services_in_flight).unwrap_or(1).clamp(1, MAX_MOVES);
    let mut ups: Vec<MoveRecord> = ups.into_iter().map(|draft| record(input, draft)).collect();
    if !ups.is_empty() {
        let rest = ups.split_off(1);
        waves.push(ups);
        waves.extend(rest.chunks(in_flight).map(<[MoveRecord]>::to_vec));
    }
    number(input, waves)
}

/// Waves of moves down: each replaces no more tasks than the pace allows, and has one move at
/// least.
fn cut_downs(input: &PlanInput<'_>, positions: &[Position<'_>], downs: Vec<Draft<'_, '_>>) -> Vec<Vec<MoveRecord>> {
    let tasks: u64 = positions.iter().map(|position| u64::from(position.service.desired)).sum();
    let allowed = input.policy.pace.down_wave_percent.floor_of(tasks);
    let mut waves: Vec<Vec<MoveRecord>> = Vec::new();
    let mut replaced = 0;
    for draft in downs {
        let tasks = u64::from(draft.position.service.desired);
        let open = waves.last_mut().filter(|wave| wave.len() < MAX_MOVES && replaced + tasks <= allowed);
        let record = record(input, draft);
        match open {
            Some(wave) => {
                wave.push(record);
                replaced += tasks;
            }
            None => {
                waves.push(vec![record]);
                replaced = tasks;
            }
        }
    }
    waves
}

fn record(input: &PlanInput<'_>, draft: Draft<'_, '_>) -> MoveRecord {
    MoveRecord::new(draft.into_move(input))
}

/// Gives every move its id and its wave. Ids carry the pass, so that a switch run that goes over
/// its clusters again does not write over the moves of the pass before.
fn number(input: &PlanInput<'_>, waves: Vec<Vec<MoveRecord>>) -> (Vec<MoveRecord>, Vec<Vec<MoveId>>) {
    let cluster = &input.snapshot.cluster.name;
    let mut records = Vec::new();
    let mut ids = Vec::new();
    for (wave, moves) in waves.into_iter().enumerate() {
        let mut of_wave = Vec::new();
        for mut record in moves {
            let text = format!("{cluster}/{}-{}", input.run.passes, records.len());
            // A cluster name of at most 255 checked characters and two numbers are a move id.
            if let Ok(id) = MoveId::parse(&text) {
                record.planned.id = id.clone();
                record.planned.wave = u32::try_from(wave).unwrap_or(u32::MAX);
                of_wave.push(id);
                records.push(record);
            }
        }
        ids.push(of_wave);
    }
    (records, ids)
}
