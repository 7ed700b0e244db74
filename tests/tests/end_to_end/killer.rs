//! Stands between the functions and AWS, and kills one of them while it waits for an answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use serde_json::Value;

use crate::between::{Between, forward, function, operation};

/// A place where a function waits for AWS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Await {
    /// Which function: its `AWS_SDK_UA_APP_ID`.
    pub(crate) function: String,
    /// What it asks for: `UpdateService`, `PutItem lease`.
    pub(crate) request: String,
    /// Whether AWS has carried it out when the function dies.
    pub(crate) carried_out: bool,
}

/// Kills the process of a function, by its name.
type Kill = Box<dyn Fn(&str) + Send + Sync>;

/// Kills each function at each of its awaits, once: a read before AWS sees it, a write both before
/// and after AWS has carried it out. A function that has died [`IN_A_ROW`] times is spared until
/// another one asks for something: the state machine does not retry for ever.
pub(crate) struct Killer {
    spare: fn(&Await) -> bool,
    kill: OnceLock<Kill>,
    progress: Mutex<Progress>,
    between: Between,
}

/// How often a function dies before it is spared: the state machine tries it four times more.
const IN_A_ROW: u32 = 3;

#[derive(Debug, Default)]
struct Progress {
    armed: bool,
    /// The function that asked last, and how often it has died in a row.
    asking: String,
    deaths: u32,
    killed: BTreeSet<Await>,
}

impl Killer {
    /// One that kills nobody yet, and never at an await that `spare` names.
    pub(crate) fn new(spare: fn(&Await) -> bool) -> Arc<Killer> {
        Arc::new(Killer { spare, kill: OnceLock::new(), progress: Mutex::default(), between: Between::new() })
    }

    /// An address whose requests go on to `upstream`, once that is known.
    pub(crate) fn before(self: &Arc<Killer>, upstream: Arc<OnceLock<String>>) -> String {
        let killer = Arc::clone(self);
        self.between.listen(move |parts, body| killer.pass(upstream.get().unwrap(), parts, body))
    }

    fn pass(&self, to: &str, parts: &Parts, body: &Bytes) -> Response<Body> {
        let Some(function) = function(&parts.headers) else {
            return forward(to, parts, body);
        };
        match self.judge(&function, &named(parts, body)) {
            None => forward(to, parts, body),
            Some(carried_out) => {
                if carried_out {
                    forward(to, parts, body);
                }
                self.kill.get().unwrap()(&function);
                Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).unwrap()
            }
        }
    }

    /// How it kills: set once.
    pub(crate) fn on_kill(&self, kill: Kill) {
        assert!(self.kill.set(kill).is_ok(), "it is set already");
    }

    /// Whether it kills from here on.
    pub(crate) fn arm(&self, armed: bool) {
        self.progress.lock().unwrap().armed = armed;
    }

    /// Where it has killed so far.
    pub(crate) fn killed(&self) -> BTreeSet<Await> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).killed.clone()
    }

    /// Whether the function that asks is to die, and if so, whether AWS shall carry the request
    /// out before.
    fn judge(&self, function: &str, request: &str) -> Option<bool> {
        let mut progress = self.progress.lock().unwrap();
        if !progress.armed {
            return None;
        }
        if progress.asking != function {
            function.clone_into(&mut progress.asking);
            progress.deaths = 0;
        }
        if progress.deaths >= IN_A_ROW {
            return None;
        }
        let sides: &[bool] = if writes(request) { &[false, true] } else { &[false] };
        let candidates = sides.iter().map(|side| Await {
            function: function.to_owned(),
            request: request.to_owned(),
            carried_out: *side,
        });
        let due = candidates.into_iter().find(|one| !progress.killed.contains(one) && !(self.spare)(one))?;
        let carried_out = due.carried_out;
        progress.killed.insert(due);
        progress.deaths += 1;
        Some(carried_out)
    }
}

/// What is asked for: the operation, and for the table what kind of item.
fn named(parts: &Parts, body: &[u8]) -> String {
    let operation = operation(parts, body);
    let input: Value = serde_json::from_slice(body).unwrap_or_default();
    match key(&input) {
        Some(key) => format!("{operation} {}", key.split('/').next().unwrap_or(key)),
        None => operation.to_owned(),
    }
}

/// The first partition key that a request to DynamoDB names.
fn key(input: &Value) -> Option<&str> {
    match input {
        Value::Object(fields) => {
            let own = ["pk", ":pk"].iter().find_map(|name| fields.get(*name)?.get("S")?.as_str());
            own.or_else(|| fields.values().find_map(key))
        }
        Value::Array(items) => items.iter().find_map(key),
        _ => None,
    }
}

/// Whether the request changes anything.
fn writes(request: &str) -> bool {
    ["Put", "Update", "Delete", "BatchWrite", "TransactWrite"].iter().any(|verb| request.starts_with(verb))
}
