//! What adapter tests share: clients that send nothing unless they are told how it is answered.

use aws_config::SdkConfig;
use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use spotkeeper_core::units::Percent;

use super::{ApiLimits, Clients};

/// All of the account's rates, alone.
pub(crate) const ALL: ApiLimits = ApiLimits { rate_percent: Percent::HUNDRED, invocations: 1, readers: 1 };

/// Clients whose requests go to a list of answers, in order; a request beyond it fails as a lost
/// connection does.
pub(crate) fn replaying(answers: &[(u16, &str)]) -> (Clients, StaticReplayClient) {
    let events = answers.iter().map(|(status, body)| {
        let status = (*status).try_into().unwrap();
        ReplayEvent::new(HttpRequest::new(SdkBody::empty()), HttpResponse::new(status, SdkBody::from(*body)))
    });
    let replay = StaticReplayClient::new(events.collect());
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .http_client(replay.clone())
        .build();
    (Clients::load(&config), replay)
}

/// Clients that send nothing.
pub(crate) fn silent() -> Clients {
    replaying(&[]).0
}

/// An ECS error as its protocol has it.
pub(crate) fn ecs_error(code: &str, message: &str) -> String {
    format!(r#"{{"__type":"{code}","message":"{message}"}}"#)
}
