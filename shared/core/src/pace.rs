//! How fast a switch run writes: one token bucket for all of its Updaters, kept where each of them
//! can take from it.
//!
//! The bucket is one time: when it would be full again if nobody took any more. To take is to move
//! it on; a token that is not there yet is promised for the time at which it comes back.

use jiff::{SignedDuration, Timestamp};

use crate::units::Percent;

/// How many `UpdateService` a full bucket of the account lets through at once. Source: "Request
/// throttling for the Amazon ECS API".
pub const WRITES_AT_ONCE: u32 = 50;
/// How many more each second.
pub const WRITES_A_SECOND: u32 = 5;
/// How many tokens that are yet to come one Updater is promised at a time: a second's worth, so that
/// one that dies takes no more with it.
pub const PROMISED: u32 = 5;

/// What is left of the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteBucket {
    /// When it is full again.
    pub full_at: Timestamp,
}

/// The pace of all writes of a run together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WritePace {
    /// The part of the account's rate. 0 counts as 1: a run that may not write cannot end.
    percent: u32,
}

impl WritePace {
    /// That part of the account's rate.
    #[must_use]
    pub fn of(percent: Percent) -> WritePace {
        WritePace { percent: u32::from(percent.get()).max(1) }
    }

    /// How many writes may go at once when none went before.
    #[must_use]
    pub fn at_once(self) -> u32 {
        (WRITES_AT_ONCE * self.percent / 100).max(1)
    }

    /// How long one token takes to come back, rounded up to a microsecond.
    #[must_use]
    pub fn interval(self) -> SignedDuration {
        SignedDuration::from_micros(100_000_000_u32.div_ceil(WRITES_A_SECOND * self.percent).into())
    }

    /// How long an Updater would wait for [`PROMISED`] tokens of an even part of the rate: whatever the
    /// shared bucket says, it never costs more than that.
    #[must_use]
    pub fn longest_wait(self, invocations: u32) -> SignedDuration {
        times(self.interval(), PROMISED.saturating_mul(invocations.max(1)))
    }

    /// Takes as many as are wanted of what is there, and [`PROMISED`] at the most where less is. Answers
    /// what is left, and when each of those taken may be used, in order. No bucket is a full one.
    #[must_use]
    pub fn take(self, bucket: Option<WriteBucket>, wanted: u32, now: Timestamp) -> (WriteBucket, Vec<Timestamp>) {
        let full_at = bucket.map_or(now, |bucket| bucket.full_at.max(now));
        // What a full bucket holds is used at once, so a token's time is that much before the bucket
        // is full again without it.
        let held = times(self.interval(), self.at_once());
        let slot = |number: u32| later(full_at, times(self.interval(), number) - held).max(now);
        let there = (1..=wanted.min(self.at_once())).take_while(|number| slot(*number) == now).count();
        let number = wanted.min(u32::try_from(there).unwrap_or(u32::MAX).max(PROMISED));
        let left = WriteBucket { full_at: later(full_at, times(self.interval(), number)) };
        (left, (1..=number).map(slot).collect())
    }

    /// Puts so many back that were taken and not used.
    #[must_use]
    pub fn give_back(self, bucket: WriteBucket, number: u32) -> WriteBucket {
        WriteBucket { full_at: later(bucket.full_at, -times(self.interval(), number)) }
    }
}

fn times(one: SignedDuration, number: u32) -> SignedDuration {
    SignedDuration::from_nanos_i128(one.as_nanos().saturating_mul(number.into()))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::now;

    fn whole() -> WritePace {
        WritePace::of(Percent::saturating(100))
    }

    /// The seconds from now at which each of those taken may be used.
    fn seconds(slots: &[Timestamp]) -> Vec<f64> {
        slots.iter().map(|slot| slot.duration_since(now()).as_secs_f64()).collect()
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_promises_what_comes_back() {
        let (mut bucket, slots) = whole().take(None, 16, now());
        assert_eq!(seconds(&slots), [0.0; 16]);
        for _ in 0..2 {
            let (left, slots) = whole().take(Some(bucket), 16, now());
            assert_eq!(seconds(&slots), [0.0; 16]);
            bucket = left;
        }
        let (bucket, slots) = whole().take(Some(bucket), 16, now());
        assert_eq!(seconds(&slots), [0.0, 0.0, 0.2, 0.4, 0.6], "two were left: no more than five are given");
        let (bucket, slots) = whole().take(Some(bucket), 2, now());
        assert_eq!(seconds(&slots), [0.8, 1.0], "no more than are wanted");
        let (_, slots) = whole().take(Some(bucket), 16, now() + SignedDuration::from_secs(3));
        assert_eq!(seconds(&slots), [3.0; 10], "ten have come back");
        let (_, slots) = whole().take(Some(bucket), 60, now() + SignedDuration::from_hours(1));
        assert_eq!(slots.len(), 50, "never more than the burst at once");
    }

    #[test]
    fn what_is_given_back_is_taken_again() {
        let (empty, _) = whole().take(None, 50, now());
        let (_, slots) = whole().take(Some(whole().give_back(empty, 3)), 4, now());
        assert_eq!(seconds(&slots), [0.0, 0.0, 0.0, 0.2]);
    }

    #[test]
    fn the_pace_is_a_part_of_the_account_s() {
        let cases = [
            // percent, at once, interval in microseconds
            (100, 50, 200_000),
            (95, 47, 210_527),
            (1, 1, 20_000_000),
            (0, 1, 20_000_000),
        ];
        for (percent, at_once, interval) in cases {
            let pace = WritePace::of(Percent::saturating(percent));
            assert_eq!((pace.at_once(), pace.interval().as_micros()), (at_once, interval), "{percent} %");
        }
        assert_eq!(whole().longest_wait(5), SignedDuration::from_secs(5), "five of one a second");
        assert_eq!(whole().longest_wait(0), SignedDuration::from_secs(1));
    }

    proptest! {
        /// Whoever takes, gives back and waits: within any time no more is used than the bucket holds and
        /// what comes back meanwhile.
        #[test]
        fn no_window_has_more_than_the_burst_and_what_comes_back(
            steps in prop::collection::vec((1_u32..40, 0_u32..40, 0_i64..4_000), 1..60),
        ) {
            let pace = WritePace::of(Percent::saturating(95));
            let (mut bucket, mut at, mut used) = (None, now(), Vec::new());
            for (wanted, back, pause) in steps {
                let (left, mut slots) = pace.take(bucket, wanted, at);
                prop_assert!(slots.len() <= wanted as usize && !slots.is_empty() && slots.is_sorted());
                let back = (back as usize).min(slots.len());
                slots.truncate(slots.len() - back);
                used.extend(slots);
                bucket = Some(pace.give_back(left, u32::try_from(back).unwrap()));
                at += SignedDuration::from_millis(pause);
            }
            used.sort();
            for (index, from) in used.iter().enumerate() {
                for (more, until) in used.iter().enumerate().skip(index) {
                    let passed = until.duration_since(*from).as_nanos() / pace.interval().as_nanos();
                    let most = i128::from(pace.at_once()) + passed + 1;
                    prop_assert!(i128::try_from(more - index + 1).unwrap() <= most);
                }
            }
        }
    }
}
