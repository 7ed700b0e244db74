//! Cutting the moves into waves: a wave is what one call of the Updater writes. Moves up, a wave is
//! verified before the next is written. Moves down, as many waves as fit together are written one
//! after the other and then verified together: a kill switch waits for nothing but the API's pace.

use std::collections::BTreeMap;

use super::moves::Draft;
use super::position::Position;
use super::{PlanInput, position_of};
use crate::assess::return_path::{Survey, headroom_in};
use crate::ids::{MoveId, ProviderName};
use crate::interface::{MAX_MOVES, max_unverified};
use crate::record::MoveRecord;

/// The moves of a plan in waves.
pub(super) struct InWaves {
    /// All moves, in the order of the waves.
    pub(super) moves: Vec<MoveRecord>,
    /// Their ids by wave.
    pub(super) waves: Vec<Vec<MoveId>>,
    /// The waves after which the next is written before either is verified.
    pub(super) followed_at_once: Vec<u32>,
}

/// All moves as records and their ids by wave: what was left unfinished and moves down first,
/// services that miss tasks before the others; then one move up alone, the canary; then the rest,
/// as many at a time as may be in flight.
pub(super) fn in_waves(
    input: &PlanInput<'_>,
    survey: &Survey<'_>,
    positions: &[Position<'_>],
    mut downs: Vec<Draft<'_, '_>>,
    ups: Vec<Draft<'_, '_>>,
) -> InWaves {
    downs.sort_by_key(|draft| {
        let service = draft.position.service;
        (service.running >= service.desired, std::cmp::Reverse(draft.position.spot_tasks()), &service.id)
    });
    let most = max_unverified(&input.run.id, &input.snapshot.cluster.name);
    let downs = cut_downs(input, survey, positions, downs, most);
    let mut stages: Vec<Vec<Wave>> = downs.iter().map(|stage| waves(stage)).collect();
    let resumed = input.resumed.iter().filter(|record| position_of(positions, &record.planned.service).is_some());
    let resumed: Vec<MoveRecord> = resumed.cloned().collect();
    // What a dead run has left may take an hour to be verified: a switch does not wait for that. Its
    // own moves are written first, since some are of the same services.
    match stages.last_mut().zip(downs.last()).filter(|_| input.run.switch().is_some()) {
        Some((last, moves)) if moves.len() + resumed.len() <= most => last.extend(waves(&resumed)),
        Some(_) => stages.extend(waves(&resumed).into_iter().map(|wave| vec![wave])),
        None => {
            stages.splice(0..0, waves(&resumed).into_iter().map(|wave| vec![wave]));
        }
    }
    let in_flight = usize::try_from(input.policy.pace.services_in_flight).unwrap_or(1).clamp(1, MAX_MOVES);
    let mut ups: Vec<MoveRecord> = ups.into_iter().map(|draft| record(input, draft)).collect();
    if !ups.is_empty() {
        let rest = ups.split_off(1);
        stages.push(vec![ups]);
        stages.extend(rest.chunks(in_flight).map(|wave| vec![wave.to_vec()]));
    }
    number(input, stages)
}

/// Stages of moves down, each of which is verified before the next is written: each replaces no more
/// tasks than the pace allows, asks no On-Demand provider for more than it can take, as far as that
/// is known, and has one move at least.
fn cut_downs(
    input: &PlanInput<'_>,
    survey: &Survey<'_>,
    positions: &[Position<'_>],
    downs: Vec<Draft<'_, '_>>,
    most: usize,
) -> Vec<Vec<MoveRecord>> {
    let tasks: u64 = positions.iter().map(|position| u64::from(position.service.desired)).sum();
    let allowed = input.policy.pace.down_wave_percent.floor_of(tasks);
    let mut stages: Vec<Stage> = Vec::new();
    for draft in downs {
        let load = Load::of(input, survey, &draft);
        let record = record(input, draft);
        match stages.last_mut().filter(|stage| stage.takes(&load, allowed, most)) {
            Some(stage) => stage.add(record, load),
            None => {
                let mut stage = Stage::default();
                stage.add(record, load);
                stages.push(stage);
            }
        }
    }
    stages.into_iter().map(|stage| stage.moves).collect()
}

/// What a move down takes of its stage.
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

/// A stage of moves down in the making.
#[derive(Default)]
struct Stage {
    moves: Vec<MoveRecord>,
    /// Tasks that it replaces.
    tasks: u64,
    /// CPU that it asks of each On-Demand provider.
    asked: BTreeMap<ProviderName, u64>,
}

impl Stage {
    fn takes(&self, load: &Load, allowed: u64, most: usize) -> bool {
        let asked = self.asked.get(&load.on_demand).copied().unwrap_or(0).saturating_add(load.asked);
        self.moves.len() < most
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

/// What one call of the Updater writes.
type Wave = Vec<MoveRecord>;

/// As few waves as take these moves.
fn waves(moves: &[MoveRecord]) -> Vec<Wave> {
    moves.chunks(MAX_MOVES).map(<[MoveRecord]>::to_vec).collect()
}

/// Gives every move its id and its wave. Ids carry the pass, so that a switch run that goes over
/// its clusters again does not write over the moves of the pass before.
fn number(input: &PlanInput<'_>, stages: Vec<Vec<Wave>>) -> InWaves {
    let cluster = &input.snapshot.cluster.name;
    let mut cut = InWaves { moves: Vec::new(), waves: Vec::new(), followed_at_once: Vec::new() };
    for stage in stages {
        let mut left = stage.len();
        for moves in stage {
            let wave = u32::try_from(cut.waves.len()).unwrap_or(u32::MAX);
            left -= 1;
            if left > 0 {
                cut.followed_at_once.push(wave);
            }
            let mut of_wave = Vec::new();
            for mut record in moves {
                let text = format!("{cluster}/{}-{}", input.run.passes, cut.moves.len());
                // A cluster name of at most 255 checked characters and two numbers are a move id.
                if let Ok(id) = MoveId::parse(&text) {
                    record.planned.id = id.clone();
                    record.planned.wave = wave;
                    of_wave.push(id);
                    cut.moves.push(record);
                }
            }
            cut.waves.push(of_wave);
        }
    }
    cut
}
