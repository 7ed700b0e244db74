//! Serving invocations.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic, Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;
use spotkeeper_core::ports::Clock;
use tracing::{Instrument as _, Level};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::Failure;

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The error type of a panic. No `Retry` of the state machine matches it, since it would happen
/// again; `States.ALL` catches it.
pub const PANICKED: &str = "Panicked";

/// Serves invocations with `handler` until the runtime ends. The handler gets the input and the
/// time at which the invocation is cut off. A panic in it is an error answer like any other.
///
/// # Errors
/// Where the runtime cannot be reached.
pub async fn serve<A: Serialize>(handler: impl AsyncFn(Value, Timestamp) -> Result<A, Failure>) -> Result<(), Error> {
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
        let ends_at = ends_at(&event.context);
        let run = event.payload.get("run_id").and_then(Value::as_str).unwrap_or_default();
        let span = tracing::info_span!("invocation", request_id = %event.context.request_id, run);
        let handler = &handler;
        async move {
            let answer = caught(handler(event.payload, ends_at)).await;
            answer.inspect_err(|Diagnostic { error_type, error_message }| {
                tracing::error!(error = error_type, message = error_message, "failed");
            })
        }
        .instrument(span)
    }))
    .await
}

/// What work comes to; a panic in it is an error. Nothing that a panic could leave half changed
/// outlives the invocation: what it shares with the next are clients and configuration.
async fn caught<A>(work: impl Future<Output = Result<A, Failure>>) -> Result<A, Diagnostic> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled
            .map_or_else(|panic| Poll::Ready(Err(panicked(panic.as_ref()))), |polled| polled.map_err(Diagnostic::from))
    })
    .await
}

fn panicked(panic: &(dyn Any + Send)) -> Diagnostic {
    let words = panic.downcast_ref::<&str>().copied();
    let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Diagnostic {
        error_type: PANICKED.to_owned(),
        error_message: format!("the function panicked: {}", words.unwrap_or("without a word")),
    }
}

/// When Lambda cuts the invocation off.
fn ends_at(context: &Context) -> Timestamp {
    let milliseconds = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// Sets JSON logs up: `RUST_LOG` says how much, `info` where it is silent. What the SDK and the
/// libraries below it log beyond warnings, which may hold requests and credentials, stays off
/// whatever it says.
pub fn init_logs() {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let harmless = filter_fn(|metadata| is_harmless(metadata.target(), *metadata.level()));
    let logs = tracing_subscriber::fmt::layer()
        .json()
        .with_current_span(true)
        .with_span_list(false)
        .without_time()
        .with_filter(wanted.and(harmless));
    if tracing_subscriber::registry().with(logs).try_init().is_err() {
        tracing::debug!("logs were set up before");
    }
}

/// Whether a log line of that crate cannot hold what it should not.
fn is_harmless(target: &str, level: Level) -> bool {
    const LIBRARIES: [&str; 6] = ["aws_", "h2", "hyper", "lambda_runtime", "rustls", "tower"];
    level <= Level::WARN || !LIBRARIES.iter().any(|library| target.starts_with(library))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_a_secret_is_not_logged() {
        let cases = [
            ("spotkeeper_aws::state", Level::TRACE, true),
            ("aws_smithy_runtime::client::orchestrator", Level::TRACE, false),
            ("aws_config::profile", Level::INFO, false),
            ("aws_sdk_ssm", Level::WARN, true),
            ("lambda_runtime::deserializer", Level::TRACE, false),
        ];
        for (target, level, expected) in cases {
            assert_eq!(is_harmless(target, level), expected, "{target} {level}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_error_answer() {
        let answer = |panics: u8| async move {
            tokio::task::yield_now().await;
            match panics {
                0 => Ok(7),
                1 => panic!("number {panics}"),
                2 => panic!("static"),
                _ => Err(Failure::invalid("x".to_owned())),
            }
        };
        let told = |diagnostic: Diagnostic| (diagnostic.error_type, diagnostic.error_message);
        assert_eq!(caught(answer(0)).await.map_err(told), Ok(7));
        for (panics, expected) in [(1, "the function panicked: number 1"), (2, "the function panicked: static")] {
            let error = caught(answer(panics)).await.map_err(told).unwrap_err();
            assert_eq!(error, (PANICKED.to_owned(), expected.to_owned()));
        }
        assert_eq!(caught(answer(3)).await.map_err(told).unwrap_err().0, "InvalidInput");
    }
}
