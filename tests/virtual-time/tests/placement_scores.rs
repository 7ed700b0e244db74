//! The placement scorer's own handler on the simulated EC2, in virtual time: each answer is its
//! own, queries are shared, counted and bounded, and what goes wrong with one cluster stays there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use jiff::{SignedDuration, Timestamp};
use placement_scorer::ScorerConfig;
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::interface::{ScoreCounts, ScoreInput};
use spotkeeper_core::phase::Function;
use spotkeeper_core::policy::Policy;
use spotkeeper_core::signals::{ScoreAnswer, ScoreRecord};
use spotkeeper_virtual_time::ports::{FaultKind, FaultRule};
use spotkeeper_virtual_time::scorer::{CONFIG, invoke};
use spotkeeper_virtual_time::simulation::{Simulation, in_virtual_time};
use spotkeeper_virtual_time::tables::Tables;

/// Two clusters. The groups `one` and `alike` differ in nothing that EC2 is asked; `large` is
/// larger; `easy` has a type without limit; `od` is On-Demand.
const ACCOUNT: &str = r"
settings: { jitterPercent: 0, spotPlacementConfigurationsPerDay: 50 }
pools:
  - { instanceType: m5.large, zone: eu-west-1a, spotObtainable: 20 }
  - { instanceType: c5.large, zone: eu-west-1a, spotObtainable: 0 }
  - { instanceType: r5.large, zone: eu-west-1a, spotObtainable: 0 }
launchTemplates:
  - { name: plain, instanceType: m5.large }
autoScalingGroups:
  - { name: one, cluster: prod, launchTemplate: plain, maxSize: 20, subnets: [subnet-00000000000000001, subnet-00000000000000002], instanceTypes: [m5.large, c5.large, r5.large], instancesDistribution: &spot { onDemandPercentageAboveBaseCapacity: 0 } }
  - { name: alike, cluster: test, launchTemplate: plain, maxSize: 30, subnets: [subnet-00000000000000002], instanceTypes: [r5.large, m5.large, c5.large], instancesDistribution: *spot }
  - { name: large, cluster: prod, launchTemplate: plain, maxSize: 300, subnets: [subnet-00000000000000001, subnet-00000000000000002], instanceTypes: [m5.large, c5.large, r5.large], instancesDistribution: *spot }
  - { name: easy, cluster: prod, launchTemplate: plain, maxSize: 20, subnets: [subnet-00000000000000001], instanceTypes: [m5.large, c5.large, m6i.large], instancesDistribution: *spot }
  - { name: od, cluster: prod, launchTemplate: plain, maxSize: 20 }
capacityProviders:
  - { name: one, autoScalingGroupProvider: { autoScalingGroup: one } }
  - { name: alike, autoScalingGroupProvider: { autoScalingGroup: alike } }
  - { name: large, autoScalingGroupProvider: { autoScalingGroup: large } }
  - { name: easy, autoScalingGroupProvider: { autoScalingGroup: easy } }
  - { name: od, autoScalingGroupProvider: { autoScalingGroup: od } }
clusters:
  - { clusterName: prod, capacityProviders: [FARGATE, FARGATE_SPOT, od, one, large, easy] }
  - { clusterName: test, capacityProviders: [FARGATE, alike] }
";

fn account(yaml: &str) -> Simulation {
    let start = Timestamp::from_second(1_767_225_600).unwrap();
    let world = aws_sim::account::parse(yaml, "account", start).unwrap();
    Simulation::start(world, Tables::new(Ok(Policy::default())), 1)
}

/// Lives through a test in virtual time, on that account.
fn living(yaml: &str, test: impl AsyncFnOnce(Simulation)) {
    in_virtual_time(async { test(account(yaml)).await }).unwrap();
}

async fn ask(simulation: &Simulation) -> ScoreCounts {
    invoke(simulation, &CONFIG, ScoreInput::default()).await.unwrap()
}

fn record(simulation: &Simulation, key: &str) -> ScoreRecord {
    let found = simulation.with(|inner| {
        inner.tables.scores.values().find(|one| format!("{}/{}", one.cluster, one.provider) == key).cloned()
    });
    found.unwrap_or_else(|| panic!("nothing is known of {key}"))
}

/// What is known, in short: `prod/one 5.50`.
fn known(simulation: &Simulation) -> Vec<String> {
    let records = simulation.with(|inner| inner.tables.scores.values().cloned().collect::<Vec<_>>());
    let said = |record: &ScoreRecord| {
        let answer = match &record.answer {
            ScoreAnswer::Scored { score, .. } => score.to_string(),
            ScoreAnswer::Refused { why } => why.name().to_owned(),
            ScoreAnswer::Absent { zones } => format!("absent {}", zones.join(" ")),
            ScoreAnswer::Unsupported { .. } => "unsupported".to_owned(),
        };
        format!("{}/{} {answer}", record.cluster, record.provider)
    };
    records.iter().map(said).collect()
}

fn fault(kind: FaultKind, port: &str, call: Option<u32>) -> FaultRule {
    FaultRule {
        kind,
        function: Some(Function::PlacementScorer),
        port: Some(port.to_owned()),
        call,
        from: Timestamp::UNIX_EPOCH,
        until: Timestamp::MAX,
        times: u32::MAX,
        per_mille: 1_000,
    }
}

fn set_fault(simulation: &Simulation, fault: FaultRule) {
    simulation.with(|inner| inner.faults.rules = vec![fault]);
}

async fn pass(simulation: &Simulation, time: SignedDuration) {
    simulation.sleep_until(simulation.with(|inner| inner.world.now()) + time).await;
}

#[test]
fn every_spot_provider_has_its_answer_and_groups_that_are_alike_share_a_call() {
    living(ACCOUNT, async |simulation| {
        let counts = ask(&simulation).await;
        // Zone a has 20 of 32 that are asked for, or 512; zone b has no limit.
        let expected = [
            "prod/FARGATE_SPOT unsupported",
            "prod/easy 10.00",
            "prod/large 5.50",
            "prod/one 5.50",
            "test/alike 10.00",
        ];
        assert_eq!(known(&simulation), expected);
        // Zones and Region for each of three: `one` and `alike` are asked about together.
        assert_eq!((counts.clusters, counts.asked, counts.queries), (2, 6, 6));
        assert_eq!((counts.scored, counts.unsupported, counts.refused, counts.absent), (4, 1, 0, 0));
        assert!(counts.failed_clusters.is_empty(), "{counts:?}");
        assert_eq!(simulation.with(|inner| inner.world.placement_configurations()), 6);
        let ScoreAnswer::Scored { zones, region, .. } = record(&simulation, "prod/one").answer else {
            panic!("scored")
        };
        let zones: Vec<String> = zones.into_iter().map(|(zone, score)| format!("{zone} {score}")).collect();
        assert_eq!(zones, ["eu-west-1a 1.00", "eu-west-1b 10.00"], "the zones in use, and not eu-west-1c");
        assert!(region.is_some());
    });
}

#[test]
fn the_same_is_asked_again_and_again_and_the_scores_are_kept() {
    living(ACCOUNT, async |simulation| {
        for round in 0..150 {
            let counts = ask(&simulation).await;
            assert_eq!((counts.asked, counts.queries, counts.refused), (6, 6, 0), "round {round}");
            pass(&simulation, SignedDuration::from_mins(10)).await;
        }
        let one = record(&simulation, "prod/one");
        assert_eq!(one.samples.len(), 48);
        assert!(one.samples.windows(2).all(|pair| pair[0].at < pair[1].at));
        // A group that is resized a little goes on asking the same; one that doubles does not.
        simulation.with(|inner| inner.world.groups.get_mut("one").unwrap().max_size = 32);
        assert_eq!(ask(&simulation).await.queries, 6);
        simulation.with(|inner| inner.world.groups.get_mut("one").unwrap().max_size = 64);
        assert_eq!(ask(&simulation).await.queries, 8, "`alike` still asks as before");
    });
}

#[test]
fn distinct_queries_are_bounded_and_those_asked_before_go_on() {
    living(ACCOUNT, async |simulation| {
        let bound = |queries_per_day| ScorerConfig { queries_per_day };
        // In order of cluster and provider: `easy` and `large` come first; about zones before Regions.
        let counts = invoke(&simulation, &bound(2), ScoreInput::default()).await.unwrap();
        assert_eq!((counts.asked, counts.queries, counts.scored, counts.refused), (2, 2, 2, 2));
        let expected = [
            "prod/FARGATE_SPOT unsupported",
            "prod/easy 10.00",
            "prod/large 5.50",
            "prod/one query_limit",
            "test/alike query_limit",
        ];
        assert_eq!(known(&simulation), expected);
        let ScoreAnswer::Scored { region, .. } = record(&simulation, "prod/large").answer else { panic!("scored") };
        assert_eq!(region, None, "the Region is only shown beside it");

        // What was asked goes on under a bound that is lower still, and nothing new does.
        pass(&simulation, SignedDuration::from_mins(10)).await;
        let counts = invoke(&simulation, &bound(1), ScoreInput::default()).await.unwrap();
        assert_eq!((counts.asked, counts.scored, counts.refused), (2, 2, 2));
        // `large` asks for something else: its old query holds its place for a day.
        simulation.with(|inner| inner.world.groups.get_mut("large").unwrap().max_size = 20);
        let counts = invoke(&simulation, &bound(2), ScoreInput::default()).await.unwrap();
        assert_eq!((counts.scored, counts.refused, counts.queries), (1, 3, 2));
        pass(&simulation, SignedDuration::from_hours(25)).await;
        let counts = invoke(&simulation, &bound(2), ScoreInput::default()).await.unwrap();
        assert_eq!((counts.scored, counts.refused, counts.queries), (4, 0, 2), "all the rest share one now");
    });
}

#[test]
fn each_refusal_is_its_own_answer_and_keeps_what_was_scored() {
    living(ACCOUNT, async |simulation| {
        ask(&simulation).await;
        pass(&simulation, SignedDuration::from_mins(10)).await;
        // A day in which EC2 takes nothing new, and the groups have changed.
        simulation.with(|inner| {
            inner.world.settings.spot_placement_configurations_per_day = 0;
            inner.world.groups.get_mut("one").unwrap().max_size = 100;
            inner.world.settings.spot_placement_absent_zones = vec!["eu-west-1b".to_owned()];
        });
        let counts = ask(&simulation).await;
        let expected = [
            "prod/FARGATE_SPOT unsupported",
            "prod/easy 10.00",
            "prod/large absent eu-west-1b",
            "prod/one max_config_limit_exceeded",
            "test/alike absent eu-west-1b",
        ];
        assert_eq!(known(&simulation), expected);
        assert_eq!((counts.scored, counts.refused, counts.absent), (1, 1, 2));
        let one = record(&simulation, "prod/one");
        assert_eq!(one.samples.len(), 1, "what was scored before is still known");
        assert!(one.samples[0].at < one.at);
    });
}

#[test]
fn what_goes_wrong_at_a_port_is_told_and_stays_there() {
    living(ACCOUNT, async |simulation| {
        let cases = [
            ("market.placement_scores", FaultKind::Throttle, "throttled"),
            ("market.placement_scores", FaultKind::Fail, "failed"),
            ("market.zone_names", FaultKind::Fail, "failed"),
        ];
        for (port, kind, why) in cases {
            set_fault(&simulation, fault(kind, port, None));
            let counts = ask(&simulation).await;
            assert_eq!((counts.refused, counts.unsupported), (4, 1), "{port} {kind}");
            assert_eq!(known(&simulation)[3], format!("prod/one {why}"), "{port} {kind}");
        }
        // Nothing of a cluster can be read: whether a provider is Spot is not known, nor its score.
        set_fault(&simulation, fault(FaultKind::Throttle, "market.spot_providers", Some(2)));
        let counts = ask(&simulation).await;
        assert_eq!((counts.refused, counts.scored), (6, 1), "{:?}", known(&simulation));

        // The state of the first cluster fails: the second has its scores.
        set_fault(&simulation, FaultRule { times: 1, ..fault(FaultKind::Fail, "state.scores", None) });
        let before = record(&simulation, "prod/one");
        let counts = ask(&simulation).await;
        assert_eq!(counts.failed_clusters.into_iter().collect::<Vec<_>>(), [(name("prod"), "Unavailable".to_owned())]);
        assert_eq!(record(&simulation, "prod/one"), before);
        assert_eq!(known(&simulation).last().unwrap(), "test/alike 10.00");

        // Without the count nothing is asked.
        let asked = simulation.with(|inner| inner.world.placement_configurations());
        for port in ["state.asked_queries", "state.put_asked_queries", "fleet.clusters"] {
            set_fault(&simulation, fault(FaultKind::Fail, port, None));
            let error = invoke(&simulation, &CONFIG, ScoreInput::default()).await.unwrap_err();
            assert_eq!(error, "Unavailable", "{port}");
        }
        assert_eq!(simulation.with(|inner| inner.world.placement_configurations()), asked);

        // Metrics that cannot be sent do not lose what was learnt.
        set_fault(&simulation, fault(FaultKind::Fail, "telemetry", None));
        assert_eq!(ask(&simulation).await.scored, 4);
    });
}

/// Every query that EC2 was asked is counted, whenever the function dies, and the next start mends
/// what is missing.
#[test]
fn a_scorer_dead_at_any_step_has_counted_what_it_asked() {
    for kind in [FaultKind::DieBefore, FaultKind::DieAfter, FaultKind::LoseAnswer] {
        let mut steps = 0;
        loop {
            let mut struck = false;
            living(ACCOUNT, async |simulation| {
                set_fault(&simulation, FaultRule { times: 1, ..fault(kind, "", Some(steps + 1)) });
                let first = invoke(&simulation, &CONFIG, ScoreInput::default()).await;
                struck = simulation.with(|inner| inner.promises.coverage.faults > 0);
                let (asked, counted) = simulation.with(|inner| {
                    (inner.world.placement_configurations(), inner.tables.asked_queries.last_asked.len())
                });
                assert!(asked <= counted, "{kind} at {steps}: {asked} asked, {counted} counted");
                pass(&simulation, SignedDuration::from_mins(10)).await;
                let counts = ask(&simulation).await;
                assert_eq!((counts.scored, counts.queries), (4, 6), "{kind} at {steps}, after {first:?}");
            });
            if !struck {
                break;
            }
            steps += 1;
        }
        assert!(steps >= 15, "{kind}: only {steps} calls");
    }
}

#[test]
fn two_at_once_count_every_query() {
    living(ACCOUNT, async |simulation| {
        let of = |cluster: &str| ScoreInput { clusters: vec![name(cluster)] };
        let (one, other) =
            tokio::join!(invoke(&simulation, &CONFIG, of("prod")), invoke(&simulation, &CONFIG, of("test")));
        assert_eq!((one.unwrap().scored, other.unwrap().scored), (3, 1));
        let (asked, counted) = simulation
            .with(|inner| (inner.world.placement_configurations(), inner.tables.asked_queries.last_asked.len()));
        assert_eq!((asked, counted), (6, 6));
    });
}

#[test]
fn only_the_clusters_that_are_named_are_asked_about() {
    living(ACCOUNT, async |simulation| {
        let input = |names: &[&str]| ScoreInput { clusters: names.iter().map(|one| name(one)).collect() };
        let counts = invoke(&simulation, &CONFIG, input(&["test"])).await.unwrap();
        assert_eq!((counts.clusters, counts.scored), (1, 1));
        assert_eq!(known(&simulation), ["test/alike 10.00"]);
        let error = invoke(&simulation, &CONFIG, input(&["test", "tset"])).await.unwrap_err();
        assert_eq!(error, "UnknownCluster");
    });
}

#[test]
fn a_score_follows_the_pools() {
    living(ACCOUNT, async |simulation| {
        ask(&simulation).await;
        for pool in ["c5.large/eu-west-1a", "r5.large/eu-west-1a", "m5.large/eu-west-1a"] {
            simulation.with(|inner| inner.world.set_obtainable(pool, Some(200))).unwrap();
        }
        pass(&simulation, SignedDuration::from_mins(10)).await;
        ask(&simulation).await;
        let one = record(&simulation, "prod/one");
        let samples: Vec<String> = one.samples.iter().map(|sample| sample.score.to_string()).collect();
        assert_eq!(samples, ["5.50", "10.00"]);
    });
}

fn name(cluster: &str) -> ClusterName {
    ClusterName::parse(cluster).unwrap()
}
