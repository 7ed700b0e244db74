//! What stands between the functions and AWS: it sees each request before AWS does.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, Response};
use tokio::runtime::Runtime;

/// What becomes of a request.
type Answer = Arc<dyn Fn(&Parts, &Bytes) -> Response<Body> + Send + Sync>;

/// Servers that end with this value.
pub(crate) struct Between(Runtime);

impl Between {
    /// None so far.
    pub(crate) fn new() -> Between {
        Between(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
    }

    /// The address of a server that answers like this. It may block: a function under test asks
    /// for little at once.
    pub(crate) fn listen(&self, answer: impl Fn(&Parts, &Bytes) -> Response<Body> + Send + Sync + 'static) -> String {
        let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let answer: Answer = Arc::new(answer);
        let app = axum::Router::new().fallback(pass).with_state(answer);
        self.0.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
        format!("http://{address}")
    }
}

async fn pass(State(answer): State<Answer>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    tokio::task::spawn_blocking(move || answer(&parts, &body)).await.unwrap()
}

/// AWS's answer to a request.
pub(crate) fn forward(to: &str, parts: &Parts, body: &Bytes) -> Response<Body> {
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
pub(crate) fn function(headers: &HeaderMap) -> Option<String> {
    let agents = headers.get_all("x-amz-user-agent").iter().chain(headers.get_all("user-agent"));
    let mut words = agents.filter_map(|agent| agent.to_str().ok()).flat_map(|agent| agent.split(' '));
    words.find_map(|word| word.strip_prefix("app/spotkeeper-")).map(str::to_owned)
}

/// The operation that is asked for, as the API reference names it; of a protocol that has it in the
/// path, the path's end.
pub(crate) fn operation<'a>(parts: &'a Parts, body: &'a [u8]) -> &'a str {
    if let Some(target) = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()) {
        return target.rsplit('.').next().unwrap_or(target);
    }
    let form = std::str::from_utf8(body).unwrap_or_default();
    let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
    action.unwrap_or_else(|| parts.uri.path().rsplit('/').next().unwrap_or_default())
}
