//! The SDK's clients, made once a process.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use spotkeeper_aws_ec2::Ec2;

/// How long a TCP and TLS connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the first byte of an answer may take.
const READ_TIMEOUT: Duration = Duration::from_secs(12);
/// How long a call may take in all. Leases must outlive it: see design.md, section 8.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);

/// One client for each API that the fleet reads. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clients {
    /// ECS.
    pub ecs: aws_sdk_ecs::Client,
    /// Elastic Load Balancing.
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    /// EC2.
    pub ec2: Ec2,
    /// Auto Scaling groups.
    pub groups: aws_sdk_autoscaling::Client,
    /// Application Auto Scaling.
    pub scaling: aws_sdk_applicationautoscaling::Client,
    /// Service Quotas.
    pub quotas: aws_sdk_servicequotas::Client,
}

impl Clients {
    /// Makes the clients, without the SDK's retries ([`super::Api`] has its own) and with
    /// timeouts; endpoints, Region and credentials are the configuration's.
    #[must_use]
    pub fn load(config: &SdkConfig) -> Clients {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let config =
            config.clone().into_builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts).build();
        Clients {
            ecs: aws_sdk_ecs::Client::new(&config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            ec2: Ec2::new(&config),
            groups: aws_sdk_autoscaling::Client::new(&config),
            scaling: aws_sdk_applicationautoscaling::Client::new(&config),
            quotas: aws_sdk_servicequotas::Client::new(&config),
        }
    }
}
