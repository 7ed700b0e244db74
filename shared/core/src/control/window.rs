//! Which window caps a cluster's ceilings now.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::ClusterName;
use crate::policy::{Once, Weekly, Window};
use crate::units::{Percent, Seconds};

/// A window that caps a cluster's ceilings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenWindow {
    /// Its name.
    pub name: String,
    /// The most that a ceiling may be.
    pub ceiling: Percent,
    /// When it begins: it caps the ceilings already the lead before.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
}

/// The window that binds a cluster: of those that are open, or begin within the lead, the lowest.
///
/// A time that the clocks skip counts as the time after the gap, one that they show twice as the
/// first (the "compatible" way of RFC 5545). A zone that is not known would leave a window without
/// its time; the policy refuses such a zone, and here it counts as UTC.
#[must_use]
pub fn window_over(windows: &[Window], cluster: &ClusterName, now: Timestamp, lead: Seconds) -> Option<OpenWindow> {
    lowest(in_force(windows, cluster, now, lead))
}

/// The window that binds, of several.
pub(crate) fn lowest(windows: impl Iterator<Item = OpenWindow>) -> Option<OpenWindow> {
    windows.min_by(|one, other| (one.ceiling, &one.name).cmp(&(other.ceiling, &other.name)))
}

impl OpenWindow {
    /// Whether it is open, or begins within the lead.
    pub(crate) fn counts(&self, now: Timestamp, lead: Seconds) -> bool {
        now < self.to && self.from.saturating_sub(lead.duration()).is_ok_and(|from| from <= now)
    }
}

/// The windows over a cluster that are open, or begin within the lead.
pub(crate) fn in_force(
    windows: &[Window],
    cluster: &ClusterName,
    now: Timestamp,
    lead: Seconds,
) -> impl Iterator<Item = OpenWindow> {
    windows
        .iter()
        .filter(move |window| window.clusters.is_empty() || window.clusters.contains(cluster))
        .filter_map(move |window| open(window, now, lead))
}

fn open(window: &Window, now: Timestamp, lead: Seconds) -> Option<OpenWindow> {
    let zone = window.time_zone.zone().unwrap_or(TimeZone::UTC);
    let times = window.once.iter().filter_map(|once| of_once(once, &zone));
    let weekly = window.weekly.iter().flat_map(|weekly| of_week(weekly, &zone, now));
    let soonest = times
        .chain(weekly)
        .filter(|(from, to)| from.saturating_sub(lead.duration()).is_ok_and(|from| from <= now) && now < *to)
        .min()?;
    let (from, to) = soonest;
    Some(OpenWindow { name: window.name.clone(), ceiling: window.ceiling_percent, from, to })
}

fn of_once(once: &Once, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let at = |time: jiff::civil::DateTime| time.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    Some((at(once.from)?, at(once.to)?))
}

/// The times of a weekly window that may touch now and the day after.
fn of_week(weekly: &Weekly, zone: &TimeZone, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let today = zone.to_datetime(now).date();
    let lasts = SignedDuration::from_mins(i64::from(weekly.for_minutes));
    // A window lasts for a week at the most, and a lead is a day at the most; days differ by an hour.
    (-8..=2)
        .filter_map(|day| today.checked_add(Span::new().days(day)).ok())
        .filter(|date| weekly.days.is_empty() || weekly.days.iter().any(|day| Weekday::from(*day) == date.weekday()))
        .filter_map(|date| begins(date, weekly, zone))
        .filter_map(|from| Some((from, from.checked_add(lasts).ok()?)))
        .collect()
}

fn begins(date: Date, weekly: &Weekly, zone: &TimeZone) -> Option<Timestamp> {
    date.to_datetime(weekly.at).to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::cluster_name;
    use crate::policy::{Day, ZoneName};

    fn window(zone: &str, ceiling: u64) -> Window {
        Window {
            name: "launch".to_owned(),
            clusters: Vec::new(),
            ceiling_percent: Percent::saturating(ceiling),
            time_zone: ZoneName(zone.to_owned()),
            once: None,
            weekly: None,
        }
    }

    fn once(zone: &str, from: &str, to: &str) -> Window {
        let once = Once { from: from.parse().unwrap(), to: to.parse().unwrap() };
        Window { once: Some(once), ..window(zone, 0) }
    }

    fn weekly(zone: &str, days: &[Day], at: &str, for_minutes: u32) -> Window {
        let weekly = Weekly { days: days.to_vec(), at: at.parse().unwrap(), for_minutes };
        Window { weekly: Some(weekly), ..window(zone, 0) }
    }

    fn opens(window: &Window, now: &str, lead: u32) -> Option<(String, String)> {
        let open = window_over(std::slice::from_ref(window), &cluster_name(), now.parse().unwrap(), Seconds(lead))?;
        Some((open.from.to_string(), open.to.to_string()))
    }

    #[test]
    fn a_window_opens_when_its_clock_says() {
        let friday = once("Europe/Berlin", "2026-11-27T00:00", "2026-11-28T06:00");
        let mondays = weekly("America/New_York", &[Day::Monday], "08:30", 120);
        let weeks = weekly("UTC", &[Day::Monday], "08:30", 7 * 24 * 60);
        let nights = weekly("UTC", &[], "22:00", 8 * 60);
        let cases = [
            ("a minute too early", &friday, "2026-11-26T22:59:00Z", 0, None),
            ("as it begins", &friday, "2026-11-26T23:00:00Z", 0, Some("2026-11-26T23:00:00Z")),
            ("ahead by the lead", &friday, "2026-11-26T22:30:00Z", 1_800, Some("2026-11-26T23:00:00Z")),
            ("before the lead", &friday, "2026-11-26T22:29:59Z", 1_800, None),
            ("just before its end", &friday, "2026-11-28T04:59:59Z", 0, Some("2026-11-26T23:00:00Z")),
            ("at its end", &friday, "2026-11-28T05:00:00Z", 0, None),
            ("a Monday", &mondays, "2026-11-23T13:30:00Z", 0, Some("2026-11-23T13:30:00Z")),
            ("a Sunday", &mondays, "2026-11-22T13:30:00Z", 0, None),
            ("a Sunday, a day ahead", &mondays, "2026-11-22T13:30:00Z", 86_400, Some("2026-11-23T13:30:00Z")),
            ("past midnight", &nights, "2026-11-23T03:00:00Z", 0, Some("2026-11-22T22:00:00Z")),
            ("a week's, just before its end", &weeks, "2026-11-30T08:29:59Z", 0, Some("2026-11-23T08:30:00Z")),
            ("in the morning", &nights, "2026-11-23T06:00:00Z", 0, None),
        ];
        for (name, window, now, lead, expected) in cases {
            assert_eq!(opens(window, now, lead).map(|(from, _)| from).as_deref(), expected, "{name}");
        }
    }

    /// In Berlin the clocks go from 02:00 to 03:00 on 2026-03-29, and from 03:00 to 02:00 on 2026-10-25.
    #[test]
    fn clocks_that_change_move_a_window_with_them() {
        let morning = weekly("Europe/Berlin", &[], "08:30", 60);
        let skipped = weekly("Europe/Berlin", &[], "02:30", 60);
        let day = once("Europe/Berlin", "2026-10-25T00:00", "2026-10-26T00:00");
        let cases = [
            ("winter time", &morning, "2026-03-28T07:45:00Z", Some(("2026-03-28T07:30:00Z", "2026-03-28T08:30:00Z"))),
            ("summer time", &morning, "2026-03-29T06:45:00Z", Some(("2026-03-29T06:30:00Z", "2026-03-29T07:30:00Z"))),
            (
                "a skipped time",
                &skipped,
                "2026-03-29T01:30:00Z",
                Some(("2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z")),
            ),
            (
                "a time shown twice",
                &skipped,
                "2026-10-25T00:30:00Z",
                Some(("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")),
            ),
            ("not the second time", &skipped, "2026-10-25T01:30:00Z", None),
            ("a day of 25 hours", &day, "2026-10-25T22:59:00Z", Some(("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"))),
        ];
        for (name, window, now, expected) in cases {
            let opened = opens(window, now, 0);
            let opened = opened.as_ref().map(|(from, to)| (from.as_str(), to.as_str()));
            assert_eq!(opened, expected, "{name}");
        }
    }

    #[test]
    fn the_lowest_window_of_the_cluster_binds() {
        let at = |ceiling, clusters: &[&str]| Window {
            ceiling_percent: Percent::saturating(ceiling),
            clusters: clusters.iter().map(|name| ClusterName::parse(name).unwrap()).collect(),
            ..once("UTC", "2026-11-27T00:00", "2026-11-28T00:00")
        };
        let cases = [
            ("none", vec![], None),
            ("another cluster's", vec![at(0, &["other"])], None),
            ("every cluster's", vec![at(20, &[])], Some(20)),
            ("the lowest", vec![at(20, &[]), at(5, &["prod"]), at(30, &["prod"])], Some(5)),
        ];
        for (name, windows, expected) in cases {
            let open = window_over(&windows, &cluster_name(), "2026-11-27T12:00:00Z".parse().unwrap(), Seconds(0));
            assert_eq!(open.map(|open| u64::from(open.ceiling)), expected, "{name}");
        }
    }
}
