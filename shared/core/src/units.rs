//! Numbers that carry their unit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A whole percentage, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(inline, extend("maximum" = 100))]
pub struct Percent(u8);

impl Percent {
    /// Nothing of it.
    pub const ZERO: Percent = Percent(0);
    /// All of it.
    pub const HUNDRED: Percent = Percent(100);

    /// The percentage of that number; anything above 100 is 100.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the arm says that it is at most 100")]
    pub const fn saturating(number: u64) -> Percent {
        match number {
            0..=100 => Percent(number as u8),
            _ => Percent::HUNDRED,
        }
    }

    /// The bare number, 0 to 100.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The largest whole number that is at most this part of `number`.
    #[must_use]
    pub fn floor_of(self, number: u64) -> u64 {
        let part = u128::from(number) * u128::from(self.0) / 100;
        // At most `number`, since the percentage is at most 100.
        u64::try_from(part).unwrap_or(number)
    }

    /// What is left of this after another.
    #[must_use]
    pub const fn saturating_sub(self, other: Percent) -> Percent {
        Percent(self.0.saturating_sub(other.0))
    }

    /// This percentage plus another, at most 100.
    #[must_use]
    pub fn saturating_add(self, other: Percent) -> Percent {
        Percent::saturating(u64::from(self.0) + u64::from(other.0))
    }
}

/// A number that is no percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a percentage from 0 to 100")]
pub struct NotAPercentage(pub u64);

impl TryFrom<u64> for Percent {
    type Error = NotAPercentage;

    fn try_from(number: u64) -> Result<Percent, NotAPercentage> {
        match number {
            0..=100 => Ok(Percent::saturating(number)),
            _ => Err(NotAPercentage(number)),
        }
    }
}

impl From<Percent> for u64 {
    fn from(percent: Percent) -> u64 {
        u64::from(percent.0)
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// A length of time in whole seconds, as every AWS setting that Spotkeeper reads has it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Seconds(pub u32);

impl Seconds {
    /// The sum, or the longest time there is.
    #[must_use]
    pub const fn saturating_add(self, other: Seconds) -> Seconds {
        Seconds(self.0.saturating_add(other.0))
    }

    /// This long, `times` over.
    #[must_use]
    pub const fn saturating_mul(self, times: u32) -> Seconds {
        Seconds(self.0.saturating_mul(times))
    }

    /// This long, doubled for each of the `times` after the first, at most `longest`: how long to stay
    /// away from what has failed so often.
    #[must_use]
    pub fn doubled(self, times: u32, longest: Seconds) -> Seconds {
        let doubled = u64::from(self.0) << times.saturating_sub(1).min(31);
        Seconds(u32::try_from(doubled).unwrap_or(u32::MAX)).min(longest)
    }

    /// What is left of this after `other`; nothing when `other` is longer.
    #[must_use]
    pub const fn saturating_sub(self, other: Seconds) -> Seconds {
        Seconds(self.0.saturating_sub(other.0))
    }

    /// The same as a span for date arithmetic.
    #[must_use]
    pub fn duration(self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_secs(i64::from(self.0))
    }
}

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} s", self.0)
    }
}

/// CPU in the unit of ECS: 1,024 CPU units are one vCPU.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CpuUnits(pub u64);

impl CpuUnits {
    /// One vCPU.
    pub const VCPU: CpuUnits = CpuUnits(1024);

    /// This much, `times` over.
    #[must_use]
    pub const fn times(self, times: u64) -> CpuUnits {
        CpuUnits(self.0.saturating_mul(times))
    }
}

impl std::iter::Sum for CpuUnits {
    fn sum<I: Iterator<Item = CpuUnits>>(units: I) -> CpuUnits {
        CpuUnits(units.map(|one| one.0).fold(0, u64::saturating_add))
    }
}

impl std::fmt::Display for CpuUnits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02} vCPU", self.0 / 1024, self.0 % 1024 * 100 / 1024)
    }
}

/// Memory in MiB, the unit of ECS task definitions.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct MemoryMib(pub u64);

impl std::fmt::Display for MemoryMib {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} MiB", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_their_unit() {
        let cases = [
            (Percent::saturating(50).to_string(), "50 %"),
            (Percent::saturating(1_000).to_string(), "100 %"),
            (Seconds(90).to_string(), "90 s"),
            (CpuUnits(1_792).to_string(), "1.75 vCPU"),
            (CpuUnits::VCPU.times(3).to_string(), "3.00 vCPU"),
            (MemoryMib(512).to_string(), "512 MiB"),
        ];
        for (shown, expected) in cases {
            assert_eq!(shown, expected);
        }
    }
}
