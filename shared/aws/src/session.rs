//! Who calls, where: what a person's tool settles before it reads or writes anything.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecs::config::SharedCredentialsProvider;
use aws_sdk_sts::error::ProvideErrorMetadata as _;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use spotkeeper_core::ports::PortError;

use crate::client::Clients;
use crate::orchestrator::StepFunctions;
use crate::refusal;
use crate::state::DynamoState;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the question who calls may take with its retries.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
const ATTEMPTS: u32 = 3;

/// What a person says about who calls, where; the environment and `~/.aws` say the rest, as for AWS's own CLI.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// A profile of `~/.aws`.
    pub profile: Option<String>,
    /// The Region.
    pub region: Option<String>,
    /// A role to take first.
    pub role_arn: Option<String>,
    /// Where every service is asked, in place of AWS.
    pub endpoint_url: Option<String>,
}

/// Who calls, where: asked and answered.
#[derive(Debug, Clone)]
pub struct Session {
    config: SdkConfig,
    /// The Region.
    pub region: String,
    /// The twelve digits of the account.
    pub account: String,
    /// The ARN of who calls.
    pub caller: String,
}

/// Why nobody can call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// No Region is set.
    #[error("no Region is set: give --region, or set AWS_REGION, or one in the profile")]
    NoRegion,
    /// There are no credentials.
    #[error("there are no AWS credentials: give --profile, or set AWS_ACCESS_KEY_ID and its like ({why})")]
    NoCredentials {
        /// What was found instead.
        why: String,
    },
    /// A role could not be taken, or its credentials not be had.
    #[error("the role {role} cannot be taken: {why}; its trust policy must allow sts:AssumeRole to whoever calls")]
    NoRole {
        /// The role's ARN.
        role: String,
        /// What AWS said.
        why: String,
    },
    /// AWS does not accept the credentials.
    #[error("AWS does not accept the credentials in {region}: {said}")]
    Rejected {
        /// Where.
        region: String,
        /// What AWS said.
        said: String,
    },
    /// AWS could not be reached.
    #[error("AWS cannot be reached in {region}: {why}; is there such a Region, and a network?")]
    Unreachable {
        /// Where.
        region: String,
        /// What went wrong.
        why: String,
    },
}

impl Session {
    /// Settles who calls, where, and asks STS which account that is. Nothing else is read.
    ///
    /// # Errors
    /// In a sentence that says what to do.
    pub async fn open(options: &SessionOptions) -> Result<Session, SessionError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = &options.profile {
            // A profile that is named comes before keys in the environment, as with AWS's own CLI.
            let of_profile = ProfileFileCredentialsProvider::builder().profile_name(profile).build();
            loader = loader.profile_name(profile).credentials_provider(of_profile);
        }
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &options.endpoint_url {
            loader = loader.endpoint_url(endpoint);
        }
        let config = loader.load().await;
        let region = config.region().map(ToString::to_string).filter(|region| !region.is_empty());
        let Some(region) = region else { return Err(SessionError::NoRegion) };
        check_credentials(&config).await?;
        let config = match &options.role_arn {
            None => config,
            Some(role) => with_role(config, role).await?,
        };
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(OPERATION_TIMEOUT).build();
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let of_sts = config.clone().into_builder().retry_config(retries).timeout_config(timeouts).build();
        let answer =
            aws_sdk_sts::Client::new(&of_sts).get_caller_identity().send().await.map_err(|error| {
                match error.as_service_error() {
                    Some(said) => {
                        let (code, message) = (said.code().unwrap_or_default(), said.message().unwrap_or_default());
                        SessionError::Rejected {
                            region: region.clone(),
                            said: refusal::said(code, message, &error, 300),
                        }
                    }
                    None => SessionError::Unreachable { region: region.clone(), why: innermost(&error) },
                }
            })?;
        let (account, caller) = (answer.account().unwrap_or_default(), answer.arn().unwrap_or_default());
        Ok(Session { account: account.to_owned(), caller: caller.to_owned(), region, config })
    }

    /// Clients of the fleet's services.
    #[must_use]
    pub fn clients(&self) -> Clients {
        Clients::load(&self.config)
    }

    /// The state of an installation.
    #[must_use]
    pub fn state(&self, table: &str, policy_parameter: &str) -> DynamoState {
        DynamoState::new(&self.config, table, policy_parameter)
    }

    /// The tables that may be a stack's, by name.
    ///
    /// # Errors
    /// Where DynamoDB does not list them.
    pub async fn tables(&self, stack: &str) -> Result<Vec<String>, PortError> {
        crate::installation::tables(&self.config, stack).await
    }

    /// The state machine of an installation, which is called as its stack is.
    #[must_use]
    pub fn orchestrator(&self, stack: &str) -> StepFunctions {
        StepFunctions::new(&self.config, &self.machine_arn(stack))
    }

    /// The ARN of the state machine of a stack.
    #[must_use]
    pub fn machine_arn(&self, stack: &str) -> String {
        let Session { region, account, .. } = self;
        format!("arn:{}:states:{region}:{account}:stateMachine:{stack}", self.partition())
    }

    /// `aws`, `aws-cn` or `aws-us-gov`, as the caller's ARN has it.
    fn partition(&self) -> &str {
        self.caller.split(':').nth(1).filter(|partition| !partition.is_empty()).unwrap_or("aws")
    }
}

async fn check_credentials(config: &SdkConfig) -> Result<(), SessionError> {
    let Some(provider) = config.credentials_provider() else {
        return Err(SessionError::NoCredentials { why: "none were looked for".to_owned() });
    };
    provider.provide_credentials().await.map(|_| ()).map_err(|error| SessionError::NoCredentials { why: why(&error) })
}

async fn with_role(config: SdkConfig, role: &str) -> Result<SdkConfig, SessionError> {
    let provider = AssumeRoleProvider::builder(role).session_name("spotkeeper").configure(&config).build().await;
    let taken = provider.provide_credentials().await;
    taken.map_err(|error| SessionError::NoRole { role: role.to_owned(), why: why(&error) })?;
    Ok(config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

/// Why there are no credentials, in a line.
fn why(error: &CredentialsError) -> String {
    let said = innermost(error);
    let line = said.lines().next().unwrap_or_default().trim_end_matches('.');
    // The list of those asked follows, a line each.
    match line.strip_suffix(". Attempted:") {
        Some(none) => format!("{none}: the environment, ~/.aws, web identity, ECS and EC2 were asked"),
        None => line.to_owned(),
    }
}

/// The first cause of an error: what AWS said, where it said something.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    loop {
        if let Some(said) = error.downcast_ref::<ErrorMetadata>() {
            return format!("{}: {}", said.code().unwrap_or("?"), said.message().unwrap_or_default());
        }
        match error.source() {
            Some(cause) => error = cause,
            None => return error.to_string(),
        }
    }
}
