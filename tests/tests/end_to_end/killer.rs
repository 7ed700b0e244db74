//! Stands between the functions and AWS, and kills one of them while it waits for an answer.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use serde_json::Value;
use tokio::runtime::Runtime;

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
    runtime: Runtime,
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
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Arc::new(Killer { spare, kill: OnceLock::new(), progress: Mutex::default(), runtime })
    }

    /// An address whose requests go on to `upstream`, once that is known.
    pub(crate) fn before(self: &Arc<Killer>, upstream: Arc<OnceLock<String>>) -> String {
        let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let app = axum::Router::new().fallback(pass).with_state((Arc::clone(self), upstream));
        self.runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
        format!("http://{address}")
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

async fn pass(
    State((killer, upstream)): State<(Arc<Killer>, Arc<OnceLock<String>>)>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    // Blocking: a function under test asks for little at once.
    let answer = tokio::task::spawn_blocking(move || {
        let to = upstream.get().unwrap();
        let Some(function) = function(&parts.headers) else {
            return forward(to, &parts, &body);
        };
        match killer.judge(&function, &named(&parts, &body)) {
            None => forward(to, &parts, &body),
            Some(carried_out) => {
                if carried_out {
                    forward(to, &parts, &body);
                }
                killer.kill.get().unwrap()(&function);
                Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).unwrap()
            }
        }
    });
    answer.await.unwrap()
}

fn forward(to: &str, parts: &Parts, body: &Bytes) -> Response<Body> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder().method(parts.method.clone()).uri(format!("{to}{path}"));
    for (name, value) in &parts.headers {
        if name != "host" && name != "content-length" {
            request = request.header(name, value);
        }
    }
    let answer = agent.run(request.body(body.to_vec()).unwrap()).unwrap();
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" && name != "content-length" && name != "connection" {
            response = response.header(name, value);
        }
    }
    let body = answer.into_body().with_config().limit(u64::MAX).read_to_vec().unwrap();
    response.body(Body::from(body)).unwrap()
}

/// The function that asks: `app/NAME` in its user agent.
fn function(headers: &HeaderMap) -> Option<String> {
    let agents = headers.get_all("x-amz-user-agent").iter().chain(headers.get_all("user-agent"));
    let mut words = agents.filter_map(|agent| agent.to_str().ok()).flat_map(|agent| agent.split(' '));
    words.find_map(|word| word.strip_prefix("app/spotkeeper-")).map(str::to_owned)
}

/// What is asked for: the operation, and for the table what kind of item.
fn named(parts: &Parts, body: &[u8]) -> String {
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let Some(target) = target else {
        let form = std::str::from_utf8(body).unwrap_or_default();
        let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
        return action.unwrap_or_else(|| parts.uri.path().rsplit('/').next().unwrap_or_default()).to_owned();
    };
    let operation = target.rsplit('.').next().unwrap_or(target);
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
