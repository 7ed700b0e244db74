//! The environment of a function, read once, all mistakes together.

/// What `template.yaml` puts into a function's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `SPOTKEEPER_TABLE`: the table's name.
    pub table: String,
    /// `SPOTKEEPER_POLICY_PARAMETER`: the SSM parameter that holds the policy.
    pub policy_parameter: String,
    /// `SPOTKEEPER_CLUSTERS_IN_FLIGHT`: how many clusters a run works on at once, 1 to 40.
    pub clusters_in_flight: u32,
}

/// What is missing or wrong in the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment is incomplete: {}", .0.join("; "))]
pub struct MissingSettings(pub Vec<String>);

/// The clusters that a run works on at once where nothing is said.
const CLUSTERS_IN_FLIGHT: u32 = 5;

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
        let policy_parameter = required("SPOTKEEPER_POLICY_PARAMETER");
        let given = lookup("SPOTKEEPER_CLUSTERS_IN_FLIGHT");
        let clusters_in_flight = match given.as_deref().map(str::parse) {
            None => CLUSTERS_IN_FLIGHT,
            Some(Ok(number @ 1..=40)) => number,
            Some(_) => {
                let given = given.unwrap_or_default();
                mistakes.push(format!("SPOTKEEPER_CLUSTERS_IN_FLIGHT is {given:?}: 1 to 40 are allowed"));
                CLUSTERS_IN_FLIGHT
            }
        };
        match mistakes.is_empty() {
            true => Ok(Config { table, policy_parameter, clusters_in_flight }),
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
        let lookup = |name: &str| (name == "SPOTKEEPER_CLUSTERS_IN_FLIGHT").then(|| "41".to_owned());
        let MissingSettings(mistakes) = Config::read(lookup).unwrap_err();
        assert_eq!(mistakes.len(), 3, "{mistakes:?}");
        let good = Config::read(|name| (name != "SPOTKEEPER_CLUSTERS_IN_FLIGHT").then(|| "x".to_owned()));
        assert_eq!(good.unwrap().clusters_in_flight, CLUSTERS_IN_FLIGHT);
    }

    #[test]
    fn the_state_machine_must_be_named() {
        assert_eq!(state_machine(|_| Some("arn".to_owned())), Ok("arn".to_owned()));
        for missing in [None, Some(String::new())] {
            assert_eq!(state_machine(|_| missing.clone()).unwrap_err().0, ["SPOTKEEPER_STATE_MACHINE is not set"]);
        }
    }
}
