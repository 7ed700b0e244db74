//! The reads of EC2 that a scheduler of ECS services needs: EC2 Query, version 2016-11-15.

mod instances;
mod network;
mod spot;

pub(crate) use network::zone_id;

use std::ops::RangeInclusive;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Handler;
use super::page::Paging;
use super::protocol::Service;
use crate::world::Refusal;

pub(super) const CALLS: &[(&str, Handler)] = &[
    ("DescribeInstances", |w, i| instances::describe(w, i)),
    ("DescribeInstanceTypes", |w, i| instances::describe_types(w, i)),
    ("DescribeLaunchTemplateVersions", |w, i| instances::describe_launch_template_versions(w, i)),
    ("DescribeSubnets", |w, i| network::describe_subnets(w, i)),
    ("DescribeAvailabilityZones", |w, i| network::describe_availability_zones(w, i)),
    ("GetSpotPlacementScores", spot::get_placement_scores),
    ("DescribeSpotPriceHistory", |w, i| spot::describe_price_history(w, i)),
];

/// What every description can be asked with.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Common {
    filters: Vec<Filter>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    #[serde(default)]
    name: String,
    #[serde(default)]
    values: Vec<String>,
}

fn read<T: DeserializeOwned>(input: &Value) -> Result<T, Refusal> {
    let mut input = input.clone();
    if let Some(members) = input.as_object_mut() {
        // Both are taken care of for every action.
        for name in ["DryRun", "Filters", "MaxResults", "NextToken"] {
            members.remove(name);
        }
    }
    super::read(Service::Ec2, &input)
}

impl Common {
    fn of(input: &Value) -> Result<Self, Refusal> {
        Self::deserialize(input).map_err(|e| Refusal::new(Service::Ec2.invalid(), e.to_string()))
    }

    fn cut(
        &self,
        keys: Vec<String>,
        default: usize,
        allowed: RangeInclusive<usize>,
    ) -> Result<(Vec<String>, Option<String>), Refusal> {
        let paging = Paging { service: Service::Ec2, token: self.next_token.as_deref(), max: self.max_results };
        paging.cut(keys, default, allowed)
    }

    /// Keeps what passes every filter: "filters are joined with an AND, and the values of one filter
    /// with an OR". A filter that is not modelled is refused, not passed over.
    fn filtered<T>(&self, items: Vec<T>, value: impl Fn(&T, &str) -> Option<Vec<String>>) -> Result<Vec<T>, Refusal> {
        let mut kept = Vec::new();
        for item in items {
            let mut passes = true;
            for Filter { name, values } in &self.filters {
                let have = value(&item, name).ok_or_else(|| {
                    let what = format!("The filter '{name}' is invalid (or not modelled by aws-sim)");
                    Refusal::new(Service::Ec2.invalid(), what)
                })?;
                passes &= have.iter().any(|h| values.iter().any(|v| matches(v, h)));
            }
            if passes {
                kept.push(item);
            }
        }
        Ok(kept)
    }
}

/// Whether a text fits a filter's value: "An asterisk (*) matches zero or more characters, and a
/// question mark (?) matches zero or one character" (EC2 User Guide, "List and filter").
fn matches(pattern: &str, text: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = letters.as_str();
            matches(rest, text) || text.char_indices().any(|(n, c)| matches(rest, &text[n + c.len_utf8()..]))
        }
        Some('?') => {
            let mut tail = text.chars();
            matches(letters.as_str(), text) || (tail.next().is_some() && matches(letters.as_str(), tail.as_str()))
        }
        Some(letter) => text.strip_prefix(letter).is_some_and(|tail| matches(letters.as_str(), tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn filters_have_wildcards() {
        for (pattern, text, fits) in [
            ("m5.large", "m5.large", true),
            ("m5.*", "m5.large", true),
            ("*large", "m5.large", true),
            ("m?.large", "m5.large", true),
            ("m5.large?", "m5.large", true),
            ("m5", "m5.large", false),
            ("*", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
