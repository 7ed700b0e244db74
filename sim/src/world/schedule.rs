//! A count that follows a schedule: what a pool has to give, how many tasks a load wants.

use serde::{Deserialize, Serialize};

/// From a time on, a count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Seconds after the world's start (with `every`: after the start of each round).
    pub after: f64,
    /// The count from then on; `null`: no limit.
    pub count: Option<u32>,
}

/// A count over time, as an account file writes it: `5`, `[{ after: 0, count: 5 }, ...]`, or
/// `{ every: 86400, steps: [...] }` for one that comes round again. Before its first step a count
/// has no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Schedule {
    every: Option<f64>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Count(u32),
    Steps(Vec<Step>),
    Round { every: f64, steps: Vec<Step> },
}

impl From<Written> for Schedule {
    fn from(written: Written) -> Self {
        match written {
            Written::Count(count) => Self::constant(Some(count)),
            Written::Steps(steps) => Self { every: None, steps },
            Written::Round { every, steps } => Self { every: Some(every), steps },
        }
    }
}

impl From<Schedule> for Written {
    fn from(schedule: Schedule) -> Self {
        match schedule.every {
            Some(every) => Self::Round { every, steps: schedule.steps },
            None => Self::Steps(schedule.steps),
        }
    }
}

impl Schedule {
    /// The same count at all times; `None`: no limit.
    pub fn constant(count: Option<u32>) -> Self {
        Self { every: None, steps: vec![Step { after: 0.0, count }] }
    }

    /// The count so many seconds after the world's start; `None`: no limit.
    pub fn at(&self, seconds: f64) -> Option<u32> {
        let within = self.every.map_or(seconds, |every| seconds.rem_euclid(every));
        let last = self.steps.iter().rfind(|s| s.after <= within);
        // In a later round, what held at the end of a round holds until its first step.
        let carried = || self.steps.last().filter(|_| self.every.is_some_and(|every| seconds >= every));
        last.or_else(carried).and_then(|s| s.count)
    }

    /// When the count changes next, in seconds after the world's start.
    pub fn next_change(&self, seconds: f64) -> Option<f64> {
        let round = self.every.map_or(0.0, |every| (seconds / every).floor() * every);
        let in_round = |round: f64| self.steps.iter().map(|s| round + s.after).find(|at| *at > seconds);
        in_round(round).or_else(|| in_round(round + self.every?))
    }

    /// Everything that is wrong with it; `name` stands for it in the messages.
    pub fn mistakes(&self, name: &str) -> Result<(), String> {
        let end = self.every.unwrap_or(1e9);
        if !(60.0..=1e9).contains(&end) {
            return Err(format!("{name}: every is {end}: allowed are 60 to 1000000000 seconds"));
        }
        if let Some(step) = self.steps.iter().find(|s| !(0.0..end).contains(&s.after)) {
            return Err(format!("{name}: after is {}: allowed are 0 to less than {end} seconds", step.after));
        }
        if self.steps.windows(2).any(|w| w[0].after >= w[1].after) {
            return Err(format!("{name}: each step must come after the one before it"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Schedule {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_count_follows_its_steps() {
        let s = read(
            serde_json::json!([{"after": 10, "count": 3}, {"after": 20, "count": null}, {"after": 30, "count": 0}]),
        );
        assert_eq!([0.0, 10.0, 19.9, 20.0, 31.0].map(|t| s.at(t)), [None, Some(3), Some(3), None, Some(0)]);
        assert_eq!([0.0, 10.0, 29.0, 30.0].map(|t| s.next_change(t)), [Some(10.0), Some(20.0), Some(30.0), None]);
        assert_eq!(read(serde_json::json!(7)).at(1e6), Some(7));
    }

    #[test]
    fn a_round_begins_anew() {
        let s =
            read(serde_json::json!({"every": 100, "steps": [{"after": 10, "count": 1}, {"after": 50, "count": 2}]}));
        assert_eq!(
            [5.0, 10.0, 99.0, 105.0, 110.0, 160.0].map(|t| s.at(t)),
            [None, Some(1), Some(2), Some(2), Some(1), Some(2)]
        );
        assert_eq!(
            [0.0, 50.0, 110.0, 150.0].map(|t| s.next_change(t)),
            [Some(10.0), Some(110.0), Some(150.0), Some(210.0)]
        );
    }

    #[test]
    fn mistakes_say_what_is_allowed() {
        for (json, text) in [
            (serde_json::json!({"every": 1, "steps": []}), "60 to"),
            (serde_json::json!([{"after": -1, "count": 1}]), "0 to less than"),
            (serde_json::json!([{"after": 5, "count": 1}, {"after": 5, "count": 2}]), "after the one before"),
        ] {
            assert!(read(json).mistakes("s").unwrap_err().contains(text));
        }
    }
}
