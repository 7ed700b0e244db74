//! Token buckets: AWS's published rates, and the arithmetic of keeping within a part of them.
//!
//! Nothing here waits or reads a clock: [`super::Api`] does.

use std::time::Duration;

use spotkeeper_core::units::Percent;

/// One bucket of the account in the Region. Calls of different buckets do not hinder each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BucketId {
    /// ECS: `DescribeClusters`, `ListClusters`.
    EcsClusterRead,
    /// ECS: `DescribeServices` and `ListServices` together.
    EcsServiceRead,
    /// ECS: `UpdateService` (and the creations and deletions of others).
    EcsServiceModify,
    /// ECS: `DescribeTaskDefinition`.
    EcsTaskDefinitionRead,
    /// ECS: `DescribeTasks`, `ListTasks` and `DescribeContainerInstances` together.
    EcsClusterResourceRead,
    /// ECS: `DescribeCapacityProviders`.
    EcsCapacityProviderRead,
    /// ECS: `DescribeServiceDeployments` and `ListServiceDeployments` together.
    EcsServiceDeploymentRead,
    /// ECS: `DescribeServiceRevisions`.
    EcsServiceRevisionRead,
    /// ECS: `GetTaskProtection`.
    EcsTaskProtection,
    /// Elastic Load Balancing: everything.
    ElbRead,
    /// EC2: `DescribeLaunchTemplateVersions`; EC2 has a bucket for each action.
    Ec2LaunchTemplateVersions,
    /// EC2: `DescribeInstanceTypes`.
    Ec2InstanceTypes,
    /// EC2: `DescribeInstances`, with a filter and in pages.
    Ec2Instances,
    /// EC2: `DescribeAvailabilityZones`.
    Ec2AvailabilityZones,
    /// EC2: `GetSpotPlacementScores`.
    Ec2SpotPlacementScores,
    /// EC2: `DescribeSpotPriceHistory`.
    Ec2SpotPriceHistory,
    /// Auto Scaling: reads.
    AutoScalingRead,
    /// Auto Scaling: `UpdateAutoScalingGroup`.
    AutoScalingModify,
    /// Application Auto Scaling: reads.
    ApplicationAutoScalingRead,
    /// Service Quotas: reads.
    ServiceQuotasRead,
    /// The price list: reads.
    PriceListRead,
}

/// How many calls a bucket takes at once, and how many more each second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens of a full bucket.
    pub burst: f64,
    /// Tokens that come back each second.
    pub refill: f64,
}

/// How many calls in a second are not published for Auto Scaling, Application Auto Scaling, Service
/// Quotas and the price list: this is a guess on the low side. Too low costs seconds of a run, too high
/// costs throttles, which are retried.
const UNPUBLISHED: Rate = Rate { burst: 20.0, refill: 10.0 };

/// The same for writes to Auto Scaling: each of ours replaces a group's instances, so a few a second do.
const UNPUBLISHED_WRITES: Rate = Rate { burst: 5.0, refill: 2.0 };

impl BucketId {
    /// Every bucket.
    pub const ALL: [BucketId; 21] = [
        BucketId::EcsClusterRead,
        BucketId::EcsServiceRead,
        BucketId::EcsServiceModify,
        BucketId::EcsTaskDefinitionRead,
        BucketId::EcsClusterResourceRead,
        BucketId::EcsCapacityProviderRead,
        BucketId::EcsServiceDeploymentRead,
        BucketId::EcsServiceRevisionRead,
        BucketId::EcsTaskProtection,
        BucketId::ElbRead,
        BucketId::Ec2LaunchTemplateVersions,
        BucketId::Ec2InstanceTypes,
        BucketId::Ec2Instances,
        BucketId::Ec2AvailabilityZones,
        BucketId::Ec2SpotPlacementScores,
        BucketId::Ec2SpotPriceHistory,
        BucketId::AutoScalingRead,
        BucketId::AutoScalingModify,
        BucketId::ApplicationAutoScalingRead,
        BucketId::ServiceQuotasRead,
        BucketId::PriceListRead,
    ];

    /// What AWS allows an account in a Region.
    ///
    /// Sources: "Request throttling for the Amazon ECS API"; "API throttling", Elastic Load
    /// Balancing user guide; "Request throttling for the Amazon EC2 API".
    #[must_use]
    pub const fn documented(self) -> Rate {
        match self {
            BucketId::EcsClusterRead
            | BucketId::EcsTaskDefinitionRead
            | BucketId::EcsCapacityProviderRead
            | BucketId::EcsServiceDeploymentRead
            | BucketId::EcsServiceRevisionRead => Rate { burst: 50.0, refill: 20.0 },
            BucketId::EcsServiceRead | BucketId::EcsClusterResourceRead => Rate { burst: 100.0, refill: 20.0 },
            BucketId::EcsServiceModify => Rate { burst: 50.0, refill: 5.0 },
            BucketId::EcsTaskProtection => Rate { burst: 200.0, refill: 80.0 },
            BucketId::ElbRead => Rate { burst: 40.0, refill: 10.0 },
            BucketId::Ec2LaunchTemplateVersions
            | BucketId::Ec2InstanceTypes
            | BucketId::Ec2Instances
            | BucketId::Ec2SpotPlacementScores
            | BucketId::Ec2SpotPriceHistory => Rate { burst: 100.0, refill: 20.0 },
            // Asked for without a filter and without pages.
            BucketId::Ec2AvailabilityZones => Rate { burst: 50.0, refill: 10.0 },
            BucketId::AutoScalingRead
            | BucketId::ApplicationAutoScalingRead
            | BucketId::ServiceQuotasRead
            | BucketId::PriceListRead => UNPUBLISHED,
            BucketId::AutoScalingModify => UNPUBLISHED_WRITES,
        }
    }
}

/// Which part of the account's rates one invocation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiLimits {
    /// `api_rate_percent` of the policy: what is left to others in the account.
    pub rate_percent: Percent,
    /// How many invocations of the run call at the same time: the part is divided by it, so that
    /// together they stay inside.
    pub invocations: u32,
    /// How many of them read: one, where no more is read than turns are taken that all of them share.
    pub readers: u32,
}

impl ApiLimits {
    /// The part of a bucket. A percentage of 0 counts as 1: a run that may not call cannot end.
    /// The burst is one call at the least, or nothing would ever start.
    #[must_use]
    pub fn of(self, id: BucketId) -> Rate {
        let divided_by = if id == BucketId::EcsServiceModify { self.invocations } else { self.readers };
        let part = f64::from(self.rate_percent.get().max(1)) / 100.0 / f64::from(divided_by.max(1));
        let rate = id.documented();
        Rate { burst: (rate.burst * part).max(1.0), refill: rate.refill * part }
    }
}

/// A bucket and what is in it. Time is what has passed since it was made, full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenBucket {
    rate: Rate,
    /// Below zero when calls have been promised tokens that are yet to come.
    tokens: f64,
    at: Duration,
}

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub const fn full(rate: Rate) -> TokenBucket {
        TokenBucket { rate, tokens: rate.burst, at: Duration::ZERO }
    }

    /// Takes one token and answers how long to wait before using it: callers are served in the
    /// order in which they asked.
    pub fn take(&mut self, now: Duration) -> Duration {
        self.take_within(now, Duration::MAX).unwrap_or(Duration::MAX)
    }

    /// The same, where the wait is no longer than that; otherwise `None`, and no token is taken.
    pub fn take_within(&mut self, now: Duration, patience: Duration) -> Option<Duration> {
        self.fill(now);
        let left = self.tokens - 1.0;
        let wait = match left < 0.0 {
            true => Duration::try_from_secs_f64(-left / self.rate.refill).unwrap_or(Duration::MAX),
            false => Duration::ZERO,
        };
        (wait <= patience).then(|| {
            self.tokens = left;
            wait
        })
    }

    /// Pours out what is left: AWS says that the account's bucket is empty.
    pub fn empty(&mut self, now: Duration) {
        self.fill(now);
        self.tokens = self.tokens.min(0.0);
    }

    /// Leaves no more than what comes back in a second: somebody with a bucket of the same kind has
    /// just emptied the account's, and it takes about so long to begin after them.
    pub fn follow(&mut self, now: Duration) {
        self.fill(now);
        self.tokens = self.tokens.min(self.rate.refill);
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.tokens = passed.mul_add(self.rate.refill, self.tokens).min(self.rate.burst);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use spotkeeper_core::pace::WritePace;

    use super::*;

    #[test]
    fn the_account_s_rates_are_divided_by_what_runs_side_by_side() {
        let cases = [
            // name, percent, side by side, burst, refill
            ("all of it, alone", 100, 1, 100.0, 20.0),
            ("half of it, alone", 50, 1, 50.0, 10.0),
            ("half of it, five at once", 50, 5, 10.0, 2.0),
            ("a burst of less than one call is one call", 1, 40, 1.0, 0.005),
            ("no part at all counts as one percent", 0, 1, 1.0, 0.2),
            ("none side by side counts as one", 100, 0, 100.0, 20.0),
        ];
        for (name, percent, invocations, burst, refill) in cases {
            let limits = ApiLimits { rate_percent: Percent::saturating(percent), invocations, readers: invocations };
            let part = limits.of(BucketId::EcsServiceRead);
            assert!((part.burst - burst).abs() < 1e-9 && (part.refill - refill).abs() < 1e-9, "{name}: {part:?}");
        }
    }

    #[test]
    fn where_turns_to_write_are_shared_writes_alone_are_divided() {
        let limits = ApiLimits { rate_percent: Percent::HUNDRED, invocations: 5, readers: 1 };
        assert_eq!(limits.of(BucketId::EcsServiceRead), BucketId::EcsServiceRead.documented());
        assert_eq!(limits.of(BucketId::EcsServiceModify), Rate { burst: 10.0, refill: 1.0 });
    }

    #[test]
    fn the_shared_pace_is_that_of_the_bucket() {
        let whole = WritePace::of(Percent::HUNDRED);
        let rate = BucketId::EcsServiceModify.documented();
        assert_eq!((f64::from(whole.at_once()), whole.interval().as_secs_f64()), (rate.burst, 1.0 / rate.refill));
    }

    #[test]
    fn a_bucket_lets_its_burst_through_and_then_its_refill() {
        let mut bucket = TokenBucket::full(Rate { burst: 3.0, refill: 2.0 });
        let waits: Vec<u128> = (0..6).map(|_| bucket.take(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 500, 1_000, 1_500]);
        assert_eq!(bucket.take(Duration::from_secs(2)).as_millis(), 0, "four came back: three promised, one left");
        assert_eq!(bucket.take(Duration::from_secs(60)).as_millis(), 0);
        assert_eq!(bucket.take(Duration::from_secs(60)).as_millis(), 0);
        assert_eq!(bucket.take(Duration::from_secs(60)).as_millis(), 0, "never more than the burst");
        assert_eq!(bucket.take(Duration::from_secs(60)).as_millis(), 500);
    }

    #[test]
    fn a_token_that_comes_too_late_is_not_taken() {
        let mut bucket = TokenBucket::full(Rate { burst: 1.0, refill: 0.1 });
        let seconds = |seconds| Duration::from_secs(seconds);
        assert_eq!(bucket.take_within(Duration::ZERO, Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(bucket.take_within(Duration::ZERO, seconds(9)), None);
        assert_eq!(bucket.take_within(Duration::ZERO, seconds(10)), Some(seconds(10)));
        assert_eq!(bucket.take(Duration::ZERO), seconds(20), "one was promised, none was lost");
    }

    #[test]
    fn a_throttle_pours_out_what_is_left() {
        let mut bucket = TokenBucket::full(Rate { burst: 10.0, refill: 1.0 });
        bucket.empty(Duration::ZERO);
        assert_eq!(bucket.take(Duration::ZERO), Duration::from_secs(1));
    }

    #[test]
    fn over_any_window_no_more_than_burst_and_refill_are_sent() {
        let rate = Rate { burst: 5.0, refill: 4.0 };
        let mut bucket = TokenBucket::full(rate);
        let mut sent: Vec<f64> = (0_u32..200)
            .map(|step| {
                let now = Duration::from_millis(u64::from(step) * 37);
                (now + bucket.take(now)).as_secs_f64()
            })
            .collect();
        sent.sort_by(f64::total_cmp);
        for (index, from) in sent.iter().enumerate() {
            for (more, until) in sent.iter().enumerate().skip(index) {
                let count = f64::from(u32::try_from(more - index + 1).unwrap());
                assert!(count <= rate.burst + (until - from) * rate.refill + 1.0 + 1e-6);
            }
        }
    }
}
