//! Cutting the moves into waves: one wave is applied and verified before the next begins.

use std::collections::BTreeMap;

use super::moves::Draft;
use super::position::Position;
use super::{PlanInput, position_of};
use crate::assess::return_path::{Survey, headroom_in};
use crate::ids::{MoveId, ProviderName};
use crate::interface::MAX_MOVES;
use crate::record::MoveRecord;

/// All moves as records and their ids by wave: what was left unfinished and moves down first,
/// services that miss tasks before the others; then one move up alone, the canary; then the rest,
/// as many at a time as may be in flight.
pub(super) fn in_waves(
    input: &PlanInput<'_>,
    survey: &Survey<'_>,
    positions: &[Position<'_>],
    mut downs: Vec<Draft<'_, '_>>,
    ups: Vec<Draft<'_, '_>>,
) -> (Vec<MoveRecord>, Vec<Vec<MoveId>>) {
    downs.sort_by_key(|draft| {
        let service = draft.position.service;
        (service.running >= service.desired, std::cmp::Reverse(draft.position.spot_tasks()), &service.id)
    });
    let mut waves: Vec<Vec<MoveRecord>> = cut_downs(input, survey, positions, downs);
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

/// Waves of moves down: each replaces no more tasks than the pace allows, asks no On-Demand provider
/// for more than it can take, as far as that is known, and has one move at least.
fn cut_downs(
    input: &PlanInput<'_>,
    survey: &Survey<'_>,
    positions: &[Position<'_>],
    downs: Vec<Draft<'_, '_>>,
) -> Vec<Vec<MoveRecord>> {
    let tasks: u64 = positions.iter().map(|position| u64::from(position.service.desired)).sum();
    let allowed = input.policy.pace.down_wave_percent.floor_of(tasks);
    let mut waves: Vec<Wave> = Vec::new();
    for draft in downs {
        let load = Load::of(input, survey, &draft);
        let record = record(input, draft);
        match waves.last_mut().filter(|wave| wave.takes(&load, allowed)) {
            Some(wave) => wave.add(record, load),
            None => {
                let mut wave = Wave::default();
                wave.add(record, load);
                waves.push(wave);
            }
        }
    }
    waves.into_iter().map(|wave| wave.moves).collect()
}

/// What a move down takes of its wave.
struct Load {
    /// Tasks that it replaces.
    tasks: u64,
    /// The provider that takes tasks back.
    on_demand: ProviderName,
    /// CPU that this provider is asked for.
    asked: u64,
    /// CPU that it can take; `None` where that is not known, which keeps nothing from coming down.
    headroom: Option<u64>,
}

impl Load {
    fn of(input: &PlanInput<'_>, survey: &Survey<'_>, draft: &Draft<'_, '_>) -> Load {
        let service = draft.position.service;
        let (pair, tasks) = draft.asked();
        let cpu = |tasks: u32| draft.position.task_cpu.map(|cpu| cpu.times(u64::from(tasks)).0);
        let headroom = headroom_in(survey, input.snapshot, pair, service, input.policy).ok();
        Load {
            tasks: u64::from(service.desired),
            on_demand: pair.on_demand.clone(),
            asked: cpu(tasks).unwrap_or(0),
            headroom: headroom.and_then(cpu),
        }
    }
}

/// A wave of moves down in the making.
#[derive(Default)]
struct Wave {
    moves: Vec<MoveRecord>,
    /// Tasks that it replaces.
    tasks: u64,
    /// CPU that it asks of each On-Demand provider.
    asked: BTreeMap<ProviderName, u64>,
}

impl Wave {
    fn takes(&self, load: &Load, allowed: u64) -> bool {
        let asked = self.asked.get(&load.on_demand).copied().unwrap_or(0).saturating_add(load.asked);
        self.moves.len() < MAX_MOVES
            && self.tasks.saturating_add(load.tasks) <= allowed
            && load.headroom.is_none_or(|headroom| asked <= headroom)
    }

    fn add(&mut self, record: MoveRecord, load: Load) {
        self.moves.push(record);
        self.tasks = self.tasks.saturating_add(load.tasks);
        let asked = self.asked.entry(load.on_demand).or_default();
        *asked = asked.saturating_add(load.asked);
    }
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
