//! The placement scorer on a schedule of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use placement_scorer::ScorerConfig;
use spotkeeper_core::ids::{ClusterName, ProviderName, RunId};
use spotkeeper_core::interface::{ScoreCounts, ScoreInput};
use spotkeeper_core::phase::Function;
use spotkeeper_core::signals::ScoreAnswer;

use crate::ports::Ports;
use crate::simulation::{Inner, Simulation};

/// `ScoreSchedule` of the template.
pub const PERIOD: SignedDuration = SignedDuration::from_mins(10);
/// `ScoreQueriesPerDay` of the template.
pub const CONFIG: ScorerConfig = ScorerConfig { queries_per_day: 10 };
/// Who the journal says it is.
const NAME: &str = "scores";

/// Asks again and again. A failure is left to the next start, as the template has it.
pub(crate) async fn scheduled(simulation: Simulation, period: SignedDuration) {
    let origin = simulation.clock.origin();
    let mut told = BTreeMap::new();
    for number in 1.. {
        simulation.sleep_until(origin + period * number).await;
        if let Err(error) = invoke(&simulation, &CONFIG, ScoreInput::default()).await {
            simulation.with(|inner| inner.note(NAME, format!("PlacementScorer fails: {error}")));
        }
        simulation.with(|inner| tell(inner, &mut told));
    }
}

/// One invocation of the function.
///
/// # Errors
/// The name of the error that it failed with, or that Lambda gives to its death.
pub async fn invoke(simulation: &Simulation, config: &ScorerConfig, input: ScoreInput) -> Result<ScoreCounts, String> {
    let Ok(run) = RunId::parse(NAME) else { unreachable!("{NAME} is a name of a run") };
    let function = Function::PlacementScorer;
    let ports = Ports::new(simulation.clone(), function, run);
    tokio::select! {
        biased;
        done = placement_scorer::handle(&ports, &ports, &ports, &ports, config, input) => {
            done.map_err(|failure| failure.name().to_owned())
        }
        () = ports.died() => Err("Runtime.ExitError".to_owned()),
        () = tokio::time::sleep(Duration::from_secs(function.timeout().0.into())) => Err("Sandbox.Timedout".to_owned()),
    }
}

/// Notes what is known of a score where it is another than was told last.
fn tell(inner: &mut Inner, told: &mut BTreeMap<(ClusterName, ProviderName), String>) {
    let lines: Vec<_> = inner.tables.scores.iter().map(|(key, record)| (key.clone(), said(&record.answer))).collect();
    for (key, now) in lines {
        if told.get(&key) != Some(&now) {
            inner.note(NAME, format!("{}/{}: {now}", key.0, key.1));
            told.insert(key, now);
        }
    }
}

fn said(answer: &ScoreAnswer) -> String {
    match answer {
        ScoreAnswer::Scored { score, zones, .. } => {
            let zones: Vec<String> = zones.iter().map(|(zone, score)| format!("{zone} {score}")).collect();
            format!("{score} ({})", zones.join(", "))
        }
        ScoreAnswer::Refused { why } => format!("refused, {}", why.name()),
        ScoreAnswer::Absent { zones } => format!("no score of {}", zones.join(", ")),
        ScoreAnswer::Unsupported { .. } => "unsupported".to_owned(),
    }
}
