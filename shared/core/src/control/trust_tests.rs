//! When a placement score has lost trust, to the hundredth.

use super::*;

/// A score is good from 7, poor up to 3, and falls fast from two an hour.
#[test]
fn a_score_loses_trust_when_it_is_poor_or_falls() {
    let (poor, falling) = (Some(CeilingReason::PoorScore), Some(CeilingReason::FallingScore));
    let cases = [
        ("poor", 300, None, poor.clone()),
        ("poor, and rising", 300, Some(500), poor),
        ("just above", 301, None, None),
        ("fast", 699, Some(-200), falling.clone()),
        ("fast, and good", 700, Some(-200), None),
        ("not fast", 699, Some(-199), None),
        ("poor within an hour", 400, Some(-100), falling.clone()),
        ("not within the hour", 401, Some(-100), None),
        ("good, and poor within an hour", 800, Some(-500), falling),
        ("less than a score falls by", 301, Some(-99), None),
        ("rising", 301, Some(100), None),
    ];
    for (name, level, slope_per_hour, expected) in cases {
        let trend = Trend { level: Score(level), slope_per_hour };
        assert_eq!(lost_trust(&Control::default(), &trend), expected, "{name}");
    }
}
