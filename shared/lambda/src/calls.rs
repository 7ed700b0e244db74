//! What an invocation cost the account in API calls.

use std::collections::BTreeMap;

use spotkeeper_core::record::ApiCounts;

/// Logs the AWS calls of an invocation in one line, each action by its name in IAM: the calls of
/// one function show who uses a rate up, which the metrics of a run do not.
pub fn log_calls<'a>(by_action: impl IntoIterator<Item = (&'a str, ApiCounts)>) {
    let by_action: BTreeMap<&str, ApiCounts> = by_action.into_iter().collect();
    let calls: u32 = by_action.values().map(|count| count.calls).sum();
    let throttled: u32 = by_action.values().map(|count| count.throttled).sum();
    let by_action = serde_json::to_string(&by_action).unwrap_or_default();
    tracing::info!(calls, throttled, by_action, "AWS calls");
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_calls_of_an_invocation_are_one_line() {
        let counts = |calls, throttled| ApiCounts { calls, throttled };
        let cases = [
            ("none", vec![], json!({"calls": 0, "throttled": 0}), json!({})),
            (
                "two actions",
                vec![("ecs:UpdateService", counts(3, 1)), ("ecs:ListTasks", counts(4, 0))],
                json!({"calls": 7, "throttled": 1}),
                json!({
                    "ecs:ListTasks": {"calls": 4, "throttled": 0},
                    "ecs:UpdateService": {"calls": 3, "throttled": 1},
                }),
            ),
        ];
        for (name, by_action, totals, expected) in cases {
            let log = Log::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
            tracing::subscriber::with_default(subscriber, || log_calls(by_action));
            let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
            let lines: Vec<&str> = lines.lines().collect();
            assert_eq!(lines.len(), 1, "{name}");
            let fields = serde_json::from_str::<Value>(lines[0]).unwrap()["fields"].clone();
            assert_eq!(json!({"calls": fields["calls"], "throttled": fields["throttled"]}), totals, "{name}");
            let written: Value = serde_json::from_str(fields["by_action"].as_str().unwrap()).unwrap();
            assert_eq!(written, expected, "{name}");
        }
    }
}
