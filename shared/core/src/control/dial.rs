//! Dials: the most that the ceilings may be, set by people. A public interface of the table.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ClusterName;
use crate::switch::Scope;
use crate::units::Percent;

/// A dial entry. One stands for each scope, `all` or `cluster/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dial {
    /// What it is for.
    pub scope: Scope,
    /// The most that a ceiling in scope may be.
    pub percent: Percent,
    /// Why.
    pub reason: String,
    /// Who set it.
    pub who: String,
    /// When.
    pub set_at: Timestamp,
    /// When it ends by itself; a passed one is ignored on read.
    pub until: Option<Timestamp>,
}

/// The dial that binds a cluster: of those in force over it the lowest.
#[must_use]
pub fn dial_over<'a>(dials: &'a [Dial], cluster: &ClusterName, now: Timestamp) -> Option<&'a Dial> {
    let over = |dial: &&Dial| match &dial.scope {
        Scope::All => true,
        Scope::Cluster(name) => name == cluster,
        // A dial has no meaning for one service: tags and policy bound those.
        Scope::Service(..) => false,
    };
    let in_force = |dial: &&Dial| dial.until.is_none_or(|until| now < until);
    dials.iter().filter(over).filter(in_force).min_by_key(|dial| (dial.percent, &dial.scope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, cluster_name, now};

    fn dial(scope: &str, percent: u64, until: Option<i64>) -> Dial {
        Dial {
            scope: Scope::parse(scope).unwrap(),
            percent: Percent::saturating(percent),
            reason: "quarter end".to_owned(),
            who: "ops".to_owned(),
            set_at: now(),
            until: until.map(at),
        }
    }

    #[test]
    fn the_lowest_dial_in_force_binds() {
        let cases = [
            ("none", vec![], None),
            ("all", vec![dial("all", 30, None)], Some(30)),
            ("the cluster's is lower", vec![dial("all", 30, None), dial("cluster/prod", 10, None)], Some(10)),
            ("the cluster's is higher", vec![dial("all", 30, None), dial("cluster/prod", 60, None)], Some(30)),
            ("another cluster's", vec![dial("cluster/other", 0, None)], None),
            ("passed", vec![dial("all", 0, Some(0))], None),
            ("not passed yet", vec![dial("all", 0, Some(1))], Some(0)),
            ("a service's", vec![dial("service/prod/web", 0, None)], None),
        ];
        for (name, dials, expected) in cases {
            let bound = dial_over(&dials, &cluster_name(), now()).map(|dial| u64::from(dial.percent));
            assert_eq!(bound, expected, "{name}");
        }
    }
}
