//! An account with Spotkeeper in it, and how to ask AWS about it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use spotkeeper_tests::api::ECS;
use spotkeeper_tests::daemon::environment;
use spotkeeper_tests::local::Local;
use spotkeeper_tests::ministack::Options;
use spotkeeper_tests::paths;
use spotkeeper_tests::sim::FLEET_SERVICES;
use spotkeeper_tests::stack::Execution;

/// The longest that a run may take here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// A policy under which everything may move at once, and seconds stand for minutes.
pub(crate) const POLICY: &str = "
mode: active
budget: { ceiling_percent: 80, step_percent: 80, blast_radius_percent: 100 }
pace: { restart_percent: 100 }
rules: { ec2_default_stop_timeout_seconds: 30 }
verify: { dwell_seconds: 1, poll_seconds: 1, drought_seconds: 6, launch_seconds: 5, unconfirmed_seconds: 10 }
";

/// The small account.
pub(crate) const ACCOUNT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/accounts/small.yaml");

/// How many worlds may stand at once: each is two servers and up to a dozen processes.
const WORLDS: usize = 2;

/// A world and the place that it takes.
#[derive(Debug)]
pub(crate) struct World {
    local: Local,
    _place: Place,
}

/// A place among the worlds.
pub(crate) type Place = MutexGuard<'static, ()>;

impl std::ops::Deref for World {
    type Target = Local;
    fn deref(&self) -> &Local {
        &self.local
    }
}

impl World {
    /// A world that has been put together.
    pub(crate) const fn new(local: Local, place: Place) -> World {
        World { local, _place: place }
    }
}

/// A place among the worlds, once there is one.
pub(crate) fn place() -> Place {
    static PLACES: [Mutex<()>; WORLDS] = [const { Mutex::new(()) }; WORLDS];
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let place = &PLACES[NEXT.fetch_add(1, Ordering::Relaxed) % WORLDS];
    // A test that failed in its world has left nothing behind in the place.
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The small account with Spotkeeper deployed and this policy.
pub(crate) fn world(policy: &str) -> World {
    let place = place();
    let local = Local::start(Path::new(ACCOUNT), 1, Options::default()).unwrap();
    local.stack.put_policy(policy).unwrap();
    World::new(local, place)
}

/// Runs the state machine to its end.
pub(crate) fn run(local: &Local, name: &str, input: &Value) -> Execution {
    local.stack.run(name, input, PATIENCE).unwrap()
}

/// Runs the state machine, which must end well; answers its output.
pub(crate) fn run_well(local: &Local, name: &str, input: &Value) -> Value {
    let execution = run(local, name, input);
    assert_eq!(execution.status, "SUCCEEDED", "{name}: {} {}", execution.error, execution.cause);
    execution.output
}

/// Runs the operator's tool on the stack, which must end well; answers what it says.
pub(crate) fn spotkeeper(local: &Local, arguments: &[&str]) -> Value {
    let fleet = local.simulator.url();
    let mut more = vec![("AWS_ENDPOINT_URL".to_owned(), local.ministack.url())];
    more.extend(FLEET_SERVICES.iter().map(|name| (format!("AWS_ENDPOINT_URL_{name}"), fleet)));
    let more: Vec<(&str, &str)> = more.iter().map(|(name, url)| (name.as_str(), *url)).collect();
    let output = Command::new(paths::program("spotkeeper").unwrap())
        .args(arguments)
        .args(["--quiet", "--output", "json"])
        .env_clear()
        .envs(environment(&more))
        .output()
        .unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}{complained}");
    serde_json::from_str(&said).unwrap()
}

/// Where ECS itself says that each service places its tasks: `web` -> `FARGATE:1, FARGATE_SPOT:1`.
pub(crate) fn placements(local: &Local) -> BTreeMap<String, String> {
    let mut placements = BTreeMap::new();
    for (cluster, services) in [("prod", vec!["web", "api", "blocked"]), ("batch", vec!["crunch"])] {
        let input = json!({ "cluster": cluster, "services": services });
        let answer = local.simulator.api().call(ECS, "DescribeServices", &input).unwrap();
        for service in answer["services"].as_array().unwrap() {
            let name = service["serviceName"].as_str().unwrap().to_owned();
            placements.insert(name, placement(service));
        }
    }
    placements
}

fn placement(service: &Value) -> String {
    let Some(items) = service["capacityProviderStrategy"].as_array().filter(|items| !items.is_empty()) else {
        return service["launchType"].as_str().unwrap_or("?").to_owned();
    };
    let item = |item: &Value| {
        let base = match item["base"].as_u64().unwrap_or(0) {
            0 => String::new(),
            base => format!(" base {base}"),
        };
        format!("{}:{}{base}", item["capacityProvider"].as_str().unwrap_or("?"), item["weight"])
    };
    items.iter().map(item).collect::<Vec<_>>().join(", ")
}

/// Whether any service is placed on Spot.
pub(crate) fn any_on_spot(local: &Local) -> bool {
    placements(local).values().any(|placement| placement.to_lowercase().contains("spot"))
}

/// How often ECS took an UpdateService, by its own count.
pub(crate) fn updates(local: &Local) -> BTreeMap<String, u64> {
    let counters = local.simulator.ask("/_sim/counters").unwrap();
    let counts = counters["updateService"].as_object().cloned().unwrap_or_default();
    counts.into_iter().map(|(service, count)| (service, count.as_u64().unwrap_or(0))).collect()
}

/// Switches a fault of the simulator on.
pub(crate) fn fault(local: &Local, fault: &Value) {
    local.simulator.tell("/_sim/faults", fault).unwrap();
}

/// Waits until the simulator holds an answer back.
pub(crate) fn until_held(local: &Local) {
    until("nothing is held", || any(&local.simulator.ask("/_sim/held").unwrap()));
}

/// Whether there is anything in it but emptiness.
fn any(answer: &Value) -> bool {
    match answer {
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(any),
        Value::Number(number) => number.as_u64().is_some_and(|number| number > 0),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// Waits until something outside of this process holds.
pub(crate) fn until(otherwise: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{otherwise}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The records of a run's moves, by service name.
pub(crate) fn moves(local: &Local, run: &str) -> BTreeMap<String, Value> {
    let bodies = local.stack.bodies(&format!("move/{run}")).unwrap();
    let named =
        bodies.into_iter().map(|body| (body["planned"]["service"]["name"].as_str().unwrap_or("?").to_owned(), body));
    named.collect()
}

/// The ledger of a service.
pub(crate) fn ledger(local: &Local, service: &str) -> Value {
    let bodies = local.stack.bodies("ledger").unwrap();
    let found = bodies.into_iter().find(|body| body["service"]["name"] == service);
    found.unwrap_or(Value::Null)
}

/// What each rule that does not pass says of each service, as a run found it: for messages.
pub(crate) fn findings(local: &Local, run: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        local.stack.bodies(&format!("report/{run}")).unwrap().iter().map(|report| report["gaps"].to_string()).collect();
    for cluster in ["prod", "batch"] {
        for chunk in local.stack.bodies(&format!("assessments/{run}/{cluster}")).unwrap() {
            let assessments = chunk.as_array().cloned().unwrap_or_else(|| vec![chunk]);
            for one in assessments {
                let verdicts = one["verdicts"].as_array().cloned().unwrap_or_default();
                for verdict in verdicts.iter().filter(|verdict| verdict["level"] != "pass") {
                    lines.push(format!("{}: {verdict}", one["service"]["name"]));
                }
            }
        }
    }
    lines
}
