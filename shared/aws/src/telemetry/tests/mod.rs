//! What a run's end makes of metrics and event, and how they are sent.

mod docs;

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::operation::put_metric_data::{PutMetricDataError, PutMetricDataOutput};
use aws_sdk_cloudwatch::types::MetricDatum;
use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
use aws_sdk_eventbridge::types::PutEventsResultEntry;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::error::ErrorMetadata;
use spotkeeper_core::control::{
    CeilingReason, Dry, Evidence, InForce, OpenWindow, PairCeiling, ScoreEvidence, Steered,
};
use spotkeeper_core::fixtures;
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::observe::Family;
use spotkeeper_core::plan::{BudgetReport, Cap, CapBy};
use spotkeeper_core::ports::{EndOfRun, PortError, Telemetry};
use spotkeeper_core::record::{
    ApiCounts, ClusterReport, DryWhy, LeftOnSpot, LeftWhy, MoveRecord, Outcome, Reverted, RunEnd, RunMode, RunRecord,
    RunStatus, Written,
};
use spotkeeper_core::signals::{Occurrence, OccurrenceKind, Score, ScoreAnswer, ScoreRecord, ScoreRefusal, ScoreRound};
use spotkeeper_core::switch::{Scope, SwitchChange, SwitchEntry, SwitchState, SwitchedHow, Switches};
use spotkeeper_core::units::{CpuUnits, Percent};

use super::AwsTelemetry;
use super::details::CeilingChanged;
use super::event::RunEnded;
use super::metrics::{ALL, MAX_CLUSTERS, OTHERS, Sample, call_samples, move_samples, samples, score_samples};
use super::spot::spot_samples;

fn cluster(name: &str) -> ClusterName {
    ClusterName::parse(name).unwrap()
}

/// A run of two clusters, one of which failed before anything of it was read.
fn run() -> (RunRecord, Vec<ClusterReport>) {
    let ended = RunEnd {
        at: fixtures::at(754),
        status: RunStatus::CompletedWithErrors,
        moves: BTreeMap::from([(Outcome::Stable, 3), (Outcome::Stranded, 1), (Outcome::Held, 0)]),
        failed_clusters: BTreeMap::from([(cluster("batch"), "AccessDenied".to_owned())]),
        code_changed: 0,
        told: false,
    };
    let run = RunRecord {
        id: fixtures::run_id("2026-01-15-0001"),
        clusters: vec![cluster("batch"), cluster("prod")],
        clusters_in_flight: 5,
        passes: 1,
        ended: Some(ended),
        ..fixtures::run(RunMode::Ordinary)
    };
    let nothing_read = ClusterReport { failed: Some("AccessDenied".to_owned()), ..report("batch", 0) };
    let prod = ClusterReport {
        eligible: 28,
        blocked: BTreeMap::from([("redundancy".to_owned(), 9), ("stop_timeout".to_owned(), 5)]),
        spot_tasks: 31,
        on_demand_tasks: 280,
        left_on_spot: vec![LeftOnSpot { service: fixtures::service_ref("web"), why: LeftWhy::NoPair }],
        left_on_spot_more: 1,
        skewed: vec![fixtures::service_ref("cart")],
        reverted: vec![reverted("api")],
        gaps: vec!["something".to_owned()],
        api: ApiCounts { calls: 50, throttled: 2 },
        cap: Some(Cap { percent: Percent::saturating(30), by: CapBy::Policy }),
        dial: Some(Percent::saturating(70)),
        ceilings: vec![steered()],
        budget: Some(budget()),
        running_spot_cpu: Some(CpuUnits(2_048)),
        ..report("prod", 40)
    };
    (run, vec![nothing_read, prod])
}

/// A ceiling that a drought has cut from 80 to 40 percent, of which the policy lets 30 count as before.
fn steered() -> Steered {
    let dry = Dry { seen_at: fixtures::now(), until: fixtures::at(3_600), times: 1 };
    let after = fixtures::ceiling(Family::Fargate, Percent::saturating(40));
    let percent = Percent::saturating(30);
    let in_force = Some(InForce { percent, capped_by: Some(CapBy::Policy), since: fixtures::now() });
    Steered {
        before: Some(Percent::saturating(80)),
        in_force_before: in_force.clone(),
        after: PairCeiling { dry: Some(dry), changed_at: fixtures::at(20), version: 7, in_force, ..after },
        effective: Percent::saturating(30),
        reason: CeilingReason::Drought,
        evidence: Evidence {
            score: ScoreEvidence::NotApplicable,
            interruptions: 1,
            ordinary_interruptions: 2,
            drought_at: Some(fixtures::now()),
            failed_moves: 0,
            share: Percent::saturating(20),
            tested: true,
        },
    }
}

/// A ceiling of which a window lets nothing count from now on.
fn capped() -> (Steered, Cap) {
    let window =
        OpenWindow { name: "launch".to_owned(), ceiling: Percent::ZERO, from: fixtures::at(60), to: fixtures::at(660) };
    let cap = Cap { percent: Percent::ZERO, by: CapBy::Window { window } };
    let before = fixtures::ceiling(Family::Fargate, Percent::saturating(40));
    let in_force = InForce { percent: Percent::ZERO, capped_by: Some(cap.by.clone()), since: fixtures::at(20) };
    let steered = Steered {
        before: Some(before.ceiling),
        in_force_before: before.in_force.clone(),
        after: PairCeiling { in_force: Some(in_force), version: 8, ..before },
        effective: Percent::ZERO,
        reason: CeilingReason::AtCap,
        ..steered()
    };
    (steered, cap)
}

fn budget() -> BudgetReport {
    BudgetReport {
        task_cpu: CpuUnits(10_240),
        spot_cpu: CpuUnits(2_048),
        ceiling: Percent::saturating(30),
        left: CpuUnits(0),
        room: CpuUnits(0),
        excess: CpuUnits(0),
        unknown: 0,
    }
}

/// A move up that was written and is stable.
fn ended_move() -> MoveRecord {
    let mut record = fixtures::move_up(&fixtures::run_id("2026-01-15-0001"), "prod/0-0");
    record.attempts = 1;
    record.written = Some(Written {
        at: fixtures::at(30),
        after: record.planned.after.clone(),
        previous_deployment: None,
        previous_service_deployment: None,
        confirmed: true,
        deployment: None,
        deployment_id: None,
        deadline: record.planned.deadline,
    });
    record.note(fixtures::at(30), "apply written".to_owned());
    record.outcome = Some(Outcome::Stable);
    record.concluded_at = Some(fixtures::at(300));
    record.note(fixtures::at(300), "ended as stable".to_owned());
    record
}

fn thrown() -> SwitchChange {
    let who = "arn:aws:states:eu-west-1:123456789012:execution:spotkeeper:2026-01-15-0001".to_owned();
    let entry =
        SwitchEntry { who, until: Some(fixtures::at(7_200)), ..fixtures::switch(Scope::Cluster(cluster("prod"))) };
    let (run, how) = (fixtures::run_id("2026-01-15-0001"), SwitchedHow::Execution);
    SwitchChange { id: run.to_string(), run, how, state: SwitchState::On, entry, epoch: 3 }
}

/// A service whose last write somebody took back an hour ago.
fn reverted(name: &str) -> Reverted {
    let service = fixtures::service(name, Family::Fargate);
    let (id, write) = (service.id.clone(), fixtures::last_write(&service));
    Reverted { service: id, write, reverts: 1, quarantined_until: fixtures::at(3_600) }
}

fn report(name: &str, services: u32) -> ClusterReport {
    let run = fixtures::run_id("2026-01-15-0001");
    ClusterReport { services, ..ClusterReport::empty(run, cluster(name), fixtures::at(20)) }
}

/// `Name{dimension values} value`, as one reads it in a test.
fn line(sample: &Sample) -> String {
    let dimensions: Vec<&str> = sample.dimensions.iter().map(|(_, value)| value.as_str()).collect();
    format!("{}{{{}}} {}", sample.metric.name, dimensions.join(" "), sample.value)
}

fn end<'a>(run: &'a RunRecord, reports: &'a [ClusterReport], switches: &'a Switches) -> EndOfRun<'a> {
    EndOfRun { run, reports, held: &[], switches: Some(switches) }
}

fn lines(run: &RunRecord, reports: &[ClusterReport]) -> Vec<String> {
    let switches = Switches { entries: vec![fixtures::switch(Scope::All)], epoch: 1 };
    samples(&end(run, reports, &switches), run.ended.as_ref().unwrap()).iter().map(line).collect()
}

#[test]
fn a_run_has_its_metrics() {
    let (run, reports) = run();
    let expected = [
        "Services{prod} 40",
        "SpotTasks{prod} 31",
        "OnDemandTasks{prod} 280",
        "ServicesLeftOnSpot{prod} 2",
        "RevertedServices{prod} 1",
        "Gaps{prod} 1",
        "ApiCalls{prod} 50",
        "ThrottledCalls{prod} 2",
        "EligibleServices{prod} 28",
        "SkewedServices{prod} 1",
        "BlockedServices{prod redundancy} 9",
        "BlockedServices{prod stop_timeout} 5",
        "RevertedServices{} 1",
        "SkewedServices{} 1",
        "BlockedServices{redundancy} 9",
        "BlockedServices{stop_timeout} 5",
        "Ceiling{prod FARGATE/FARGATE_SPOT} 40",
        "Dial{prod} 70",
        "CeilingCap{prod policy} 30",
        "SpotShare{prod} 20",
        "TargetShare{prod} 30",
        "Droughts{prod} 1",
        "Droughts{} 1",
        "CeilingChanges{drought} 1",
        "SwitchesOn{} 1",
        "SwitchOnDuration{} 754",
        "MovesByOutcome{stable} 3",
        "MovesByOutcome{undone} 0",
        "MovesByOutcome{fallen_back} 0",
        "MovesByOutcome{superseded} 0",
        "MovesByOutcome{quarantined} 0",
        "MovesByOutcome{stranded} 1",
        "MovesByOutcome{held} 0",
        "MovesByOutcome{refused} 0",
        "CodeChangedMoves{} 0",
        "FailedClusters{} 1",
        "PolicyMistakes{} 0",
        "Runs{ordinary completed_with_errors} 1",
        "Runs{} 1",
        "RunDuration{ordinary} 754",
    ];
    assert_eq!(lines(&run, &reports), expected);
}

/// A ceiling counts under why it changed, and under the cap that changed what counts of it.
#[test]
fn changes_of_ceilings_are_counted_by_why() {
    let changes = |ceilings: Vec<Steered>, mode: RunMode| -> Vec<String> {
        let (run, mut reports) = run();
        reports[1].ceilings = ceilings;
        let lines = lines(&RunRecord { mode, ..run }, &reports);
        lines.into_iter().filter(|line| line.starts_with("CeilingChanges")).collect()
    };
    let (window, _) = capped();
    let as_before = Steered { in_force_before: window.after.in_force.clone(), ..window.clone() };
    let both = Steered { reason: CeilingReason::Interruptions, before: Some(Percent::HUNDRED), ..window.clone() };
    assert_eq!(changes(vec![as_before], RunMode::Ordinary), [""; 0]);
    let all = vec![steered(), window.clone(), both];
    let expected = ["CeilingChanges{drought} 1", "CeilingChanges{interruptions} 1", "CeilingChanges{window} 2"];
    assert_eq!(changes(all, RunMode::Ordinary), expected);
    assert_eq!(changes(vec![window], RunMode::Dry { why: DryWhy::Policy }), [""; 0]);
}

/// One that nothing has changed is not told of; one that a window changed says which.
#[test]
fn a_ceiling_of_which_another_part_counts_is_told() {
    let run = fixtures::run_id("2026-01-15-0001");
    let (steered, cap) = capped();
    let told = CeilingChanged::of(&run, &steered, Some(&cap)).unwrap();
    assert_eq!((told.before, told.after, told.effective_before, told.effective), (Some(40), 40, Some(40), 0));
    assert_eq!(
        (told.reason, told.effective_reason, told.cap_name.as_deref()),
        ("window", Some("window"), Some("launch"))
    );
    assert_eq!((told.decided_at, told.id.as_str()), (fixtures::at(20), "ceiling/prod/FARGATE/FARGATE_SPOT/8"));
    let same = Steered { in_force_before: steered.after.in_force.clone(), ..steered };
    assert_eq!(CeilingChanged::of(&run, &same, Some(&cap)), None);
}

#[test]
fn every_sample_has_the_dimensions_of_its_metric_and_every_metric_a_sample() {
    let (run, reports) = run();
    let mut samples = samples(&end(&run, &reports, &Switches::default()), run.ended.as_ref().unwrap());
    samples.extend(move_samples(&[ended_move()]));
    samples.extend(call_samples("updater", ApiCounts { calls: 9, throttled: 1 }));
    samples.extend(score_samples(&scores()));
    samples.extend(spot_samples(&occurrences(), 1));
    for sample in &samples {
        let names: Vec<&str> = sample.dimensions.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, sample.metric.dimensions, "{}", sample.metric.name);
    }
    for metric in ALL {
        assert!(samples.iter().any(|sample| sample.metric == *metric), "{} is never sent", metric.name);
    }
}

/// One of each kind.
fn occurrences() -> Vec<Occurrence> {
    let kinds = [
        OccurrenceKind::InstanceInterruption,
        OccurrenceKind::TaskInterruption,
        OccurrenceKind::RebalanceRecommendation,
        OccurrenceKind::PlacementFailure,
        OccurrenceKind::LaunchFailure,
    ];
    let of = |kind| Occurrence {
        id: "it".to_owned(),
        kind,
        at: fixtures::now(),
        cluster: Some(cluster("prod")),
        provider: Some(fixtures::provider_name("spot")),
        service: None,
        pool: None,
        sign: None,
    };
    kinds.map(of).into()
}

/// Two clusters, and every answer.
fn scores() -> ScoreRound {
    let record = |name: &str, provider: &str, answer| {
        ScoreRecord::answered(None, cluster(name), fixtures::provider_name(provider), fixtures::now(), answer)
    };
    let scored = |a: u16, b: u16| ScoreAnswer::Scored {
        score: Score(u16::midpoint(a, b)),
        zones: [("eu-west-1a".to_owned(), Score(a)), ("eu-west-1b".to_owned(), Score(b))].into(),
        region: Some(Score(1_000)),
    };
    let refused = |why| ScoreAnswer::Refused { why };
    let records = vec![
        record("batch", "gpu", refused(ScoreRefusal::QueryLimit)),
        record("prod", "FARGATE_SPOT", ScoreAnswer::Unsupported { why: "no types".to_owned() }),
        record("prod", "gone", refused(ScoreRefusal::Failed { detail: "no group".to_owned() })),
        record("prod", "large", refused(ScoreRefusal::QueryLimit)),
        record("prod", "small", scored(400, 900)),
        record("prod", "tiny", ScoreAnswer::Absent { zones: vec!["eu-west-1a".to_owned()] }),
    ];
    ScoreRound { at: fixtures::now(), records, queries: 7 }
}

#[test]
fn a_pass_over_the_scores_has_its_metrics() {
    let expected = [
        "SpotPlacementScore{prod small eu-west-1a} 4",
        "SpotPlacementScore{prod small eu-west-1b} 9",
        "SpotPlacementScore{prod small (cluster)} 6.5",
        "PlacementScoreRefusals{max_config_limit_exceeded} 0",
        "PlacementScoreRefusals{query_limit} 2",
        "PlacementScoreRefusals{denied} 0",
        "PlacementScoreRefusals{throttled} 0",
        "PlacementScoreRefusals{failed} 1",
        "PlacementScoreQueries{} 7",
    ];
    assert_eq!(score_samples(&scores()).iter().map(line).collect::<Vec<_>>(), expected);
}

#[test]
fn scores_of_many_clusters_are_bounded() {
    let scored = ScoreAnswer::Scored { score: Score(500), zones: BTreeMap::new(), region: None };
    let record = |index: usize| {
        let name = cluster(&format!("c{index:03}"));
        ScoreRecord::answered(None, name, fixtures::provider_name("spot"), fixtures::now(), scored.clone())
    };
    let round = ScoreRound { at: fixtures::now(), records: (0..60).map(record).collect(), queries: 1 };
    let told = score_samples(&round);
    let scores = told.iter().filter(|sample| sample.metric.name == "SpotPlacementScore");
    assert_eq!(scores.count(), MAX_CLUSTERS);
    let refused = told.iter().find(|sample| sample.dimensions.iter().any(|(_, reason)| reason == "failed")).unwrap();
    assert_eq!(line(refused), "PlacementScoreRefusals{failed} 0");
}

#[test]
fn a_switch_run_says_nothing_of_eligibility() {
    let (mut run, reports) = run();
    run.mode = RunMode::Switch { entry: fixtures::switch(Scope::Cluster(cluster("prod"))) };
    let lines = lines(&run, &reports);
    assert!(lines.contains(&"SpotTasks{prod} 31".to_owned()));
    assert!(lines.contains(&"RunDuration{switch} 754".to_owned()));
    let judged = |line: &&String| ["Eligible", "Blocked", "Skewed"].iter().any(|begin| line.starts_with(begin));
    assert_eq!(lines.iter().find(judged), None);
    assert!(lines.contains(&"RevertedServices{prod} 1".to_owned()));
    assert_eq!(RunEnded::of(&run, run.ended.as_ref().unwrap(), &reports).scope, "cluster/prod");
}

#[test]
fn the_clusters_with_metrics_of_their_own_are_bounded() {
    let (run, _) = run();
    let reports: Vec<ClusterReport> = (1..=60).map(|number| report(&format!("c{number:02}"), number)).collect();
    let services: Vec<String> =
        lines(&run, &reports).into_iter().filter(|line| line.starts_with("Services{")).collect();
    assert_eq!(services.len(), MAX_CLUSTERS + 1);
    let others: u32 = (1..=10).sum();
    assert!(services.contains(&format!("Services{{{OTHERS}}} {others}")), "the smallest ten: {services:?}");
}

#[test]
fn what_an_event_lists_is_bounded() {
    let (mut run, reports) = run();
    let mut ended = run.ended.take().unwrap();
    ended.failed_clusters = (0..1_000).map(|number| (cluster(&format!("c{number}")), "x".repeat(128))).collect();
    let event = RunEnded::of(&run, &ended, &reports);
    assert_eq!((event.failed_clusters.len(), event.failed_clusters_more), (20, 980));
    assert!(serde_json::to_string(&event).unwrap().len() < 16 * 1024);
}

#[test]
fn an_alarm_has_a_cause() {
    let cases = [
        ("nothing", vec![], false),
        ("a stable move", vec![(Outcome::Stable, 1)], false),
        ("no stranded move", vec![(Outcome::Stranded, 0)], false),
        ("a quarantined move", vec![(Outcome::Quarantined, 1)], true),
    ];
    for (name, moves, expected) in cases {
        let (mut run, _) = run();
        run.mode = RunMode::Dry { why: DryWhy::Policy };
        let ended = run.ended.take().unwrap();
        let ended = RunEnd { moves: moves.into_iter().collect(), failed_clusters: BTreeMap::new(), ..ended };
        let event = RunEnded::of(&run, &ended, &[]);
        assert_eq!((event.alarm, event.dry_because), (expected, Some("policy")), "{name}");
    }
}

fn telemetry(metrics: &[&Rule], events: &[&Rule]) -> AwsTelemetry {
    let cloudwatch = mock_client!(aws_sdk_cloudwatch, RuleMode::Sequential, metrics);
    AwsTelemetry::with_clients(
        "spotkeeper".to_owned(),
        cloudwatch,
        mock_client!(aws_sdk_eventbridge, RuleMode::Sequential, events),
    )
}

fn events(failed: i32) -> Rule {
    mock!(aws_sdk_eventbridge::Client::put_events)
        .match_requests(|put| {
            let Some(entry) = put.entries().first() else { return false };
            let detail: serde_json::Value = serde_json::from_str(entry.detail().unwrap()).unwrap();
            entry.source() == Some("spotkeeper") && entry.detail_type() == Some("Run Ended") && detail["version"] == 1
        })
        .then_output(move || {
            let entry = PutEventsResultEntry::builder().error_code("InternalFailure").build();
            PutEventsOutput::builder().failed_entry_count(failed).entries(entry).build()
        })
}

#[tokio::test]
async fn metrics_go_out_a_thousand_at_a_time() {
    let put = |expected: usize| {
        mock!(aws_sdk_cloudwatch::Client::put_metric_data)
            .match_requests(move |put| put.namespace() == Some("Spotkeeper") && put.metric_data().len() == expected)
            .then_output(|| PutMetricDataOutput::builder().build())
    };
    let (run, _) = run();
    let many: Vec<ClusterReport> = (0..50)
        .map(|number| ClusterReport {
            blocked: (0..16).map(|rule| (format!("rule-{rule}"), 1)).collect(),
            ..report(&format!("c{number}"), 1)
        })
        .collect();
    // 50 clusters with 11 + 16 metrics each, 16 of all rules, and 19 of the run.
    let (first, second, event) = (put(1_000), put(385), events(0));
    telemetry(&[&first, &second], &[&event]).run_ended(&end(&run, &many, &Switches::default())).await.unwrap();
    assert_eq!((first.num_calls(), second.num_calls(), event.num_calls()), (1, 1, 1));
}

#[tokio::test]
async fn the_event_goes_out_though_the_metrics_fail_and_a_refused_entry_is_told() {
    let denied = || {
        let meta = ErrorMetadata::builder().code("AccessDenied").message("no").build();
        mock!(aws_sdk_cloudwatch::Client::put_metric_data).then_error(move || PutMetricDataError::generic(meta.clone()))
    };
    let (run, reports) = run();
    let (metrics, event) = (denied(), events(0));
    let error =
        telemetry(&[&metrics], &[&event]).run_ended(&end(&run, &reports, &Switches::default())).await.unwrap_err();
    assert_eq!(error.to_string(), "the role may not call cloudwatch:PutMetricData on Spotkeeper");
    assert_eq!(event.num_calls(), 1);

    let sent =
        mock!(aws_sdk_cloudwatch::Client::put_metric_data).then_output(|| PutMetricDataOutput::builder().build());
    // What was refused is sent once more, alone.
    let (first, second) = (events(1), events(1));
    let error = telemetry(&[&sent], &[&first, &second])
        .run_ended(&end(&run, &reports, &Switches::default()))
        .await
        .unwrap_err();
    let PortError::Failed { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.to_string(), "1 of 2 events were refused: InternalFailure");
}

#[tokio::test]
async fn the_calls_of_an_invocation_are_told_where_there_were_any() {
    let sent = mock!(aws_sdk_cloudwatch::Client::put_metric_data)
        .match_requests(|put| {
            let of = |datum: &MetricDatum| -> String {
                let dimensions = datum.dimensions().iter();
                let dimensions = dimensions.map(|one| format!(" {}={}", one.name().unwrap(), one.value().unwrap()));
                let name = datum.metric_name().unwrap();
                format!("{name}{} {:?} {:?}", dimensions.collect::<String>(), datum.values(), datum.counts())
            };
            let expected = [
                "ApiCalls Stack=spotkeeper Function=updater [9.0] [1.0]",
                "ThrottledCalls Stack=spotkeeper Function=updater [1.0] [1.0]",
                "ThrottledShare Stack=spotkeeper [0.0] [8.0]",
                "ThrottledShare Stack=spotkeeper [100.0] [1.0]",
            ];
            put.metric_data().iter().map(of).collect::<Vec<_>>() == expected
        })
        .then_output(|| PutMetricDataOutput::builder().build());
    let telemetry = telemetry(&[&sent], &[]);
    telemetry.called("updater", ApiCounts { calls: 9, throttled: 1 }, fixtures::now()).await;
    telemetry.called("updater", ApiCounts::default(), fixtures::now()).await;
    assert_eq!(sent.num_calls(), 1);
}

#[tokio::test]
async fn a_run_that_has_not_ended_is_not_told_of() {
    let (run, reports) = run();
    let alive = RunRecord { ended: None, ..run };
    telemetry(&[], &[]).run_ended(&end(&alive, &reports, &Switches::default())).await.unwrap();
}
