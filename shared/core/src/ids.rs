//! Names, checked where they enter. They are shared, not copied: a plan names each service many
//! times.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text that is not the name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {kind}: {allowed}")]
pub struct InvalidName {
    /// What it should have been.
    pub kind: &'static str,
    /// What was given, cut to 80 characters.
    pub text: String,
    /// What is allowed.
    pub allowed: &'static str,
}

/// Declares a checked name: a string that parses by one rule and serialises as itself. The
/// pattern says the same in JSON Schema; editors show `patternErrorMessage`.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $allowed:literal, $pattern:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern, "patternErrorMessage" = concat!($kind, " has ", $allowed)))]
        pub struct $name(Arc<str>);

        impl $name {
            #[doc = concat!("Parses ", $kind, ": ", $allowed, ".\n\n# Errors\n[`InvalidName`] with what is allowed.")]
            pub fn parse(text: &str) -> Result<$name, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    return Ok($name(text.into()));
                }
                Err(InvalidName { kind: $kind, text: text.chars().take(80).collect(), allowed: $allowed })
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<$name, InvalidName> {
                $name::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                (*name.0).to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn plain_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

name!(
    /// The name of an ECS cluster. Source: `CreateCluster` in the ECS API reference.
    ClusterName, "an ECS cluster name", "1 to 255 letters, digits, hyphens and underscores",
    r"^[A-Za-z0-9_-]{1,255}$", plain_name
);
name!(
    /// The name of an ECS service. Source: `CreateService` in the ECS API reference.
    ServiceName, "an ECS service name", "1 to 255 letters, digits, hyphens and underscores",
    r"^[A-Za-z0-9_-]{1,255}$", plain_name
);
name!(
    /// The name of a capacity provider. Source: `CreateCapacityProvider` in the ECS API reference.
    ProviderName, "a capacity provider name", "1 to 255 letters, digits, hyphens and underscores",
    r"^[A-Za-z0-9_-]{1,255}$", plain_name
);
name!(
    /// The id of an EC2 instance. Source: "Resource IDs", EC2 user guide: 8 or 17 hexadecimal digits.
    InstanceId, "the id of an EC2 instance", "i- and 8 to 17 hexadecimal digits",
    r"^i-[0-9a-f]{8,17}$",
    |text| text.strip_prefix("i-").is_some_and(|digits| {
        (8..=17).contains(&digits.len()) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
);
name!(
    /// The ARN of an ECS service.
    ServiceArn, "the ARN of an ECS service", "arn:PARTITION:ecs:REGION:ACCOUNT:service/CLUSTER/NAME, at most 2,048 characters",
    r"^arn:[^:]+:ecs:[^:]*:[^:]*:service/[A-Za-z0-9_-]{1,255}(/[A-Za-z0-9_-]{1,255})*$",
    |text| {
        let mut parts = text.splitn(6, ':');
        text.len() <= 2_048
            && parts.next() == Some("arn")
            && parts.next().is_some_and(|partition| !partition.is_empty())
            && parts.next() == Some("ecs")
            && parts.nth(2).is_some_and(|resource| {
                resource.strip_prefix("service/").is_some_and(|rest| rest.split('/').all(plain_name))
            })
    }
);
name!(
    /// One run of the state machine.
    RunId, "a run id", "1 to 128 letters, digits, hyphens, underscores, dots and colons",
    r"^[A-Za-z0-9_.:-]{1,128}$",
    |text| (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
);
name!(
    /// One move of a run: unique within the run.
    MoveId, "a move id", "1 to 300 letters, digits, hyphens, underscores, dots and slashes",
    r"^[A-Za-z0-9_./-]{1,300}$",
    |text| (1..=300).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
);

impl RunId {
    /// The id of an early run, by its turn and the hexadecimal digest of what it is about.
    pub(crate) fn early(turn: i64, digest: &str) -> RunId {
        RunId(format!("early-{turn}-{digest}").into())
    }
}

impl RunId {
    /// The id of a run that only looks, and is kept nowhere.
    #[must_use]
    pub fn look() -> RunId {
        RunId("look".into())
    }
}

impl MoveId {
    /// The id of a move that has no number yet.
    pub(crate) fn unnumbered() -> MoveId {
        MoveId("0".into())
    }
}

/// One service: where it is and what AWS calls it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceRef {
    /// Its cluster.
    pub cluster: ClusterName,
    /// Its name in the cluster.
    pub name: ServiceName,
    /// Its ARN.
    pub arn: ServiceArn,
}

impl std::fmt::Display for ServiceRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.cluster, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let cases: [(&str, bool, bool); 9] = [
            ("an instance", InstanceId::parse("i-0123456789abcdef0").is_ok(), true),
            ("an instance of old", InstanceId::parse("i-f3a8506b").is_ok(), true),
            ("an instance with more behind it", InstanceId::parse("i-0123456789abcdef0/x").is_ok(), false),
            ("a plain name", ClusterName::parse("prod-eu_1").is_ok(), true),
            ("an empty name", ClusterName::parse("").is_ok(), false),
            ("a slash", ServiceName::parse("a/b").is_ok(), false),
            ("256 characters", ProviderName::parse(&"x".repeat(256)).is_ok(), false),
            ("an ARN", ServiceArn::parse("arn:aws:ecs:eu-west-1:123456789012:service/prod/web").is_ok(), true),
            (
                "an ARN of a cluster",
                ServiceArn::parse("arn:aws:ecs:eu-west-1:123456789012:cluster/prod").is_ok(),
                false,
            ),
        ];
        for (name, actual, expected) in cases {
            assert_eq!(actual, expected, "{name}");
        }
    }
}
