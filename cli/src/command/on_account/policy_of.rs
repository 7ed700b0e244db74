//! Which policy a look goes by.

use std::path::PathBuf;

use spotkeeper_aws::installation::policy_parameter;
use spotkeeper_core::policy::{Policy, PolicyMistake, parse};

use super::{input, policy};
use crate::account::{Account, sentence};

/// A policy, and where it comes from.
#[derive(Debug)]
pub(crate) struct PolicyOf {
    pub(crate) policy: Policy,
    /// In a few words: `policy.yaml`, `/spotkeeper/policy`, `the default policy`.
    pub(crate) from: String,
    /// What kept the policy of the stack from being read.
    pub(crate) unread: Option<String>,
}

impl Default for PolicyOf {
    fn default() -> PolicyOf {
        default(None)
    }
}

/// The policy of the file, or of the stack, or the default one.
pub(crate) async fn of(account: &Account, file: Option<&PathBuf>, stack: &str) -> anyhow::Result<PolicyOf> {
    if let Some(file) = file {
        return Ok(PolicyOf { policy: policy::of_file(file)?, from: input::name(file), unread: None });
    }
    let parameter = policy_parameter(stack);
    match account.session.state("", &parameter).policy_text().await {
        Ok(Some(text)) => {
            let policy = parse(&text).map_err(|mistakes| policy::mistaken(&parameter, &mistakes))?;
            Ok(PolicyOf { policy, from: parameter, unread: None })
        }
        Ok(None) => Ok(default(None)),
        Err(error) => Ok(default(Some(sentence(&error)))),
    }
}

fn default(unread: Option<String>) -> PolicyOf {
    PolicyOf { policy: Policy::default(), from: "the default policy".to_owned(), unread }
}

/// What a run makes of a document: under one with mistakes the default policy counts, and the run is dry.
pub(crate) fn as_a_run_has_it(text: &str) -> (Policy, Vec<PolicyMistake>) {
    match parse(text) {
        Ok(policy) => (policy, Vec::new()),
        Err(mistakes) => (Policy::default(), mistakes),
    }
}
