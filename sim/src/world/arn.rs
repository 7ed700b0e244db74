//! How the names of things are spelt: ARNs, and the identifiers inside them.

/// Makes ARNs of one account in one Region.
#[derive(Clone, Debug)]
pub struct Arns {
    /// The Region, such as `eu-west-1`.
    pub region: String,
    /// The twelve digits of the account.
    pub account: String,
}

impl Arns {
    /// `arn:aws:ecs:REGION:ACCOUNT:REST`.
    pub fn ecs(&self, rest: &str) -> String {
        self.of("ecs", rest)
    }

    /// The ARN of any service of this account and Region.
    pub fn of(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account)
    }

    /// The ARN of a cluster.
    pub fn cluster(&self, name: &str) -> String {
        self.ecs(&format!("cluster/{name}"))
    }

    /// The ARN of a service, in the long format that carries the cluster.
    pub fn service(&self, key: &ServiceKey) -> String {
        self.ecs(&format!("service/{}/{}", key.cluster, key.name))
    }

    /// The ARN of a task definition's revision.
    pub fn task_definition(&self, family: &str, revision: u32) -> String {
        self.ecs(&format!("task-definition/{family}:{revision}"))
    }

    /// The ARN of a container instance.
    pub fn container_instance(&self, instance: &super::instances::Instance) -> String {
        self.ecs(&format!("container-instance/{}/{}", instance.cluster, instance.container_instance))
    }

    /// The ARN of a capacity provider.
    pub fn provider(&self, name: &str) -> String {
        self.ecs(&format!("capacity-provider/{name}"))
    }

    /// The ARN of a target group. Its last part is made from the name, so that it is the same in
    /// every run.
    pub fn target_group(&self, name: &str) -> String {
        let suffix = format!("{:016x}", hash(name));
        self.of("elasticloadbalancing", &format!("targetgroup/{name}/{suffix}"))
    }

    /// The ARN of an Auto Scaling group.
    pub fn group(&self, name: &str) -> String {
        let h = hash(name);
        let uuid = format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            h >> 32,
            (h >> 16) & 0xffff,
            h & 0xfff,
            (h >> 4) & 0xfff,
            h & 0xffff_ffff_ffff
        );
        self.of("autoscaling", &format!("autoScalingGroup:{uuid}:autoScalingGroupName/{name}"))
    }
}

/// What tells one service from all others: its cluster's name and its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// The cluster's name.
    pub cluster: String,
    /// The service's name.
    pub name: String,
}

impl ServiceKey {
    /// The key of a service.
    pub fn new(cluster: impl Into<String>, name: impl Into<String>) -> Self {
        Self { cluster: cluster.into(), name: name.into() }
    }
}

impl std::fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.cluster, self.name)
    }
}

/// The part of an ARN after its last slash, or the whole where there is none: AWS takes a name or
/// an ARN nearly everywhere.
pub fn short_name(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

/// FNV-1a: small, stable, and good enough to make names from names.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}
