//! Service Quotas: AWS JSON 1.1, target `ServiceQuotasV20190624`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::page::Paging;
use super::protocol::Service;
use super::{Handler, read};
use crate::world::records::Quota;
use crate::world::{Refusal, World};

pub(super) const CALLS: &[(&str, Handler)] = &[
    ("GetServiceQuota", |w, i| get(w, i, |quota| quota.applied)),
    ("GetAWSDefaultServiceQuota", |w, i| get(w, i, |_| true)),
    ("ListServiceQuotas", |w, i| list(w, i)),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Get {
    service_code: String,
    quota_code: String,
}

fn get(world: &World, input: &Value, known: fn(&Quota) -> bool) -> Result<Value, Refusal> {
    let call: Get = read(Service::Quotas, input)?;
    let mut quotas = world.quotas.iter().filter(|q| q.service_code == call.service_code && known(q));
    let quota = quotas.find(|q| q.quota_code == call.quota_code).ok_or_else(missing)?;
    Ok(json!({"Quota": shape(world, quota)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    service_code: String,
    quota_code: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

fn list(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: List = read(Service::Quotas, input)?;
    let of_service = || world.quotas.iter().filter(|q| q.service_code == call.service_code);
    let mut codes: Vec<String> = of_service()
        .filter(|q| call.quota_code.as_ref().is_none_or(|c| *c == q.quota_code))
        .map(|q| q.quota_code.clone())
        .collect();
    if codes.is_empty() {
        return Err(missing());
    }
    codes.sort();
    let paging = Paging { service: Service::Quotas, token: call.next_token.as_deref(), max: call.max_results };
    let (codes, next) = paging.cut(codes, 100, 1..=100)?;
    let quotas: Vec<Value> =
        codes.iter().filter_map(|c| of_service().find(|q| q.quota_code == *c)).map(|q| shape(world, q)).collect();
    Ok(json!({"Quotas": quotas, "NextToken": next}))
}

fn missing() -> Refusal {
    Refusal::new("NoSuchResourceException", "The request failed because the specified resource does not exist.")
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
