//! Windows: times at which less may be on Spot.

use jiff::civil;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::ClusterName;
use crate::units::Percent;

/// A calendar entry that caps the ceilings for a time: a product launch, a freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// What it is for: 1 to 64 characters.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// The clusters that it is for; empty means every cluster.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub clusters: Vec<ClusterName>,
    /// The most of a cluster's task vCPU that may be on Spot meanwhile, in percent.
    pub ceiling_percent: Percent,
    /// The time zone of its times, by its IANA name: `Europe/Berlin`.
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: ZoneName,
    /// One time.
    #[serde(default)]
    pub once: Option<Once>,
    /// Each week.
    #[serde(default)]
    pub weekly: Option<Weekly>,
}

/// A time that comes once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Once {
    /// When it begins, by the clock of the time zone: `2026-11-27T00:00`.
    #[schemars(with = "String")]
    pub from: civil::DateTime,
    /// When it ends, by the same clock.
    #[schemars(with = "String")]
    pub to: civil::DateTime,
}

/// A time that comes each week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weekly {
    /// The days on which it begins; empty means every day.
    #[serde(default)]
    #[schemars(length(max = 7))]
    pub days: Vec<Day>,
    /// When it begins, by the clock of the time zone: `08:30`.
    #[schemars(with = "String")]
    pub at: civil::Time,
    /// How long it lasts, in minutes that pass: 1 to 10,080.
    #[schemars(range(min = 1, max = 10_080))]
    pub for_minutes: u32,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl From<Day> for civil::Weekday {
    fn from(day: Day) -> civil::Weekday {
        match day {
            Day::Monday => civil::Weekday::Monday,
            Day::Tuesday => civil::Weekday::Tuesday,
            Day::Wednesday => civil::Weekday::Wednesday,
            Day::Thursday => civil::Weekday::Thursday,
            Day::Friday => civil::Weekday::Friday,
            Day::Saturday => civil::Weekday::Saturday,
            Day::Sunday => civil::Weekday::Sunday,
        }
    }
}

/// The IANA name of a time zone, as it was written: whether there is such a zone is checked with the
/// policy's other contradictions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct ZoneName(pub String);

impl ZoneName {
    /// The zone, from the database that is compiled in; `None` where there is none of that name.
    #[must_use]
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.0).ok()
    }
}
