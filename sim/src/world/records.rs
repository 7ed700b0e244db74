//! Subnets and service quotas.

use serde::{Deserialize, Serialize};

/// A subnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// Its zone's name.
    pub zone: String,
    /// Its VPC.
    #[serde(default = "vpc")]
    pub vpc_id: String,
    /// Addresses that are free.
    #[serde(default = "addresses")]
    pub available_ip_address_count: u32,
}

fn vpc() -> String {
    "vpc-0a1b2c3d4e5f60718".to_owned()
}

fn addresses() -> u32 {
    4091
}

/// A service quota.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// `fargate`, `ec2`.
    pub service_code: String,
    /// `L-…`.
    pub quota_code: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Whether it was ever applied to the account: `GetServiceQuota` knows no other, for those
    /// `GetAWSDefaultServiceQuota` answers. Source: `GetServiceQuota`, Service Quotas API reference.
    #[serde(default = "applied")]
    pub applied: bool,
}

fn applied() -> bool {
    true
}

/// The quotas that every account here has, unless its file says otherwise.
pub fn default_quotas() -> Vec<Quota> {
    let of = |service: &str, code: &str, name: &str, value: f64| Quota {
        service_code: service.to_owned(),
        quota_code: code.to_owned(),
        name: name.to_owned(),
        value,
        applied: true,
    };
    vec![
        of("fargate", "L-3032A538", "Fargate On-Demand vCPU resource count", 4000.0),
        of("fargate", "L-36FBB829", "Fargate Spot vCPU resource count", 4000.0),
        of("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 4000.0),
        of("ec2", "L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 4000.0),
    ]
}
