//! AWS's documented token buckets: per account and Region, a burst and a refill rate.
//!
//! Sources: the tables "Request Token Bucket Sizes and Refill Rates" of "Request throttling for the
//! Amazon ECS API" (`request-throttling.md`) and of "Request throttling for the Amazon EC2 API"
//! (`ec2-api-throttling`), and "Request throttling for the Elastic Load Balancing API"
//! (`elb-api-throttling`). Auto Scaling, Application Auto Scaling and Service
//! Quotas publish no numbers, so they have no bucket here.

use std::collections::BTreeMap;

use super::World;
use super::rules::Rule;

/// One kind of bucket: its name, how many calls it holds, how many come back in a second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kind {
    name: &'static str,
    burst: f64,
    refill: f64,
}

const fn kind(name: &'static str, burst: f64, refill: f64) -> Kind {
    Kind { name, burst, refill }
}

const SERVICE_READ: Kind = kind("ecs service read", 100.0, 20.0);
const SERVICE_MODIFY: Kind = kind("ecs service modify", 50.0, 5.0);
const SERVICE_DEPLOYMENT: Kind = kind("ecs service deployment", 50.0, 20.0);
const SERVICE_REVISION: Kind = kind("ecs service revision", 50.0, 20.0);
const CLUSTER_RESOURCE_READ: Kind = kind("ecs cluster resource read", 100.0, 20.0);
// "Cluster resource modify actions … 100 | 40": also RunTask, StartTask and what agents are told.
const CLUSTER_RESOURCE_MODIFY: Kind = kind("ecs cluster resource modify", 100.0, 40.0);
const TASK_DEFINITION_READ: Kind = kind("ecs task definition read", 50.0, 20.0);
const CLUSTER_READ: Kind = kind("ecs cluster read", 50.0, 20.0);
const CLUSTER_MODIFY: Kind = kind("ecs cluster modify", 20.0, 1.0);
const PROVIDER_READ: Kind = kind("ecs capacity provider read", 50.0, 20.0);
const PROVIDER_MODIFY: Kind = kind("ecs capacity provider modify", 10.0, 1.0);
const TAG_READ: Kind = kind("ecs tag read", 50.0, 20.0);
const TAG_MODIFY: Kind = kind("ecs tag modify", 20.0, 10.0);
const TASK_PROTECTION: Kind = kind("ecs task protection", 200.0, 80.0);
const ELB_ACCOUNT: Kind = kind("elb account", 40.0, 10.0);
const ELB_READ: Kind = kind("elb read", 40.0, 10.0);
const ELB_WRITE: Kind = kind("elb write", 20.0, 3.0);
// "Non-mutating actions … 100 | 20": "each API is evaluated individually".
const EC2_READ: Kind = kind("ec2 read", 100.0, 20.0);
// "Unfiltered and unpaginated non-mutating actions … DescribeInstances … 50 | 10": "when requested
// without specifying either pagination or a filter".
const EC2_UNFILTERED: Kind = kind("ec2 unfiltered read", 50.0, 10.0);

/// What a call for every instance at once is called here: no ids, no filter, no page size. Whether
/// ids are a filter is not said; they are taken for one.
pub const ALL_INSTANCES: &str = "ec2:DescribeInstances unfiltered";

fn kinds(action: &str) -> Vec<Kind> {
    let Some((service, name)) = action.split_once(':') else {
        return Vec::new();
    };
    match (service, name) {
        ("ecs", "DescribeServices" | "ListServices") => vec![SERVICE_READ],
        ("ecs", "UpdateService" | "CreateService" | "DeleteService") => vec![SERVICE_MODIFY],
        ("ecs", "DescribeServiceDeployments" | "ListServiceDeployments") => vec![SERVICE_DEPLOYMENT],
        // The table names neither of these two: they are counted among their kin.
        ("ecs", "StopServiceDeployment" | "ContinueServiceDeployment") => vec![SERVICE_DEPLOYMENT],
        ("ecs", "DescribeServiceRevisions") => vec![SERVICE_REVISION],
        ("ecs", "ListTasks" | "DescribeTasks" | "ListContainerInstances" | "DescribeContainerInstances") => {
            vec![CLUSTER_RESOURCE_READ]
        }
        // The table spells the second `UpdateContainerInstancesStates`.
        ("ecs", "StopTask" | "UpdateContainerInstancesState") => vec![CLUSTER_RESOURCE_MODIFY],
        ("ecs", "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies") => {
            vec![TASK_DEFINITION_READ]
        }
        ("ecs", "ListClusters" | "DescribeClusters") => vec![CLUSTER_READ],
        ("ecs", "PutClusterCapacityProviders") => vec![CLUSTER_MODIFY],
        ("ecs", "DescribeCapacityProviders") => vec![PROVIDER_READ],
        ("ecs", "UpdateCapacityProvider") => vec![PROVIDER_MODIFY],
        ("ecs", "ListTagsForResource") => vec![TAG_READ],
        ("ecs", "TagResource" | "UntagResource") => vec![TAG_MODIFY],
        ("ecs", "GetTaskProtection" | "UpdateTaskProtection") => vec![TASK_PROTECTION],
        ("elasticloadbalancing", n) if n.starts_with("Describe") => vec![ELB_ACCOUNT, ELB_READ],
        ("elasticloadbalancing", _) => vec![ELB_ACCOUNT, ELB_WRITE],
        ("ec2", _) if action == ALL_INSTANCES => vec![EC2_UNFILTERED],
        ("ec2", _) => vec![EC2_READ],
        _ => Vec::new(),
    }
}

#[derive(Clone, Copy, Debug)]
struct Level {
    tokens: f64,
    at: f64,
}

impl World {
    /// Takes a token for an API call at `now` seconds of whichever clock the buckets run on. `false`:
    /// the call is throttled.
    pub fn take_token(&mut self, action: &str, now: f64) -> bool {
        self.buckets.take(action, now) || !self.holds(Rule::TokenBuckets)
    }
}

/// The buckets of one account and Region.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    levels: BTreeMap<String, Level>,
}

/// Whether AWS publishes a bucket for an action.
pub fn is_limited(action: &str) -> bool {
    !kinds(action).is_empty()
}

impl Buckets {
    /// Takes a token for `action` (as in `ecs:ListServices`) at `now` seconds of whichever clock
    /// the buckets run on. `false`: throttled, and no token was taken.
    pub fn take(&mut self, action: &str, now: f64) -> bool {
        let kinds = kinds(action);
        let names: Vec<String> = kinds
            .iter()
            .map(|k| if k.name == EC2_READ.name { format!("{} {action}", k.name) } else { k.name.to_owned() })
            .collect();
        // Nothing is taken unless every bucket has a token.
        let full = kinds.iter().zip(&names).all(|(kind, name)| self.level(name, kind.burst, kind.refill, now) >= 1.0);
        if full {
            for name in &names {
                self.spend(name);
            }
        }
        full
    }

    /// Takes a token out of a bucket that is no API's, such as that of Fargate launches.
    pub fn take_from(&mut self, name: &str, burst: f64, refill: f64, now: f64) -> bool {
        let has = self.level(name, burst, refill, now) >= 1.0;
        if has {
            self.spend(name);
        }
        has
    }

    /// Fills a bucket up to now; how many tokens it has.
    fn level(&mut self, name: &str, burst: f64, refill: f64, now: f64) -> f64 {
        let level = self.levels.entry(name.to_owned()).or_insert(Level { tokens: burst, at: now });
        level.tokens = (level.tokens + (now - level.at).max(0.0) * refill).min(burst);
        level.at = now;
        level.tokens
    }

    fn spend(&mut self, name: &str) {
        if let Some(level) = self.levels.get_mut(name) {
            level.tokens -= 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn update_service_has_a_burst_of_50_and_5_a_second() {
        let mut buckets = Buckets::default();
        let taken = (0..60).filter(|_| buckets.take("ecs:UpdateService", 0.0)).count();
        assert_eq!(taken, 50);
        let later = (0..60).filter(|_| buckets.take("ecs:UpdateService", 2.0)).count();
        assert_eq!(later, 10);
    }

    #[test]
    fn people_stop_and_drain_from_one_bucket_and_read_from_another() {
        let mut buckets = Buckets::default();
        let actions = ["ecs:StopTask", "ecs:UpdateContainerInstancesState"];
        let taken = |buckets: &mut Buckets, at| (0..200).filter(|n| buckets.take(actions[n % 2], at)).count();
        assert_eq!((taken(&mut buckets, 0.0), taken(&mut buckets, 1.0)), (100, 40));
        assert!(buckets.take("ecs:ListTasks", 1.0));
    }

    #[test]
    fn reads_of_services_share_one_bucket() {
        let mut buckets = Buckets::default();
        let taken = (0..200)
            .filter(|n| buckets.take(if n % 2 == 0 { "ecs:ListServices" } else { "ecs:DescribeServices" }, 0.0))
            .count();
        assert_eq!(taken, 100);
        assert!(buckets.take("ecs:ListClusters", 0.0));
    }

    #[test]
    fn ec2_reads_have_a_bucket_each() {
        let mut buckets = Buckets::default();
        assert_eq!((0..200).filter(|_| buckets.take("ec2:DescribeSubnets", 0.0)).count(), 100);
        assert!(buckets.take("ec2:DescribeInstances", 0.0));
        let all = |buckets: &mut Buckets, at| (0..200).filter(|_| buckets.take(ALL_INSTANCES, at)).count();
        assert_eq!((all(&mut buckets, 0.0), all(&mut buckets, 1.0)), (50, 10));
    }
}
