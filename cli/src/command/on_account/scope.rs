//! Reading scopes and ends of a command line.

use anyhow::bail;
use jiff::{SignedDuration, Timestamp};
use spotkeeper_core::switch::Scope;

/// `all`, `cluster/NAME`, `service/CLUSTER/NAME`, or `CLUSTER/NAME` for a service.
pub(crate) fn scope(text: &str) -> Result<Scope, String> {
    let long = match text.split('/').collect::<Vec<_>>().as_slice() {
        [cluster, _] if *cluster != "cluster" => format!("service/{text}"),
        _ => text.to_owned(),
    };
    Scope::parse(&long).map_err(|error| error.to_string())
}

/// The longest time from now on that an end may be given as.
const LONGEST: i64 = 366 * 24 * 60;

/// An RFC 3339 time, or a time from now on: `90m`, `6h`, `2d`.
pub(crate) fn until(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let minutes = |unit: char, minutes: i64| {
        let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(minutes).filter(|minutes| (1..=LONGEST).contains(minutes))
    };
    let minutes = minutes('m', 1).or_else(|| minutes('h', 60)).or_else(|| minutes('d', 24 * 60));
    minutes
        .map(|minutes| Timestamp::now() + SignedDuration::from_mins(minutes))
        .ok_or_else(|| "write an RFC 3339 time such as 2026-12-01T06:00:00Z, or 90m, 6h, 2d".to_owned())
}

/// Refuses an end that has come already.
pub(crate) fn not_passed(until: Option<Timestamp>) -> anyhow::Result<()> {
    match until.filter(|until| *until <= Timestamp::now()) {
        Some(until) => bail!("--until {until} has passed"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_may_be_short() {
        let cases = [
            ("all", Some("all")),
            ("cluster/prod", Some("cluster/prod")),
            ("service/prod/web", Some("service/prod/web")),
            ("prod/web", Some("service/prod/web")),
            ("prod", None),
            ("a/b/c", None),
        ];
        for (text, expected) in cases {
            assert_eq!(scope(text).ok().map(|scope| scope.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_end_is_a_time_or_how_long_until_it() {
        assert_eq!(until("2026-12-01T06:00:00Z").unwrap().to_string(), "2026-12-01T06:00:00Z");
        for (text, minutes) in [("90m", 90), ("6h", 360), ("2d", 2_880)] {
            let left = until(text).unwrap().duration_since(Timestamp::now());
            assert!((left - SignedDuration::from_mins(minutes)).abs() < SignedDuration::from_mins(1), "{text}");
        }
        for text in ["", "m", "0m", "-1h", "6", "1y", "9999999999999999d", "tomorrow"] {
            assert!(until(text).is_err(), "{text}");
        }
    }
}
