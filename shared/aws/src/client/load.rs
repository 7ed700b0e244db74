//! The SDK's clients, made once a process.

use std::time::Duration;

use aws_config::{Region, SdkConfig};
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
    /// The price list; `None` where the Region's partition has none.
    pub price_list: Option<aws_sdk_pricing::Client>,
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
            price_list: price_list(&config),
        }
    }
}

/// A client of the price list, which answers for every Region and from a few alone.
fn price_list(config: &SdkConfig) -> Option<aws_sdk_pricing::Client> {
    let region = price_list_region(config.region()?.as_ref())?;
    let config = aws_sdk_pricing::config::Builder::from(config).region(Region::from_static(region));
    Some(aws_sdk_pricing::Client::from_conf(config.build()))
}

/// The nearest Region that answers for the price list: one that a company confined to its continent may call.
/// Source: "AWS Price List Query API", Billing user guide, endpoints. The GovCloud partition has none.
fn price_list_region(region: &str) -> Option<&'static str> {
    match region.split_once('-')? {
        ("us", rest) if rest.starts_with("gov-") => None,
        ("cn", _) => Some("cn-northwest-1"),
        ("eu" | "il" | "me" | "af", _) => Some("eu-central-1"),
        ("ap", _) => Some("ap-south-1"),
        _ => Some("us-east-1"),
    }
}

#[cfg(test)]
mod tests {
    use super::price_list_region;

    #[test]
    fn the_price_list_is_asked_from_a_region_that_has_it() {
        let cases = [
            ("eu-west-1", Some("eu-central-1")),
            ("ap-southeast-2", Some("ap-south-1")),
            ("us-west-2", Some("us-east-1")),
            ("ca-central-1", Some("us-east-1")),
            ("cn-north-1", Some("cn-northwest-1")),
            ("us-gov-west-1", None),
        ];
        for (region, expected) in cases {
            assert_eq!(price_list_region(region), expected, "{region}");
        }
    }
}
