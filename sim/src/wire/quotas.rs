//! Service Quotas: AWS JSON 1.1, target `ServiceQuotasV20190624`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::page::page;
use super::read;
use crate::world::records::Quota;
use crate::world::{Refusal, World};

pub(super) const ACTIONS: &[&str] =
    &["servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota", "servicequotas:ListServiceQuotas"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    service_code: String,
    quota_code: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn answer(world: &World, action: &str, input: &Value) -> Result<Value, Refusal> {
    if !matches!(action, "GetServiceQuota" | "GetAWSDefaultServiceQuota" | "ListServiceQuotas") {
        return Err(super::unknown_action(true, action));
    }
    let call: Input = read(input)?;
    let of_service = || world.quotas.iter().filter(|q| q.service_code == call.service_code);
    let missing =
        || Refusal::new("NoSuchResourceException", "The request failed because the specified resource does not exist.");
    if action != "ListServiceQuotas" {
        let code = call.quota_code.as_deref().unwrap_or_default();
        let known = |q: &&Quota| q.quota_code == code && (q.applied || action == "GetAWSDefaultServiceQuota");
        let quota = of_service().find(known).ok_or_else(missing)?;
        return Ok(json!({"Quota": shape(world, quota)}));
    }
    let mut codes: Vec<String> = of_service()
        .filter(|q| call.quota_code.as_ref().is_none_or(|c| *c == q.quota_code))
        .map(|q| q.quota_code.clone())
        .collect();
    if codes.is_empty() {
        return Err(missing());
    }
    codes.sort();
    let (codes, next) = page(codes, call.next_token.as_deref(), call.max_results, 100, 100)
        .map_err(|_| Refusal::new("InvalidPaginationTokenException", "Invalid NextToken was provided."))?;
    let quotas: Vec<Value> =
        codes.iter().filter_map(|c| of_service().find(|q| q.quota_code == *c)).map(|q| shape(world, q)).collect();
    Ok(json!({"Quotas": quotas, "NextToken": next}))
}

fn shape(world: &World, q: &Quota) -> Value {
    json!({
        "ServiceCode": q.service_code,
        "ServiceName": if q.service_code == "ec2" { "Amazon Elastic Compute Cloud (Amazon EC2)" } else { "AWS Fargate" },
        "QuotaArn": world.arns.of("servicequotas", &format!("{}/{}", q.service_code, q.quota_code)),
        "QuotaCode": q.quota_code,
        "QuotaName": q.name,
        "Value": q.value,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false,
        "QuotaAppliedAtLevel": "ACCOUNT",
    })
}
