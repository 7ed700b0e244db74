use super::{Fixed, fleet_on, web};
use crate::client::ApiLimits;
use crate::client::testing::{ecs_error, replaying};
use crate::fleet::{AwsFleet, MemoryCache};
use spotkeeper_core::ids::ProviderName;
use spotkeeper_core::observe::{InstancesDistribution, LaunchType, PlacedBy};
use spotkeeper_core::ports::{Fleet as _, WriteError};
use spotkeeper_core::strategy::{Strategy, StrategyItem};
use spotkeeper_core::units::{Percent, Seconds};
use std::sync::Arc;

fn strategy() -> PlacedBy {
    let item = |name: &str, base, weight| StrategyItem { provider: ProviderName::parse(name).unwrap(), base, weight };
    PlacedBy::Strategy(Strategy { items: vec![item("FARGATE", 1, 1), item("FARGATE_SPOT", 0, 3)] })
}

/// S10: nothing but the strategy is written, and never without the force.
#[tokio::test]
async fn s10_the_write_has_four_fields() {
    let cases = [
        (
            "a strategy",
            strategy(),
            r#"[{"capacityProvider":"FARGATE","weight":1,"base":1},{"capacityProvider":"FARGATE_SPOT","weight":3,"base":0}]"#,
        ),
        ("the launch type", PlacedBy::LaunchType(LaunchType::Fargate), "[]"),
    ];
    for (name, placed_by, expected) in cases {
        let (clients, replay) = replaying(&[(200, "{}")]);
        fleet_on(clients, Arc::default()).write(&web(), &placed_by).await.unwrap();
        let request = replay.actual_requests().next().unwrap();
        let body: serde_json::Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        let expected = serde_json::json!({
            "cluster": "prod", "service": "web", "forceNewDeployment": true, "capacityProviderStrategy": expected,
        });
        assert_eq!(body, expected, "{name}");
    }
}

#[tokio::test]
async fn an_empty_strategy_is_never_sent_as_one() {
    let (clients, replay) = replaying(&[(200, "{}")]);
    let written =
        fleet_on(clients, Arc::default()).write(&web(), &PlacedBy::Strategy(Strategy { items: Vec::new() })).await;
    assert!(matches!(written, Err(WriteError::Refused { .. })));
    assert_eq!(replay.actual_requests().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_lost_and_not_repeated() {
    let server = ecs_error("ServerException", "oops");
    let (clients, replay) = replaying(&[(500, &server), (200, "{}")]);
    let written = fleet_on(clients, Arc::default()).write(&web(), &strategy()).await;
    assert!(matches!(written, Err(WriteError::Lost { service, .. }) if service == "prod/web"));
    assert_eq!(replay.actual_requests().count(), 1);
}

/// An intent on record without its write costs five minutes of looking for what was never sent.
#[tokio::test(start_paused = true)]
async fn a_write_that_was_made_ready_does_not_wait() {
    let (clients, replay) = replaying(&[(200, "{}"); 3]);
    // One token at once, and one more every 10 s.
    let limits = ApiLimits { rate_percent: Percent::saturating(2), invocations: 1, readers: 1 };
    let fleet = AwsFleet::new(clients, MemoryCache::default(), limits, Fixed(10_000));
    let started = tokio::time::Instant::now();
    let at = || started.elapsed().as_secs();
    for (name, patience, ready, seconds) in
        [("the burst", 0, true, 0), ("too late", 9, false, 0), ("in time", 10, true, 10), ("the next", 10, true, 20)]
    {
        assert_eq!((fleet.ready_to_write(Seconds(patience)).await, at()), (ready, seconds), "{name}");
    }
    for _ in 0..3 {
        fleet.write(&web(), &strategy()).await.unwrap();
    }
    assert_eq!((at(), replay.actual_requests().count()), (20, 3));
}

/// Each invocation has a bucket of its own, and the account has one for all of them.
#[tokio::test(start_paused = true)]
async fn a_wave_that_follows_another_has_no_burst() {
    let limits = ApiLimits { rate_percent: Percent::HUNDRED, invocations: 1, readers: 1 };
    for (name, follows, expected) in [("the first", false, 0), ("one that follows", true, 9)] {
        let fleet = AwsFleet::new(replaying(&[]).0, MemoryCache::default(), limits, Fixed(10_000));
        if follows {
            fleet.writes_follow();
        }
        let started = tokio::time::Instant::now();
        for _ in 0..50 {
            assert!(fleet.ready_to_write(Seconds(20)).await, "{name}");
        }
        assert_eq!(started.elapsed().as_secs(), expected, "{name}: 45 writes at five a second");
    }
}

/// Every member that the group has, and nothing but the distribution. Pools go with one strategy alone.
#[tokio::test]
async fn s10_a_distribution_is_written_whole_and_alone() {
    const OK: &str = "<UpdateAutoScalingGroupResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"/>";
    let whole = |strategy: &str| InstancesDistribution {
        on_demand_allocation_strategy: Some("prioritized".to_owned()),
        on_demand_base_capacity: Some(0),
        on_demand_percentage_above_base_capacity: Some(100),
        spot_allocation_strategy: Some(strategy.to_owned()),
        spot_instance_pools: Some(3),
        spot_max_price: Some("0.05".to_owned()),
        has_segments: false,
    };
    for (strategy, pools) in [("lowest-price", Some("3")), ("capacity-optimized", None)] {
        let (clients, replay) = replaying(&[(200, OK)]);
        fleet_on(clients, Arc::default()).write_distribution("asg-spot", &whole(strategy)).await.unwrap();
        let request = replay.actual_requests().next().unwrap();
        let body = std::str::from_utf8(request.body().bytes().unwrap()).unwrap().to_owned();
        let mut sent: Vec<&str> = body.split('&').collect();
        sent.sort_unstable();
        let member = |name: &str, value: &str| format!("MixedInstancesPolicy.InstancesDistribution.{name}={value}");
        let mut expected = vec![
            "Action=UpdateAutoScalingGroup".to_owned(),
            "AutoScalingGroupName=asg-spot".to_owned(),
            member("OnDemandAllocationStrategy", "prioritized"),
            member("OnDemandBaseCapacity", "0"),
            member("OnDemandPercentageAboveBaseCapacity", "100"),
            member("SpotAllocationStrategy", strategy),
            member("SpotMaxPrice", "0.05"),
            "Version=2011-01-01".to_owned(),
        ];
        expected.extend(pools.map(|pools| member("SpotInstancePools", pools)));
        expected.sort_unstable();
        assert_eq!(sent, expected, "{strategy}");
    }
}

/// Whether AWS has taken it is told by a later read.
#[tokio::test(start_paused = true)]
async fn a_distribution_without_an_answer_is_not_sent_again() {
    let (clients, replay) = replaying(&[(500, ""), (200, "")]);
    let whole = InstancesDistribution::default();
    let written = fleet_on(clients, Arc::default()).write_distribution("asg-spot", &whole).await;
    assert_eq!(written.unwrap_err().name(), "Unavailable");
    assert_eq!(replay.actual_requests().count(), 1);
}
