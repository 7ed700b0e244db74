//! `/_sim/`: what a test may ask of the simulator itself.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Sim, actions};
use crate::world::counters::Counters;
use crate::world::faults::{Fault, Faults};

type Answer = (StatusCode, Json<Value>);

fn ok(body: Value) -> Answer {
    (StatusCode::OK, Json(body))
}

fn bad(what: impl std::fmt::Display) -> Answer {
    (StatusCode::BAD_REQUEST, Json(json!({"error": what.to_string()})))
}

fn as_json(value: &impl serde::Serialize) -> Answer {
    match serde_json::to_value(value) {
        Ok(body) => ok(body),
        Err(e) => failed(&e),
    }
}

fn failed(e: &serde_json::Error) -> Answer {
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": e.to_string()})))
}

pub(super) async fn health(State(sim): State<Sim>) -> Answer {
    let (services, tasks) = sim.with_world(|w| (w.service_keys().count(), w.tasks.len()));
    ok(json!({"status": "ok", "services": services, "tasks": tasks}))
}

/// What was asked, and what users felt and paid.
pub(super) async fn counters(State(sim): State<Sim>) -> Answer {
    sim.with_world(|w| match (serde_json::to_value(&w.counters), serde_json::to_value(w.felt())) {
        (Ok(Value::Object(mut all)), Ok(felt)) => {
            all.insert("felt".to_owned(), felt);
            ok(Value::Object(all))
        }
        (Err(e), _) | (_, Err(e)) => failed(&e),
        _ => ok(json!({})),
    })
}

/// The events that were put on the account's bus and that nobody has taken.
pub(super) async fn events(State(sim): State<Sim>) -> Answer {
    sim.with_world(|w| as_json(&w.events().collect::<Vec<_>>()))
}

/// The same, and they are taken.
pub(super) async fn take_events(State(sim): State<Sim>) -> Answer {
    sim.with_world(|w| as_json(&w.take_events()))
}

/// What each capacity pool gives now, and what the account holds of it.
pub(super) async fn pools(State(sim): State<Sim>) -> Answer {
    sim.with_world(|w| {
        let shown = w.pools.iter().map(|(key, pool)| {
            json!({
                "pool": key.to_string(),
                "spotObtainable": w.obtainable(key, true),
                "spotHeld": pool.spot_held,
                "onDemandObtainable": w.obtainable(key, false),
                "onDemandHeld": pool.on_demand_held,
                "drought": pool.drought,
            })
        });
        ok(shown.collect())
    })
}

pub(super) async fn reset_counters(State(sim): State<Sim>) -> Answer {
    sim.with_world(|w| w.counters = Counters::default());
    ok(json!({}))
}

pub(super) async fn clock(State(sim): State<Sim>) -> Answer {
    let state = sim.lock();
    ok(json!({"now": state.0.now().to_string(), "speed": state.1.speed()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

pub(super) async fn advance(State(sim): State<Sim>, body: Bytes) -> Answer {
    let advance: Advance = match serde_json::from_slice(&body) {
        Ok(advance) => advance,
        Err(e) => return bad(format!("{e}; allowed is {{\"seconds\": N}}")),
    };
    // A month at once is plenty, and keeps one request from taking for ever.
    if !(0.0..=2_678_400.0).contains(&advance.seconds) {
        return bad(format!("seconds is {}: allowed are 0 to 2678400", advance.seconds));
    }
    sim.lock().1.skip(advance.seconds);
    clock(State(sim)).await
}

pub(super) async fn faults(State(sim): State<Sim>) -> Answer {
    sim.with_world(|w| as_json(&w.faults))
}

pub(super) async fn set_fault(State(sim): State<Sim>, body: Bytes) -> Answer {
    let mut request: Value = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(e) => return bad(e),
    };
    let on = match request.as_object_mut().and_then(|o| o.remove("on")) {
        None => true,
        Some(Value::Bool(on)) => on,
        Some(other) => return bad(format!("on is {other}: allowed are true and false")),
    };
    let fault: Fault = match serde_json::from_value(request) {
        Ok(fault) => fault,
        Err(e) => return bad(e),
    };
    let actions = actions();
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    let outcome = sim.with_world(|w| w.set_fault(fault, on, &actions));
    sim.0.held.look_again();
    match outcome {
        Ok(()) => faults(State(sim)).await,
        Err(what) => bad(what),
    }
}

pub(super) async fn clear_faults(State(sim): State<Sim>) -> Answer {
    sim.with_world(|w| w.faults = Faults::default());
    sim.0.held.look_again();
    ok(json!({}))
}

pub(super) async fn held(State(sim): State<Sim>) -> Answer {
    as_json(&sim.0.held.list())
}

/// Every service in a line: for a person, and for tests that compare with what AWS's API says.
pub(super) async fn services(State(sim): State<Sim>) -> Answer {
    sim.with_world(|w| {
        let keys: Vec<_> = w.service_keys().cloned().collect();
        let all: Vec<Value> = keys
            .iter()
            .filter_map(|k| w.service(&k.cluster, &k.name))
            .map(|s| {
                let mut running = std::collections::BTreeMap::<&str, u32>::new();
                for task in s.tasks.iter().filter_map(|id| w.tasks.get(id)).filter(|t| t.is_running()) {
                    *running.entry(task.provider.as_deref().unwrap_or_else(|| task.launch_type.name())).or_default() +=
                        1;
                }
                json!({
                    "cluster": s.key.cluster,
                    "service": s.key.name,
                    "desiredCount": s.desired_count,
                    "running": running,
                    "capacityProviderStrategy": s.current().map(|r| &r.strategy),
                    "rolloutState": s.primary().map(|d| d.rollout_state),
                    "serviceDeployment": s.service_deployments.first().map(|d| d.status),
                })
            })
            .collect();
        ok(Value::Array(all))
    })
}

pub(super) async fn unknown(uri: Uri) -> Answer {
    let what = format!(
        "there is no {}: there are GET /_sim/health, /_sim/counters, /_sim/clock, /_sim/faults, /_sim/held, /_sim/services, /_sim/pools, /_sim/events; POST /_sim/counters/reset, /_sim/clock/advance, /_sim/faults, /_sim/events/take; DELETE /_sim/faults",
        uri.path()
    );
    (StatusCode::NOT_FOUND, Json(json!({"error": what})))
}
