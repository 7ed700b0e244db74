//! Signed requests: MiniStack checks signatures where it enforces IAM.

use std::time::SystemTime;

use anyhow::{Context, bail};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use ureq::http::Request;

use crate::daemon::REGION;

/// Sends a request as the account's root and answers with the body. `service` is the name in the
/// scope of the signature, by which MiniStack tells services apart too.
///
/// # Errors
/// When it is refused, with AWS's own words, or cannot be reached.
pub fn post(url: &str, service: &str, headers: &[(&str, &str)], body: &str) -> anyhow::Result<String> {
    let identity = Credentials::new("test", "test", None, None, "tests").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .context("the parameters of a signature")?;
    let signable = SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body.as_bytes()))
        .context("what is to be signed")?;
    let (instructions, _) = sign(signable, &parameters.into()).context("it cannot be signed")?.into_parts();
    let mut request = Request::post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(body.to_owned()).context("what is to be sent")?;
    instructions.apply_to_request_http1x(&mut request);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.run(request).context("no answer")?;
    let text = answer.body_mut().read_to_string().context("half an answer")?;
    if !answer.status().is_success() {
        bail!("{}: {text}", answer.status());
    }
    Ok(text)
}
