//! What EC2 is asked for a placement score, and what its answer says of a cluster.
//!
//! A question is canonical: it follows from what a provider may launch, not from how much of it
//! runs. AWS may limit how many new configurations an account asks about in 24 hours, and those
//! asked before may be asked again; so the same question is asked for as long as the group stays
//! as it is, groups that are alike share one, and the distinct ones are counted
//! ([`AskedQueries`]). Source: "Spot placement score", limitations, EC2 user guide.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Score, ScoreAnswer, ScoreRefusal};
use crate::digest;
use crate::ids::ProviderName;
use crate::observe::{Architecture, Gap, GapCause, Reading};

/// The fewest instance types that are not scored low for being few. Source: `InstanceTypes` of
/// `GetSpotPlacementScores`, EC2 API reference.
pub const FEWEST_TYPES: usize = 3;

/// The largest capacity that is asked for: the largest power of two that `TargetCapacity` takes
/// (1 to 2,000,000,000). Source: `GetSpotPlacementScores`, EC2 API reference.
const LARGEST_CAPACITY: u32 = 1_073_741_824;

/// For how long a query counts, and may be asked again.
const COUNTED: SignedDuration = SignedDuration::from_hours(24);

/// A provider that launches Spot, as far as a placement score goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpotProvider {
    /// Its name.
    pub name: ProviderName,
    /// What it launches; a gap where that could not be read, which leaves open whether it is Spot.
    pub launches: Reading<Launches>,
}

/// What a Spot provider launches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Launches {
    /// Spot instances that EC2 can be asked about.
    Instances(SpotInstances),
    /// What EC2 has no score for, and why.
    Unscored(String),
}

/// The Spot instances of an Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpotInstances {
    /// What they may be.
    pub wanted: Wanted,
    /// `MaxSize`: how many there may be.
    pub max_size: u32,
    /// The names of the zones of its subnets.
    pub zones: BTreeSet<String>,
    /// Whether the cheapest pools are taken whatever they have: a score assumes the allocation
    /// strategy `capacity-optimized`.
    pub lowest_price: bool,
}

/// What instances may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// These types.
    Types(BTreeSet<String>),
    /// Whatever meets the requirements.
    Requirements {
        /// The architectures that the group's image runs on.
        architectures: BTreeSet<Architecture>,
        /// The requirements.
        requirements: Requirements,
    },
}

/// Instance requirements, each under its name in `InstanceRequirementsRequest` of the EC2 API.
/// They are passed on and compared here, and not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Requirements(pub BTreeMap<String, serde_json::Value>);

/// One call's worth of question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreQuery {
    /// The Region: without it EC2 answers for all.
    pub region: String,
    /// What the instances may be.
    pub wanted: Wanted,
    /// How many of them: a power of two.
    pub capacity: u32,
    /// What is scored.
    pub of: Scored,
}

/// What a score is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scored {
    /// Each zone of the Region, for all instances in that zone alone.
    Zones,
    /// The Region, for all instances over all its zones.
    Region,
}

/// One score as EC2 gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacementScore {
    /// The zone's id (`euw1-az1`), which is the same zone in every account, unlike its name;
    /// `None` for a Region.
    pub zone_id: Option<String>,
    /// 1 to 10.
    pub score: i32,
}

/// All that is asked about a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The names of the zones in use.
    pub zones: BTreeSet<String>,
    /// The query about zones.
    pub by_zone: ScoreQuery,
    /// The query about the Region.
    pub by_region: ScoreQuery,
}

impl Launches {
    /// Why Fargate Spot has no score.
    #[must_use]
    pub fn fargate_spot() -> Launches {
        Launches::Unscored("EC2 scores instance types, and Fargate Spot shows none".to_owned())
    }

    /// Why Managed Instances have no score: a query needs a capacity and, with requirements, an
    /// architecture.
    #[must_use]
    pub fn managed_instances() -> Launches {
        let why = "ECS Managed Instances show neither how many instances there may be nor of which architecture";
        Launches::Unscored(why.to_owned())
    }

    /// Why a group with weights has no score.
    #[must_use]
    pub fn weighted() -> Launches {
        Launches::Unscored("the group's size is in weights and not in instances".to_owned())
    }
}

impl Wanted {
    /// Whether EC2 scores this low whatever the pools have. Source: "Spot placement score", EC2 user
    /// guide.
    fn is_too_few(&self) -> bool {
        matches!(self, Wanted::Types(types) if types.len() < FEWEST_TYPES)
    }
}

impl ScoreQuery {
    /// What tells it from every other query.
    #[must_use]
    pub fn digest(&self) -> String {
        let ScoreQuery { region, wanted, capacity, of } = self;
        // Sets and maps are in order, so the text is the same for the same query. These types have
        // nothing that serde_json could fail at.
        let text = serde_json::json!([region, wanted, capacity, of]).to_string();
        digest::hex(&text, 16)
    }
}

/// What to ask about a provider.
///
/// # Errors
/// The answer that is known without asking.
pub fn question(region: &str, launches: &Reading<Launches>) -> Result<Question, ScoreAnswer> {
    let instances = match launches {
        Reading::Missing(gap) => return Err(ScoreAnswer::Refused { why: ScoreRefusal::from(gap) }),
        Reading::Known(Launches::Unscored(why)) => return Err(ScoreAnswer::Unsupported { why: why.clone() }),
        Reading::Known(Launches::Instances(instances)) => instances,
    };
    if instances.wanted.is_too_few() {
        let why = format!("EC2 scores fewer than {FEWEST_TYPES} instance types low, whatever the pools have");
        return Err(ScoreAnswer::Unsupported { why });
    }
    if instances.zones.is_empty() {
        let detail = "the group shows no zone".to_owned();
        return Err(ScoreAnswer::Refused { why: ScoreRefusal::Failed { detail } });
    }
    let query = |of| ScoreQuery {
        region: region.to_owned(),
        wanted: instances.wanted.clone(),
        capacity: capacity(instances.max_size),
        of,
    };
    Ok(Question { zones: instances.zones.clone(), by_zone: query(Scored::Zones), by_region: query(Scored::Region) })
}

/// A group's `MaxSize`, rounded up to a power of two: a group that is resized a little goes on
/// asking the same.
fn capacity(max_size: u32) -> u32 {
    max_size.min(LARGEST_CAPACITY).next_power_of_two()
}

/// What EC2's answers say of a provider: the score of its cluster is the mean of the scores of the
/// zones in use, since its instances are spread over them. A zone without a score is not a zone
/// with the score 0: then there is none. `names` are the names of zones by their ids.
#[must_use]
pub fn answer(
    question: &Question,
    names: &BTreeMap<String, String>,
    by_zone: &Result<Vec<PlacementScore>, ScoreRefusal>,
    by_region: Option<&Result<Vec<PlacementScore>, ScoreRefusal>>,
) -> ScoreAnswer {
    let given = match by_zone {
        Ok(given) => given,
        Err(why) => return ScoreAnswer::Refused { why: why.clone() },
    };
    let of_zone = |one: &PlacementScore| {
        let name = names.get(one.zone_id.as_ref()?)?;
        Some((name.clone(), Score::of_ec2(one.score)?))
    };
    let mut zones: BTreeMap<String, Score> = given.iter().filter_map(of_zone).collect();
    zones.retain(|name, _| question.zones.contains(name));
    let absent: Vec<String> = question.zones.iter().filter(|name| !zones.contains_key(*name)).cloned().collect();
    let mean = mean(zones.values().copied());
    match mean {
        Some(score) if absent.is_empty() => {
            let of_region = |one: &PlacementScore| one.zone_id.is_none().then(|| Score::of_ec2(one.score)).flatten();
            let region = by_region.and_then(|given| given.as_ref().ok()?.iter().find_map(of_region));
            ScoreAnswer::Scored { score, zones, region }
        }
        _ => ScoreAnswer::Absent { zones: absent },
    }
}

/// The mean of some scores, rounded down to hundredths.
fn mean(scores: impl Iterator<Item = Score>) -> Option<Score> {
    let (sum, count) = scores.fold((0_u64, 0_u64), |(sum, count), score| (sum + u64::from(score.0), count + 1));
    u16::try_from(sum.checked_div(count)?).ok().map(Score)
}

impl From<&Gap> for ScoreRefusal {
    /// What could not be read cannot be asked about.
    fn from(gap: &Gap) -> ScoreRefusal {
        match gap.cause {
            GapCause::Denied => ScoreRefusal::Denied { action: gap.action.clone() },
            GapCause::Throttled => ScoreRefusal::Throttled,
            GapCause::Absent | GapCause::Failed | GapCause::NotRead | GapCause::NotUnderstood => {
                ScoreRefusal::Failed { detail: gap.to_string() }
            }
        }
    }
}

/// The distinct queries of the last 24 hours: one item of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedQueries {
    /// When each was last asked, by its digest.
    pub last_asked: BTreeMap<String, Timestamp>,
    /// Counts up with each write: a write under another number than one more is refused.
    pub version: u64,
}

impl AskedQueries {
    /// Takes in what is to be asked now, and says which may be: those of the last 24 hours always,
    /// and new ones, in the order given, while there are fewer than `bound` in all.
    #[must_use]
    pub fn admit<'a>(
        &self,
        wanted: impl IntoIterator<Item = &'a str>,
        bound: usize,
        now: Timestamp,
    ) -> (AskedQueries, BTreeSet<String>) {
        let mut last_asked = self.last_asked.clone();
        last_asked.retain(|_, asked| now.duration_since(*asked) < COUNTED);
        let mut admitted = BTreeSet::new();
        for digest in wanted {
            if last_asked.contains_key(digest) || last_asked.len() < bound {
                last_asked.insert(digest.to_owned(), now);
                admitted.insert(digest.to_owned());
            }
        }
        (AskedQueries { last_asked, version: self.version + 1 }, admitted)
    }
}

#[cfg(test)]
mod tests;
