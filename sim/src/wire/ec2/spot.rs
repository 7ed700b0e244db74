//! Spot placement scores and Spot prices.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::network::{zone_id, zones};
use super::{Common, read};
use crate::wire::iso;
use crate::wire::protocol::Service;
use crate::world::groups::InstanceType;
use crate::world::placement_scores::{CapacityUnit, ScoreRequest};
use crate::world::pools::PoolKey;
use crate::world::prices::PriceChange;
use crate::world::rules::Rule;
use crate::world::{Refusal, World};

/// What the scores and prices here are of.
const PRODUCT: &str = "Linux/UNIX";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetScores {
    #[serde(default)]
    instance_types: Vec<String>,
    target_capacity: u64,
    target_capacity_unit_type: Option<String>,
    #[serde(default)]
    single_availability_zone: bool,
    #[serde(default)]
    region_names: Vec<String>,
    instance_requirements_with_metadata: Option<RequirementsWithMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RequirementsWithMetadata {
    #[serde(default)]
    architecture_types: Vec<String>,
    // Every type here is of both kinds.
    #[serde(default, rename = "VirtualizationTypes")]
    _virtualization_types: Vec<String>,
    instance_requirements: Requirements,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirements {
    #[serde(rename = "VCpuCount")]
    vcpus: Range,
    #[serde(rename = "MemoryMiB")]
    memory_mib: Range,
    #[serde(default, rename = "ExcludedInstanceTypes")]
    excluded: Vec<String>,
    #[serde(default, rename = "AllowedInstanceTypes")]
    allowed: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Range {
    min: u32,
    max: Option<u32>,
}

impl Range {
    fn holds(&self, value: u32) -> bool {
        value >= self.min && self.max.is_none_or(|max| value <= max)
    }
}

impl RequirementsWithMetadata {
    fn accept(&self, t: &InstanceType) -> bool {
        let r = &self.instance_requirements;
        let named = |patterns: &[String]| patterns.iter().any(|p| super::matches(p, &t.name));
        r.vcpus.holds(t.vcpus)
            && r.memory_mib.holds(t.memory_mib)
            && !named(&r.excluded)
            && (r.allowed.is_empty() || named(&r.allowed))
            && (self.architecture_types.is_empty()
                || t.architectures.iter().any(|a| self.architecture_types.contains(a)))
    }
}

pub(super) fn get_placement_scores(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let (common, call): (_, GetScores) = (Common::of(input)?, read(input)?);
    let instance_types = instance_types(world, &call)?;
    // Only this Region is simulated: another one has no score, as one that AWS leaves out has none.
    let here = call.region_names.is_empty() || call.region_names.contains(&world.arns.region);
    let request = ScoreRequest {
        instance_types,
        target_capacity: call.target_capacity,
        unit: match call.target_capacity_unit_type.as_deref() {
            Some("vcpu") => CapacityUnit::Vcpu,
            Some("memory-mib") => CapacityUnit::MemoryMib,
            _ => CapacityUnit::Units,
        },
        single_zone: call.single_availability_zone,
    };
    let scores = world.spot_placement_scores(&request)?;
    // Best first: the key rises as the score falls.
    let key = |n: usize| format!("{n:02}");
    let keys = (0..scores.len()).filter(|_| here).map(key).collect();
    let (keys, next) = common.cut(keys, 1000, 10..=1000)?;
    let shown: Vec<Value> = scores
        .iter()
        .enumerate()
        .filter(|(n, _)| keys.contains(&key(*n)))
        .map(|(_, s)| {
            let ids = world.holds(Rule::ScoresNameZoneIds);
            let zone = s.zone.as_deref().map(|zone| if ids { zone_id(zone) } else { zone.to_owned() });
            json!({"region": world.arns.region, "availabilityZoneId": zone, "score": s.score})
        })
        .collect();
    Ok(json!({"spotPlacementScoreSet": shown, "nextToken": next}))
}

fn instance_types(world: &World, call: &GetScores) -> Result<Vec<String>, Refusal> {
    match (&call.instance_requirements_with_metadata, call.instance_types.is_empty()) {
        // "If you specify InstanceTypes, you can't specify InstanceRequirementsWithMetadata."
        (Some(_), false) if world.holds(Rule::TypesOrRequirements) => Err(Refusal::new(
            "InvalidParameterCombination",
            "InstanceTypes and InstanceRequirementsWithMetadata cannot be used together",
        )),
        (None, true) => Err(Refusal::new(
            "MissingParameter",
            "The request must contain the parameter InstanceTypes or InstanceRequirementsWithMetadata",
        )),
        (_, false) => match call.instance_types.iter().find(|t| !world.instance_types.contains_key(*t)) {
            Some(unknown) => Err(Refusal::new(
                Service::Ec2.invalid(),
                format!("Invalid value '{unknown}' for instance type. Not a valid instance type."),
            )),
            None => {
                let mut types = call.instance_types.clone();
                types.sort();
                types.dedup();
                Ok(types)
            }
        },
        (Some(requirements), true) => {
            let found: Vec<String> =
                world.instance_types.values().filter(|t| requirements.accept(t)).map(|t| t.name.clone()).collect();
            // The requirements "must return at least three instance types" (EC2 User Guide, "How Spot
            // placement score works").
            if found.len() < 3 && world.holds(Rule::RequirementsMatchThreeTypes) {
                let what =
                    format!("The instance requirements match {} instance types: at least 3 are needed", found.len());
                return Err(Refusal::new(Service::Ec2.invalid(), what));
            }
            Ok(found)
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribePrices {
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    #[serde(default)]
    instance_types: Vec<String>,
    #[serde(default)]
    product_descriptions: Vec<String>,
    availability_zone: Option<String>,
    availability_zone_id: Option<String>,
}

pub(super) fn describe_price_history(world: &World, input: &Value) -> Result<Value, Refusal> {
    let (common, call): (_, DescribePrices) = (Common::of(input)?, read(input)?);
    if call.availability_zone.is_some() && call.availability_zone_id.is_some() {
        return Err(Refusal::new(
            "InvalidParameterCombination",
            "Either AvailabilityZone or AvailabilityZoneId can be specified, but not both",
        ));
    }
    let wanted = |pool: &PoolKey| {
        (call.instance_types.is_empty() || call.instance_types.contains(&pool.instance_type))
            && call.availability_zone.as_ref().is_none_or(|z| *z == pool.zone)
            && call.availability_zone_id.as_ref().is_none_or(|id| *id == zone_id(&pool.zone))
    };
    let of_product = call.product_descriptions.is_empty() || call.product_descriptions.iter().any(|p| p == PRODUCT);
    let mut pools = Vec::new();
    for zone in zones(world).iter().filter(|_| of_product) {
        pools.extend(world.instance_types.keys().map(|t| PoolKey::new(t, zone)).filter(wanted));
    }
    let pools = common.filtered(pools, |pool, filter| match filter {
        "instance-type" => Some(vec![pool.instance_type.clone()]),
        "availability-zone" => Some(vec![pool.zone.clone()]),
        "availability-zone-id" => Some(vec![zone_id(&pool.zone)]),
        "product-description" => Some(vec![PRODUCT.to_owned()]),
        _ => None,
    })?;
    let (from, to) = (call.start_time.unwrap_or(Timestamp::MIN), call.end_time.unwrap_or_else(|| world.now()));
    let mut changes: Vec<(String, PoolKey, PriceChange)> = Vec::new();
    for pool in pools {
        for change in world.spot_price_changes(&pool, from, to) {
            changes.push((format!("{:020} {pool}", change.at.as_second()), pool.clone(), change));
        }
    }
    // Newest first.
    changes.sort_by(|a, b| b.0.cmp(&a.0));
    let (keys, next) = common.cut(changes.iter().map(|c| c.0.clone()).collect(), 1000, 1..=1000)?;
    let first = changes.iter().position(|c| keys.first() == Some(&c.0)).unwrap_or(0);
    let shown: Vec<Value> =
        changes.iter().skip(first).take(keys.len()).map(|(_, pool, change)| price(pool, change)).collect();
    Ok(json!({"spotPriceHistorySet": shown, "nextToken": next}))
}

fn price(pool: &PoolKey, change: &PriceChange) -> Value {
    json!({
        "availabilityZone": pool.zone,
        "availabilityZoneId": zone_id(&pool.zone),
        "instanceType": pool.instance_type,
        "productDescription": PRODUCT,
        "spotPrice": format!("{}.{:04}00", change.price / 10_000, change.price % 10_000),
        "timestamp": iso(change.at),
    })
}
