//! `at(…)`, `rate(…)` and `cron(…)` of Application Auto Scaling.
//!
//! "At expressions - at(yyyy-mm-ddThh:mm:ss). Rate expressions - rate(value unit). Cron expressions -
//! cron(fields)" (PutScheduledAction.Schedule).

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// A schedule expression that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum ScheduleExpression {
    /// Once, in the action's time zone.
    At(DateTime),
    /// Again and again after so many seconds.
    Rate(i64),
    /// At the times that six fields name, in the action's time zone.
    Cron(Box<Cron>),
}

/// "minutes, hours, day of month, month, day of week, year".
#[derive(Clone, Debug, PartialEq)]
pub struct Cron {
    minutes: Vec<i16>,
    hours: Vec<i16>,
    days_of_month: Vec<i16>,
    months: Vec<i16>,
    /// 1 is Sunday.
    days_of_week: Vec<i16>,
    years: Vec<i16>,
}

const ALLOWED: &str = "allowed are at(yyyy-mm-ddThh:mm:ss), rate(N minutes|hours|days) and cron(minutes hours day-of-month month day-of-week year) with *, ?, lists, ranges and steps";
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl ScheduleExpression {
    /// Reads an expression; the error says what is allowed.
    pub fn read(text: &str) -> Result<Self, String> {
        let inner = |name: &str| text.trim().strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        let read = if let Some(at) = inner("at") {
            at.parse().ok().map(Self::At)
        } else if let Some(rate) = inner("rate") {
            rate_seconds(rate).map(Self::Rate)
        } else {
            inner("cron").and_then(Cron::read).map(|c| Self::Cron(Box::new(c)))
        };
        read.ok_or_else(|| format!("the schedule {text:?} cannot be read: {ALLOWED}"))
    }

    /// When it is due next after a time; `since` is when the action was made.
    pub fn next(&self, now: Timestamp, since: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::At(at) => at.to_zoned(zone.clone()).ok().map(|z| z.timestamp()).filter(|at| *at > now),
            Self::Rate(seconds) => {
                let rounds = now.duration_since(since).as_secs().div_euclid(*seconds) + 1;
                since.checked_add(SignedDuration::from_secs(rounds * seconds)).ok()
            }
            Self::Cron(cron) => cron.next(now, zone),
        }
    }
}

fn rate_seconds(text: &str) -> Option<i64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let unit = match unit.trim().trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        _ => return None,
    };
    let number: i64 = number.parse().ok()?;
    (1..=100_000).contains(&number).then(|| number * unit)
}

impl Cron {
    fn read(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days_of_month, months, days_of_week, years] = fields.as_slice() else {
            return None;
        };
        Some(Self {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days_of_month: field(days_of_month, 1, 31, &[])?,
            months: field(months, 1, 12, &MONTHS)?,
            days_of_week: field(days_of_week, 1, 7, &DAYS)?,
            years: field(years, 1970, 2199, &[])?,
        })
    }

    fn next(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut day = now.to_zoned(zone.clone()).date();
        // Eight years hold every leap day.
        for _ in 0..8 * 366 {
            if self.is_on(day) {
                let times = self.hours.iter().flat_map(|h| self.minutes.iter().map(move |m| (*h, *m)));
                let mut at = times.filter_map(|(h, m)| {
                    let time = day.at(i8::try_from(h).ok()?, i8::try_from(m).ok()?, 0, 0);
                    time.to_zoned(zone.clone()).ok().map(|z| z.timestamp())
                });
                if let Some(found) = at.find(|at| *at > now) {
                    return Some(found);
                }
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    fn is_on(&self, day: Date) -> bool {
        let day_of_week = i16::from(day.weekday().to_sunday_one_offset());
        self.years.contains(&day.year())
            && self.months.contains(&i16::from(day.month()))
            && self.days_of_month.contains(&i16::from(day.day()))
            && self.days_of_week.contains(&day_of_week)
    }
}

/// The values of one field: `*`, `?`, `5`, `1-5`, `0/15`, `MON-FRI`, and lists of these.
fn field(text: &str, least: i16, most: i16, names: &[&str]) -> Option<Vec<i16>> {
    let number = |text: &str| {
        let named = names.iter().position(|n| n.eq_ignore_ascii_case(text)).and_then(|n| i16::try_from(n).ok());
        let number = named.map(|n| n + least).or_else(|| text.parse().ok())?;
        (least..=most).contains(&number).then_some(number)
    };
    let mut values = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|s| *s > 0)?),
            None => (part, 1),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*" | "?", _) => (least, most),
            (_, Some((from, to))) => (number(from)?, number(to)?),
            (_, None) => (number(range)?, if part.contains('/') { most } else { number(range)? }),
        };
        values.extend((from..=to).step_by(step));
    }
    values.sort_unstable();
    values.dedup();
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(text: &str, now: &str, zone: &str) -> String {
        let now: Timestamp = now.parse().unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let found = ScheduleExpression::read(text).unwrap().next(now, now, &zone);
        found.map_or_else(|| "never".to_owned(), |at| at.to_string())
    }

    #[test]
    fn each_kind_finds_its_next_time() {
        for (text, now, zone, want) in [
            ("cron(0 22 * * ? *)", "2026-01-01T00:00:00Z", "UTC", "2026-01-01T22:00:00Z"),
            // 22:00 in Berlin is 20:00 in UTC in summer, 21:00 in winter.
            ("cron(0 22 * * ? *)", "2026-07-01T20:00:00Z", "Europe/Berlin", "2026-07-02T20:00:00Z"),
            ("cron(0 22 * * ? *)", "2026-01-01T00:00:00Z", "Europe/Berlin", "2026-01-01T21:00:00Z"),
            ("cron(0/30 8-10 ? * MON-FRI *)", "2026-01-02T10:30:00Z", "UTC", "2026-01-05T08:00:00Z"),
            ("cron(15,45 6 1 JAN ? 2027)", "2026-05-05T00:00:00Z", "UTC", "2027-01-01T06:15:00Z"),
            ("cron(0 0 31 2 ? *)", "2026-01-01T00:00:00Z", "UTC", "never"),
            ("rate(6 hours)", "2026-01-01T00:00:00Z", "UTC", "2026-01-01T06:00:00Z"),
            ("at(2026-03-01T12:00:00)", "2026-01-01T00:00:00Z", "UTC", "2026-03-01T12:00:00Z"),
            ("at(2025-03-01T12:00:00)", "2026-01-01T00:00:00Z", "UTC", "never"),
        ] {
            assert_eq!(next(text, now, zone), want, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_what_can() {
        for text in [
            "",
            "cron(0 22 * * ?)",
            "cron(0 24 * * ? *)",
            "cron(0 0 L * ? *)",
            "rate(0 hours)",
            "rate(5 weeks)",
            "at(noon)",
        ] {
            assert!(ScheduleExpression::read(text).unwrap_err().contains("allowed are"), "{text}");
        }
    }
}
