//! Amounts of money in whole millionths.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Millionths of a unit of the currency: what an hour costs, or saves.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub i64);

/// The currency of all amounts, as prices have it: `USD`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Currency(pub String);

impl Default for Currency {
    fn default() -> Currency {
        Currency("USD".to_owned())
    }
}

/// The hours of a month, as AWS's own calculator has it: 8,760 / 12.
const HOURS_OF_A_MONTH: i64 = 730;

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);

    /// An amount as it is written: `0.096`, `12`. `None` where it is none, is negative, or has a part that no
    /// price has (above a million).
    #[must_use]
    pub fn parse(text: &str) -> Option<Money> {
        let (whole, part) = text.trim().split_once('.').unwrap_or_else(|| (text.trim(), ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 7 || part.len() > 12 || !digits(whole) || !digits(part) {
            return None;
        }
        let whole: i64 = whole.parse().ok()?;
        let part: i64 = format!("{part:0<6}").get(..6)?.parse().ok()?;
        Some(Money(whole * 1_000_000 + part))
    }

    /// This much, so many times over.
    #[must_use]
    pub fn times(self, times: u64) -> Money {
        Money(self.0.saturating_mul(i64::try_from(times).unwrap_or(i64::MAX)))
    }

    /// This part of it: `part` of `whole`; nothing of nothing.
    #[must_use]
    pub fn part(self, part: u64, whole: u64) -> Money {
        let part = i128::from(self.0) * i128::from(part);
        Money(part.checked_div(i128::from(whole)).and_then(|part| i64::try_from(part).ok()).unwrap_or_default())
    }

    /// The mean of amounts; `None` of none.
    #[must_use]
    pub fn mean(amounts: impl IntoIterator<Item = Money>) -> Option<Money> {
        let (count, sum) =
            amounts.into_iter().fold((0, 0_i128), |(count, sum), one| (count + 1, sum + i128::from(one.0)));
        i64::try_from(sum.checked_div(count)?).ok().map(Money)
    }

    /// What this comes to in a month, if it is what an hour comes to.
    #[must_use]
    pub const fn a_month(self) -> Money {
        Money(self.0.saturating_mul(HOURS_OF_A_MONTH))
    }

    /// The amount in units of the currency, for programs.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "millionths of any bill fit into the 53 bits of a float")]
    pub fn units(self) -> f64 {
        self.0 as f64 / 1_000_000.0
    }
}

impl std::ops::Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, |sum, one| sum + one)
    }
}

impl std::fmt::Display for Money {
    /// Whole units from a hundred on, else with hundredths: `1234`, `12.05`, `-0.40`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0.is_negative() { "-" } else { "" };
        let hundredths = (self.0.unsigned_abs() + 5_000) / 10_000;
        match hundredths {
            0 => f.write_str("0.00"),
            10_000.. => write!(f, "{sign}{}", (hundredths + 50) / 100),
            _ => write!(f, "{sign}{}.{:02}", hundredths / 100, hundredths % 100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_to_the_millionth() {
        let cases = [
            ("0.096", Some(96_000)),
            ("0.0960000000", Some(96_000)),
            ("12", Some(12_000_000)),
            ("1.", Some(1_000_000)),
            (" 0.000001 ", Some(1)),
            ("0.0000019", Some(1)),
            ("", None),
            (".5", None),
            ("-1", None),
            ("1e3", None),
            ("NaN", None),
            ("9999999", Some(9_999_999_000_000)),
            ("99999999", None),
            ("0.123456789012", Some(123_456)),
            ("0.1234567890123", None),
            ("0.1.2", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Money::parse(text).map(|money| money.0), expected, "{text}");
        }
    }

    #[test]
    fn an_amount_is_shown_as_short_as_it_says_something() {
        let cases = [
            (0, "0.00"),
            (4_999, "0.00"),
            (5_000, "0.01"),
            (12_050_000, "12.05"),
            (-400_000, "-0.40"),
            (99_994_999, "99.99"),
            (99_996_000, "100"),
            (1_234_500_000, "1235"),
            (-1, "0.00"),
        ];
        for (millionths, expected) in cases {
            assert_eq!(Money(millionths).to_string(), expected, "{millionths}");
        }
    }

    #[test]
    fn parts_and_means_are_rounded_towards_nothing() {
        assert_eq!(Money(10).part(1, 3), Money(3));
        assert_eq!(Money(-10).part(1, 3), Money(-3));
        assert_eq!(Money(10).part(1, 0), Money(0));
        assert_eq!(Money::mean([Money(1), Money(2)]), Some(Money(1)));
        assert_eq!(Money::mean([]), None);
        assert_eq!(Money(1).a_month(), Money(730));
        assert_eq!(Money(-1_250_000).units().to_string(), "-1.25");
        assert_eq!([Money(1), Money(5)].into_iter().sum::<Money>() - Money(2), Money(4));
    }
}
