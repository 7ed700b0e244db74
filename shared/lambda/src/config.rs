//! The environment of a function, read once, all mistakes together.

/// What `template.yaml` puts into a function's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `SPOTKEEPER_TABLE`: the table's name.
    pub table: String,
    /// `SPOTKEEPER_STACK`: the stack's name, a dimension of every metric.
    pub stack: String,
    /// `SPOTKEEPER_POLICY_PARAMETER`: the SSM parameter that holds the policy.
    pub policy_parameter: String,
    /// `SPOTKEEPER_CLUSTERS_IN_FLIGHT`: how many clusters a run works on at once, 1 to 40.
    pub clusters_in_flight: u32,
    /// `SPOTKEEPER_SCORE_QUERIES_PER_DAY`: how many distinct queries for placement scores are asked
    /// in 24 hours, 1 to 1,000.
    pub score_queries_per_day: u32,
    /// `SPOTKEEPER_CAPACITY_LEVER`: whether switches may turn groups, `on` or `off`.
    pub capacity_lever: bool,
}

/// What is missing or wrong in the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment is incomplete: {}", .0.join("; "))]
pub struct MissingSettings(pub Vec<String>);

/// The clusters that a run works on at once where nothing is said.
const CLUSTERS_IN_FLIGHT: u32 = 5;
/// The distinct queries in 24 hours where nothing is said: `ScoreQueriesPerDay` of the template.
const SCORE_QUERIES_PER_DAY: u32 = 10;

impl Config {
    /// Reads the settings through `lookup`, which mains point at the environment.
    ///
    /// # Errors
    /// [`MissingSettings`] with all that is missing or wrong.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Config, MissingSettings> {
        let mut mistakes = Vec::new();
        let mut required = |name: &str| match lookup(name).filter(|value| !value.is_empty()) {
            Some(value) => value,
            None => {
                mistakes.push(format!("{name} is not set"));
                String::new()
            }
        };
        let table = required("SPOTKEEPER_TABLE");
        let stack = required("SPOTKEEPER_STACK");
        let policy_parameter = required("SPOTKEEPER_POLICY_PARAMETER");
        let mut number = |name: &str, most: u32, otherwise: u32| {
            let given = lookup(name);
            match given.as_deref().map(str::parse) {
                None => otherwise,
                Some(Ok(number)) if (1..=most).contains(&number) => number,
                Some(_) => {
                    let given = given.unwrap_or_default();
                    mistakes.push(format!("{name} is {given:?}: 1 to {most} are allowed"));
                    otherwise
                }
            }
        };
        let clusters_in_flight = number("SPOTKEEPER_CLUSTERS_IN_FLIGHT", 40, CLUSTERS_IN_FLIGHT);
        let score_queries_per_day = number("SPOTKEEPER_SCORE_QUERIES_PER_DAY", 1_000, SCORE_QUERIES_PER_DAY);
        let capacity_lever = match lookup("SPOTKEEPER_CAPACITY_LEVER").as_deref() {
            None | Some("off") => false,
            Some("on") => true,
            Some(given) => {
                mistakes.push(format!("SPOTKEEPER_CAPACITY_LEVER is {given:?}: on and off are allowed"));
                false
            }
        };
        match mistakes.is_empty() {
            true => {
                Ok(Config { table, stack, policy_parameter, clusters_in_flight, score_queries_per_day, capacity_lever })
            }
            false => Err(MissingSettings(mistakes)),
        }
    }
}

/// `SPOTKEEPER_STATE_MACHINE`: the ARN of the state machine, for the one function that starts it.
///
/// # Errors
/// [`MissingSettings`] where it is not set.
pub fn state_machine(lookup: impl Fn(&str) -> Option<String>) -> Result<String, MissingSettings> {
    const NAME: &str = "SPOTKEEPER_STATE_MACHINE";
    let arn = lookup(NAME).filter(|value| !value.is_empty());
    arn.ok_or_else(|| MissingSettings(vec![format!("{NAME} is not set")]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_are_told_together() {
        let lookup = |name: &str| match name {
            "SPOTKEEPER_CLUSTERS_IN_FLIGHT" => Some("41".to_owned()),
            "SPOTKEEPER_SCORE_QUERIES_PER_DAY" => Some("0".to_owned()),
            "SPOTKEEPER_CAPACITY_LEVER" => Some("yes".to_owned()),
            _ => None,
        };
        let MissingSettings(mistakes) = Config::read(lookup).unwrap_err();
        assert_eq!(mistakes.len(), 6, "{mistakes:?}");
        let required = ["SPOTKEEPER_TABLE", "SPOTKEEPER_STACK", "SPOTKEEPER_POLICY_PARAMETER"];
        let set = |name: &str| required.contains(&name);
        let good = Config::read(|name| set(name).then(|| "x".to_owned())).unwrap();
        assert_eq!((good.clusters_in_flight, good.score_queries_per_day, good.capacity_lever), (5, 10, false));
        let on = |name: &str| {
            if name == "SPOTKEEPER_CAPACITY_LEVER" { Some("on".to_owned()) } else { set(name).then(|| "x".to_owned()) }
        };
        assert!(Config::read(on).unwrap().capacity_lever);
    }

    #[test]
    fn the_state_machine_must_be_named() {
        assert_eq!(state_machine(|_| Some("arn".to_owned())), Ok("arn".to_owned()));
        for missing in [None, Some(String::new())] {
            assert_eq!(state_machine(|_| missing.clone()).unwrap_err().0, ["SPOTKEEPER_STATE_MACHINE is not set"]);
        }
    }
}
