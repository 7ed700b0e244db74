//! One world on the wire: HTTP/1.1 on one port for every service, and `/_sim/` for tests.

mod admin;
mod answer;
mod app_scaling;
mod autoscaling;
mod check;
mod clock;
mod conform;
mod ec2;
mod ecs;
mod elbv2;
mod held;
mod model;
mod page;
mod params;
mod price_list;
mod protocol;
mod quotas;
mod sts;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::world::arn::short_name;
use crate::world::buckets;
use crate::world::counters::count;
use crate::world::settings::Throttling;
use crate::world::{Refusal, World};
use clock::Clock;
pub use clock::Speed;
pub(crate) use ec2::zone_id;
use held::Held;
use model::Model;
use protocol::{Call, Service};

/// The largest request that is read.
const MOST_BYTES: usize = 1 << 20;

/// A request with this header is answered as if IAM denied it: for who stands in front of the
/// simulator and knows IAM.
const DENY: &str = "x-aws-sim-deny";

/// One world with its clock, shared by all connections.
#[derive(Clone)]
pub struct Sim(Arc<Shared>);

struct Shared {
    state: Mutex<(World, Clock)>,
    held: Held,
}

/// The answer is lost: the connection is closed without one.
#[derive(Clone, Copy, Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer is lost on purpose")
    }
}

impl std::error::Error for Lost {}

/// Serves one world until the task is dropped.
pub async fn serve(world: World, speed: Speed, listener: TcpListener) -> std::io::Result<()> {
    Sim::new(world, speed).serve(listener).await
}

impl Sim {
    /// Starts the clock of a world.
    pub fn new(world: World, speed: Speed) -> Self {
        let clock = Clock::start(world.now(), speed);
        Self(Arc::new(Shared { state: Mutex::new((world, clock)), held: Held::default() }))
    }

    /// Looks into the world, as of now.
    pub fn with_world<T>(&self, f: impl FnOnce(&mut World) -> T) -> T {
        f(&mut self.lock().0)
    }

    /// Accepts connections until the task is dropped.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        let router = Router::new()
            .route("/_sim/health", get(admin::health))
            .route("/_sim/counters", get(admin::counters))
            .route("/_sim/counters/reset", post(admin::reset_counters))
            .route("/_sim/clock", get(admin::clock))
            .route("/_sim/clock/advance", post(admin::advance))
            .route("/_sim/faults", get(admin::faults).post(admin::set_fault).delete(admin::clear_faults))
            .route("/_sim/held", get(admin::held))
            .route("/_sim/services", get(admin::services))
            .route("/_sim/pools", get(admin::pools))
            .route("/_sim/events", get(admin::events))
            .route("/_sim/events/take", post(admin::take_events))
            .route("/_sim/{*rest}", get(admin::unknown).post(admin::unknown))
            .fallback(answer)
            .with_state(self);
        loop {
            let (stream, _) = match listener.accept().await {
                Ok(accepted) => accepted,
                // A connection that broke before it was accepted is no reason to stop; a short pause
                // keeps an exhausted file table from turning this into a busy loop.
                Err(_) => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    continue;
                }
            };
            let router = router.clone();
            tokio::spawn(async move {
                let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                    let router = router.clone();
                    async move {
                        let Ok(response) = router.oneshot(request.map(Body::new)).await;
                        // An error here is the only way to have hyper close without an answer.
                        if response.extensions().get::<Lost>().is_some() { Err(Lost) } else { Ok(response) }
                    }
                });
                // What goes wrong on one connection is that client's business.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }

    /// The world, brought up to now.
    fn lock(&self) -> MutexGuard<'_, (World, Clock)> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = state.1.now();
        state.0.advance(now);
        state
    }
}

/// Answers one action: its request has been checked against its shape.
type Handler = fn(&mut World, &Value) -> Result<Value, Refusal>;

/// Every action that is answered, as `service:Action`.
fn actions() -> Vec<String> {
    Service::ALL.iter().flat_map(|s| s.calls().iter().map(|(name, _)| format!("{}:{name}", s.prefix()))).collect()
}

async fn answer(State(sim): State<Sim>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the request is larger than 1 MiB").into_response();
    };
    let call = match protocol::decode(&head.headers, &body) {
        Ok(call) => call,
        Err(response) => return *response,
    };
    let action = call.action();
    if let Some(true) = sim.hold_of(&action) {
        sim.wait_while_held(&action, true).await;
    }
    let (outcome, lost) = sim.take(&call, &action, head.headers.contains_key(DENY));
    if let Some(false) = sim.hold_of(&action) {
        sim.wait_while_held(&action, false).await;
    }
    if lost {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Lost);
        return response;
    }
    answer::encode(&call, outcome)
}

impl Sim {
    /// Whether answers of this action are held, and if so whether before the effect.
    fn hold_of(&self, action: &str) -> Option<bool> {
        self.lock().0.faults.hold.get(action).copied()
    }

    async fn wait_while_held(&self, action: &str, before: bool) {
        let since = self.lock().0.now();
        let mut guard = self.0.held.enter(action, before, since);
        while self.hold_of(action) == Some(before) {
            guard.changed().await;
        }
    }

    /// Takes a call: counts it, throttles it, denies it, answers it; and says whether the answer is
    /// to be lost.
    fn take(&self, call: &Call, action: &str, denied: bool) -> (Result<Value, Refusal>, bool) {
        let mut state = self.lock();
        let (world, clock) = &mut *state;
        count(&mut world.counters.calls, action);
        let seconds = match world.settings.throttling {
            Throttling::Off => None,
            Throttling::WallClock => Some(clock.wall()),
            // Buckets only look at differences.
            Throttling::VirtualClock => Some(world.now().duration_since(jiff::Timestamp::UNIX_EPOCH).as_secs_f64()),
        };
        let within_rate = seconds.is_none_or(|s| world.take_token(bucket_of(call, action), s));
        if world.faults.throttles(action) || !within_rate {
            count(&mut world.counters.throttled, action);
            return (Err(call.service.throttled()), false);
        }
        let outcome = call.input.as_ref().map_err(Clone::clone).and_then(|input| {
            refuse_denied(world, call, action, input, denied)?;
            dispatch(world, call, input)
        });
        if let Err(refusal) = &outcome {
            count(&mut world.counters.refused, &format!("{action} {}", refusal.code));
        }
        let lost = world.faults.loses_answer(action);
        (outcome, lost)
    }
}

/// What an action is called in the token buckets: a read of every instance draws from one of its own.
fn bucket_of<'a>(call: &Call, action: &'a str) -> &'a str {
    let narrowed =
        |input: &Value| ["InstanceIds", "Filters", "MaxResults"].iter().any(|name| input.get(name).is_some());
    match &call.input {
        Ok(input) if action == "ec2:DescribeInstances" && !narrowed(input) => buckets::ALL_INSTANCES,
        _ => action,
    }
}

/// The refusal of a call that the fault `deny` names.
fn refuse_denied(world: &World, call: &Call, action: &str, input: &Value, denied: bool) -> Result<(), Refusal> {
    let resource = resource_of(world, call, input);
    if !denied && !world.faults.denies(action, &format!("{}\n{resource}", call.text)) {
        return Ok(());
    }
    let who = format!("arn:aws:sts::{}:assumed-role/aws-sim/session", world.arns.account);
    let message = format!(
        "User: {who} is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
    );
    Err(Refusal::new(call.service.denied(), message))
}

/// The answer to a call of ECS or EC2, for tests of the rules.
#[cfg(test)]
pub(crate) fn ask(world: &mut World, name: &str, input: &Value) -> Result<Value, Refusal> {
    let calls = [Service::Ecs, Service::Ec2].into_iter().flat_map(Service::calls);
    let handler = calls.into_iter().find(|(n, _)| *n == name).map(|(_, handler)| handler);
    handler.map_or_else(|| Err(Refusal::invalid(name)), |handler| handler(world, input))
}

fn dispatch(world: &mut World, call: &Call, input: &Value) -> Result<Value, Refusal> {
    // The models and the calls have the same names (a test holds them together), so both are there.
    let handler = call.service.calls().iter().find(|(name, _)| *name == call.name).map(|(_, handler)| handler);
    let Some((handler, request)) = handler.zip(Model::of(call.service).request(&call.name)) else {
        return Err(call.service.unknown_action(&call.name));
    };
    check::check(call.service, request, input)?;
    // "If you have the required permissions, the error response is DryRunOperation" (DryRun).
    if call.service == Service::Ec2 && input.get("DryRun") == Some(&Value::Bool(true)) {
        let what = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::new("DryRunOperation", what));
    }
    handler(world, input)
}

/// Reads a request into what this simulator takes of it. AWS knows more parameters: those are
/// refused, because a test instrument must not take silently what it does not do.
fn read<T: serde::de::DeserializeOwned>(service: Service, input: &Value) -> Result<T, Refusal> {
    T::deserialize(input).map_err(|e| Refusal::new(service.unmodelled(), format!("aws-sim does not model this: {e}")))
}

/// Writes a shape as JSON.
fn write<T: serde::Serialize>(answer: &T) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|e| Refusal::new("ServerException", e.to_string()))
}

/// A time in AWS JSON: seconds since 1970.
fn epoch(at: jiff::Timestamp) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "milliseconds fit into the 53 bits of a float")]
    let millis = at.as_millisecond() as f64;
    millis / 1000.0
}

/// A time in XML.
fn iso(at: jiff::Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at).to_string()
}

/// The ARN of what a request is about, for the text of a denial.
fn resource_of(world: &World, call: &Call, input: &Value) -> String {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let first = |name: &str| input.get(name).and_then(Value::as_array).and_then(|a| a.first()).and_then(Value::as_str);
    let cluster = short_name(text("cluster").unwrap_or("default"));
    if let Some(name) = text("taskDefinition").filter(|_| call.name == "DescribeTaskDefinition") {
        return world.arns.ecs(&format!("task-definition/{}", short_name(name)));
    }
    if let Some(name) = text("service").or_else(|| first("services")) {
        return world.arns.ecs(&format!("service/{cluster}/{}", short_name(name)));
    }
    let arn = first("serviceDeploymentArns")
        .or_else(|| first("serviceRevisionArns"))
        .or_else(|| text("serviceDeploymentArn"))
        .or_else(|| text("resourceArn"))
        .or_else(|| text("TargetGroupArn"));
    if let Some(arn) = arn {
        return arn.to_owned();
    }
    if let Some(group) = text("AutoScalingGroupName") {
        return world.arns.group(group);
    }
    if text("cluster").is_some() {
        return world.arns.cluster(cluster);
    }
    "*".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_its_token_bucket_where_aws_publishes_one() {
        // These publish no numbers.
        let unpublished = ["autoscaling:", "application-autoscaling:", "servicequotas:", "pricing:", "sts:"];
        for action in actions() {
            let published = !unpublished.iter().any(|service| action.starts_with(service));
            assert_eq!(buckets::is_limited(&action), published, "{action}");
        }
    }
}
