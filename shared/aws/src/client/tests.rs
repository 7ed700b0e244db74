use super::testing::{ALL, ecs_error, replaying};
use super::*;
use spotkeeper_core::observe::GapCause;
use spotkeeper_core::ports::{PortError, WriteError};
use spotkeeper_core::units::Percent;

async fn list(api: &Api) -> Result<usize, ApiError> {
    let request = api.clients.ecs.list_clusters().max_results(100);
    let answer = api.call(Action::ListClusters, || request.clone().send()).await?;
    Ok(answer.cluster_arns().len())
}

async fn update(api: &Api) -> Result<(), ApiError> {
    let request = api.clients.ecs.update_service().service("web").force_new_deployment(true);
    api.call(Action::UpdateService, || request.clone().send()).await.map(|_| ())
}

const CLUSTERS: &str = r#"{"clusterArns":["a","b"]}"#;

#[tokio::test(start_paused = true)]
async fn throttles_are_retried_and_counted() {
    let throttled = ecs_error("ThrottlingException", "Rate exceeded");
    let (clients, replay) = replaying(&[(400, &throttled), (400, &throttled), (200, CLUSTERS)]);
    let api = Api::new(clients, ALL);
    assert_eq!(list(&api).await.unwrap(), 2);
    assert_eq!(api.counts().of(Action::ListClusters), Count { calls: 3, throttled: 2 });
    assert_eq!(replay.actual_requests().count(), 3, "the SDK does not retry on top");
}

#[tokio::test(start_paused = true)]
async fn a_throttle_that_does_not_end_is_given_up() {
    let throttled = ecs_error("ThrottlingException", "Rate exceeded");
    let answers: Vec<(u16, &str)> = (0..20).map(|_| (400, throttled.as_str())).collect();
    let (clients, _) = replaying(&answers);
    let api = Api::new(clients, ALL);
    let error = list(&api).await.unwrap_err();
    assert_eq!(error.gap("x").cause, GapCause::Throttled);
    assert!(matches!(error.into_port("x"), PortError::Throttled { action } if action == "ecs:ListClusters"));
    assert_eq!(api.counts().total(), Count { calls: 11, throttled: 11 });
}

#[tokio::test(start_paused = true)]
async fn a_read_without_an_answer_is_sent_again() {
    let (clients, _) = replaying(&[(500, "{}"), (200, CLUSTERS)]);
    let api = Api::new(clients, ALL);
    assert_eq!(list(&api).await.unwrap(), 2);
    assert_eq!(api.counts().total(), Count { calls: 2, throttled: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_sent_again_and_names_the_action() {
    let message =
        "User: arn:aws:sts::1:assumed-role/keeper is not authorized to perform: ecs:ListClusters on resource: *";
    let denied = ecs_error("AccessDeniedException", message);
    let (clients, _) = replaying(&[(400, &denied)]);
    let api = Api::new(clients, ALL);
    let error = list(&api).await.unwrap_err();
    let gap = error.gap("the clusters");
    assert_eq!((gap.cause, gap.action.as_str()), (GapCause::Denied, "ecs:ListClusters"));
    assert!(matches!(error.into_port("x"), PortError::Denied { .. }));
    assert_eq!(api.counts().total().calls, 1);
}

/// Which failures of `UpdateService` are known to have changed nothing.
#[tokio::test(start_paused = true)]
async fn only_what_aws_refused_counts_as_refused() {
    let throttled = ecs_error("ThrottlingException", "Rate exceeded");
    let invalid = ecs_error("InvalidParameterException", "must force a new deployment");
    let denied = ecs_error("AccessDeniedException", "is not authorized to perform: ecs:UpdateService on resource: x");
    let pass = ecs_error("AccessDeniedException", "is not authorized to perform: iam:PassRole on resource: x");
    let server = ecs_error("ServerException", "try again");
    let absent = ecs_error("ServiceNotFoundException", "Service not found.");
    type Case<'a> = (&'a str, Vec<(u16, &'a str)>, &'a str, u32);
    let cases: [Case<'_>; 9] = [
        ("a 4xx of AWS's", vec![(400, &invalid)], "refused InvalidParameterException", 1),
        ("no such service", vec![(400, &absent)], "refused ServiceNotFoundException", 1),
        ("denied", vec![(400, &denied)], "denied", 1),
        ("another action denied", vec![(400, &pass)], "refused AccessDeniedException", 1),
        ("a 5xx", vec![(500, &server), (200, "{}")], "lost", 1),
        ("a 403 of a proxy's", vec![(403, "<html>no</html>")], "lost", 1),
        ("a lost connection", vec![], "lost", 1),
        ("an answer that cannot be read", vec![(200, "{\"service\":")], "lost", 1),
        ("throttled, then taken", vec![(400, &throttled), (200, "{}")], "written", 2),
    ];
    for (name, answers, expected, calls) in cases {
        let (clients, replay) = replaying(&answers);
        let api = Api::new(clients, ALL);
        let actual = match update(&api).await.map_err(|error| error.into_write("prod/web")) {
            Ok(()) => "written".to_owned(),
            Err(WriteError::Refused { code, .. }) => format!("refused {code}"),
            Err(WriteError::Denied { .. }) => "denied".to_owned(),
            Err(WriteError::Throttled { .. }) => "throttled".to_owned(),
            Err(WriteError::Lost { .. }) => "lost".to_owned(),
            Err(other) => other.to_string(),
        };
        assert_eq!(actual, expected, "{name}");
        assert_eq!(api.counts().total().calls, calls, "{name}");
        assert!(replay.actual_requests().count() <= 2, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_keep_to_the_divided_rate() {
    let answers: Vec<(u16, &str)> = (0..60).map(|_| (200, CLUSTERS)).collect();
    let (clients, _) = replaying(&answers);
    // A tenth of 50 and 20: a burst of five, then two a second.
    let limits = ApiLimits { rate_percent: Percent::saturating(50), invocations: 5, readers: 5 };
    let api = Api::new(clients, limits);
    let start = Instant::now();
    let calls: Vec<_> = (0..25).map(|_| list(&api)).collect();
    futures_util::future::join_all(calls).await;
    let passed = start.elapsed().as_secs_f64();
    assert!((9.9..10.2).contains(&passed), "20 calls at two a second take {passed} s");
}

#[test]
fn pauses_double_up_to_the_longest() {
    let longest: Vec<u128> = (1..=9).map(|attempt| backoff(attempt, 1.0).as_millis()).collect();
    assert_eq!(longest, [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 20_000, 20_000]);
    assert_eq!(backoff(3, 0.0), Duration::ZERO);
    assert_eq!(backoff(3, 0.5).as_millis(), 400);
}

#[test]
fn every_action_is_named_once_and_has_a_bucket() {
    let names: std::collections::BTreeSet<&str> = Action::ALL.iter().map(|action| action.name()).collect();
    assert_eq!(names.len(), Action::ALL.len());
    assert!(Action::ALL.iter().all(|action| BucketId::ALL.contains(&action.bucket())));
    assert_eq!(Action::ALL.iter().filter(|action| !action.reads()).count(), 2, "a strategy, and a distribution");
}
