//! Subnets and Availability Zones.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Common, read};
use crate::wire::protocol::Service;
use crate::world::{Refusal, World};

/// The zone's id: the same in every account here, unlike on AWS.
pub(crate) fn zone_id(zone: &str) -> String {
    let (region, letter) = zone.split_at(zone.len().saturating_sub(1));
    let mut parts = region.split('-');
    let (area, side, number) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let n = letter.bytes().next().map_or(1, |b| b.saturating_sub(b'a') + 1);
    format!("{area}{}{number}-az{n}", side.chars().next().unwrap_or('x'))
}

/// The zones of the account: those of its subnets.
pub(super) fn zones(world: &World) -> Vec<String> {
    let mut zones: Vec<String> = world.subnets.values().map(|s| s.zone.clone()).collect();
    zones.sort();
    zones.dedup();
    zones
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeSubnets {
    #[serde(default)]
    subnet_ids: Vec<String>,
}

pub(super) fn describe_subnets(world: &World, input: &Value) -> Result<Value, Refusal> {
    let (common, call): (_, DescribeSubnets) = (Common::of(input)?, read(input)?);
    if let Some(unknown) = call.subnet_ids.iter().find(|s| !world.subnets.contains_key(*s)) {
        return Err(Refusal::new("InvalidSubnetID.NotFound", format!("The subnet ID '{unknown}' does not exist")));
    }
    let ids: Vec<String> =
        world.subnets.keys().filter(|n| call.subnet_ids.is_empty() || call.subnet_ids.contains(n)).cloned().collect();
    let ids = common.filtered(ids, |id, filter| {
        let s = world.subnets.get(id)?;
        match filter {
            "subnet-id" => Some(vec![s.id.clone()]),
            "availability-zone" | "availabilityZone" => Some(vec![s.zone.clone()]),
            "availability-zone-id" | "availabilityZoneId" => Some(vec![zone_id(&s.zone)]),
            "vpc-id" => Some(vec![s.vpc_id.clone()]),
            _ => None,
        }
    })?;
    let (ids, next) = common.cut(ids, 1000, 5..=1000)?;
    let subnets: Vec<Value> = ids
        .iter()
        .filter_map(|id| world.subnets.get(id))
        .map(|s| {
            json!({
                "subnetId": s.id,
                "subnetArn": world.arns.of("ec2", &format!("subnet/{}", s.id)),
                "state": "available",
                "vpcId": s.vpc_id,
                "cidrBlock": "10.0.0.0/20",
                "availableIpAddressCount": s.available_ip_address_count,
                "availabilityZone": s.zone,
                "availabilityZoneId": zone_id(&s.zone),
                "ownerId": world.arns.account,
            })
        })
        .collect();
    Ok(json!({"subnetSet": subnets, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeZones {
    #[serde(default)]
    zone_names: Vec<String>,
    #[serde(default)]
    zone_ids: Vec<String>,
    // Every zone here is opted in.
    #[serde(default, rename = "AllAvailabilityZones")]
    _all: bool,
}

pub(super) fn describe_availability_zones(world: &World, input: &Value) -> Result<Value, Refusal> {
    let (common, call): (_, DescribeZones) = (Common::of(input)?, read(input)?);
    let mut zones = zones(world);
    let unknown = (call.zone_names.iter().find(|n| !zones.contains(n)))
        .or_else(|| call.zone_ids.iter().find(|id| !zones.iter().any(|z| zone_id(z) == **id)));
    if let Some(unknown) = unknown {
        return Err(Refusal::new(Service::Ec2.invalid(), format!("Invalid availability zone: [{unknown}]")));
    }
    zones.retain(|z| {
        (call.zone_names.is_empty() || call.zone_names.contains(z))
            && (call.zone_ids.is_empty() || call.zone_ids.contains(&zone_id(z)))
    });
    let zones = common.filtered(zones, |z, filter| match filter {
        "zone-name" => Some(vec![z.clone()]),
        "zone-id" => Some(vec![zone_id(z)]),
        "region-name" => Some(vec![world.arns.region.clone()]),
        "state" => Some(vec!["available".to_owned()]),
        "zone-type" => Some(vec!["availability-zone".to_owned()]),
        "opt-in-status" => Some(vec!["opt-in-not-required".to_owned()]),
        _ => None,
    })?;
    let shown: Vec<Value> = zones
        .iter()
        .map(|z| {
            json!({
                "zoneName": z,
                "zoneId": zone_id(z),
                "regionName": world.arns.region,
                "groupName": format!("{}-zg-1", world.arns.region),
                "networkBorderGroup": world.arns.region,
                "zoneType": "availability-zone",
                "zoneState": "available",
                "optInStatus": "opt-in-not-required",
                "messageSet": [],
            })
        })
        .collect();
    Ok(json!({"availabilityZoneInfo": shown}))
}

#[cfg(test)]
mod tests {
    use super::zone_id;

    #[test]
    fn zones_have_ids() {
        assert_eq!(zone_id("eu-west-1a"), "euw1-az1");
        assert_eq!(zone_id("us-east-1c"), "use1-az3");
    }
}
