//! The traps of ECS and EC2 Spot that this simulator models, each a rule that a test can switch off:
//! a trap counts as modelled only if its test fails without the rule (`tests/rules.rs`).

use super::World;

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// A rule. `sim/README.md` says which trap it is and where it is kept.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Rule {
            /// Every rule, in the order of the README's table.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

rules! {
    /// Placement keeps to `distinctInstance` and `memberOf`.
    PlacementConstraints,
    /// No more than 100 tasks of a cluster wait for an instance at once.
    HundredProvisioningTasks,
    /// A task that waits for an instance is given up after 10 to 30 minutes.
    ProvisioningTimesOut,
    /// Managed scaling reckons with the smallest type of the group.
    SmallestTypeDecides,
    /// A group does not grow above MaxSize.
    MaxSizeBinds,
    /// Blue/green, linear and canary deployments keep the old tasks until the bake time is over.
    TrafficShifts,
    /// Application Auto Scaling scales nothing in while a deployment runs.
    ScaleInOffDuringDeployments,
    /// Two tasks with the same static host port do not share an instance.
    StaticHostPorts,
    /// vCPU quotas bind at launch.
    VcpuQuotas,
    /// Pools give no more than their schedule says.
    PoolsAreFinite,
    /// A Spot warning comes two minutes before the end.
    TwoMinuteWarning,
    /// A draining instance's tasks are replaced within minimum and maximum healthy percent.
    DrainKeepsMinimumHealthy,
    /// Without managed draining or the agent's setting, tasks die with their instance.
    DrainingMustBeOn,
    /// Connections drain for the deregistration delay before SIGTERM.
    DeregistrationDelay,
    /// A container that outlasts `stopTimeout` is killed.
    StopTimeoutKills,
}

impl World {
    /// Whether a rule is kept: every rule is, but in the test that switches one off.
    pub(crate) fn holds(&self, rule: Rule) -> bool {
        self.rule_off != Some(rule)
    }
}
