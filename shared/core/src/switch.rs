//! The kill switch: entries, their scopes, what is in force, and what was told of it.

mod told;

pub use told::ToldSwitches;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ClusterName, InvalidName, RunId, ServiceName, ServiceRef};

/// What a switch entry covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// `all`: every cluster.
    All,
    /// `cluster/NAME`.
    Cluster(ClusterName),
    /// `service/CLUSTER/NAME`.
    Service(ClusterName, ServiceName),
}

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a scope: write all, cluster/NAME or service/CLUSTER/NAME")]
pub struct InvalidScope {
    /// What was given, cut to 80 characters.
    pub text: String,
    /// Which name in it was wrong, where one was.
    #[source]
    pub source: Option<InvalidName>,
}

impl Scope {
    /// Parses `all`, `cluster/NAME` or `service/CLUSTER/NAME`.
    ///
    /// # Errors
    /// [`InvalidScope`] with what is allowed.
    pub fn parse(text: &str) -> Result<Scope, InvalidScope> {
        let invalid = |source| InvalidScope { text: text.chars().take(80).collect(), source };
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            ["all"] => Ok(Scope::All),
            ["cluster", name] => ClusterName::parse(name).map(Scope::Cluster).map_err(|source| invalid(Some(source))),
            ["service", cluster, name] => {
                let cluster = ClusterName::parse(cluster).map_err(|source| invalid(Some(source)))?;
                let name = ServiceName::parse(name).map_err(|source| invalid(Some(source)))?;
                Ok(Scope::Service(cluster, name))
            }
            _ => Err(invalid(None)),
        }
    }

    /// Whether it covers a service.
    #[must_use]
    pub fn covers(&self, service: &ServiceRef) -> bool {
        match self {
            Scope::All => true,
            Scope::Cluster(cluster) => *cluster == service.cluster,
            Scope::Service(cluster, name) => *cluster == service.cluster && *name == service.name,
        }
    }

    /// The one cluster it is about, if it is not about all.
    #[must_use]
    pub const fn cluster(&self) -> Option<&ClusterName> {
        match self {
            Scope::All => None,
            Scope::Cluster(cluster) | Scope::Service(cluster, _) => Some(cluster),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;
    fn try_from(text: String) -> Result<Scope, InvalidScope> {
        Scope::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> String {
        scope.to_string()
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scope::All => f.write_str("all"),
            Scope::Cluster(cluster) => write!(f, "cluster/{cluster}"),
            Scope::Service(cluster, name) => write!(f, "service/{cluster}/{name}"),
        }
    }
}

/// Whether a switch is thrown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SwitchState {
    /// Thrown: nothing in scope may be on Spot.
    On,
    /// Released: services climb again.
    Off,
}

/// How a switch brings services off Spot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lever {
    /// Each service gets an On-Demand strategy: a deployment each.
    #[default]
    Strategy,
    /// Auto Scaling groups are turned to On-Demand where they can be, and what that does not bring off
    /// Spot in time moves by strategy.
    Capacity,
}

impl Lever {
    /// Its name, as in the table and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Lever::Strategy => "strategy",
            Lever::Capacity => "capacity",
        }
    }
}

/// A kill-switch entry. One stands for each scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchEntry {
    /// What it covers.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// Who threw it.
    pub who: String,
    /// When.
    pub set_at: Timestamp,
    /// When it ends by itself; a passed one is ignored on read.
    pub until: Option<Timestamp>,
    /// Whether it also interrupts deployments that somebody else started.
    #[serde(default)]
    pub preempt: bool,
    /// Whether it also covers services that are neither enrolled nor in the ledger.
    #[serde(default)]
    pub unenrolled: bool,
    /// How it brings services off Spot.
    #[serde(default)]
    pub lever: Lever,
}

impl SwitchEntry {
    /// Whether it is in force.
    #[must_use]
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether two entries say the same; when they were set does not count.
    #[must_use]
    pub fn says_the_same(&self, other: &SwitchEntry) -> bool {
        SwitchEntry { set_at: other.set_at, ..self.clone() } == *other
    }
}

/// That a switch was thrown or released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchChange {
    /// The run that did it, or found it done.
    pub run: RunId,
    /// How it was done.
    pub how: SwitchedHow,
    /// Thrown or released.
    pub state: SwitchState,
    /// The entry: what was asked for, by whom and when. One that is released has no end and no flags, and
    /// `set_at` is when that was.
    pub entry: SwitchEntry,
    /// The switch epoch afterwards.
    pub epoch: u64,
    /// Tells it from all others, of whatever run: the same each time that it is told.
    pub id: String,
}

/// How a switch was thrown or released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SwitchedHow {
    /// By an execution of the state machine.
    Execution,
    /// By its item in the table, that somebody put, changed or took out.
    Table,
    /// It had an end, and that has come.
    Ended,
}

/// All entries, as one consistent read found them, with the number that counts up with each change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    /// The entries, passed ones included.
    pub entries: Vec<SwitchEntry>,
    /// Counts up with every change of any entry.
    pub epoch: u64,
}

impl Switches {
    /// The entries in force.
    pub fn in_force(&self, now: Timestamp) -> impl Iterator<Item = &SwitchEntry> {
        self.entries.iter().filter(move |entry| entry.in_force(now))
    }

    /// The entry in force that covers a service; the widest scope first.
    #[must_use]
    pub fn over(&self, service: &ServiceRef, now: Timestamp) -> Option<&SwitchEntry> {
        self.entries
            .iter()
            .filter(|entry| entry.in_force(now) && entry.scope.covers(service))
            .min_by_key(|entry| &entry.scope)
    }

    /// Whether an entry in force over the service interrupts other people's deployments.
    #[must_use]
    pub fn preempts(&self, service: &ServiceRef, now: Timestamp) -> bool {
        self.entries.iter().any(|entry| entry.preempt && entry.in_force(now) && entry.scope.covers(service))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_lever_is_called_as_in_json_and_old_entries_have_none() {
        for lever in [Lever::Strategy, Lever::Capacity] {
            assert_eq!(serde_json::to_value(lever).unwrap(), lever.name());
        }
        let mut old = serde_json::to_value(fixtures::switch(Scope::All)).unwrap();
        old.as_object_mut().unwrap().remove("lever");
        assert_eq!(serde_json::from_value::<SwitchEntry>(old).unwrap().lever, Lever::Strategy);
    }

    #[test]
    fn a_scope_is_written_as_it_is_read() {
        let web = fixtures::service_ref("web");
        let cases = [
            ("all", None, true),
            ("cluster/prod", Some("prod"), true),
            ("cluster/test", Some("test"), false),
            ("service/prod/web", Some("prod"), true),
            ("service/prod/api", Some("prod"), false),
            ("service/test/web", Some("test"), false),
        ];
        for (text, cluster, covers) in cases {
            let scope: Scope = serde_json::from_value(text.into()).unwrap();
            assert_eq!(serde_json::to_value(&scope).unwrap(), text);
            assert_eq!(scope.cluster().map(ClusterName::as_str), cluster, "{text}");
            assert_eq!(scope.covers(&web), covers, "{text}");
        }
    }
}
