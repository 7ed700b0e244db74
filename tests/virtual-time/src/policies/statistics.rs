//! Medians, and intervals of paired differences.

/// How often the bootstrap draws.
const DRAWS: usize = 4_000;

/// The median; `None` of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value below which that part lies, between neighbours in a straight line; `None` of nothing.
#[must_use]
pub fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = part.clamp(0.0, 1.0) * f64::from(u32::try_from(last).unwrap_or(u32::MAX));
    let below = whole(place);
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * place.fract())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
fn whole(place: f64) -> usize {
    place.floor() as usize
}

/// The mean; `None` of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.iter().sum::<f64>() / f64::from(count))
}

/// The mean of paired differences, and its 95 % interval by the percentiles of a bootstrap (Efron): the same at
/// each call. `None` of fewer than two pairs.
#[must_use]
pub fn paired(differences: &[f64]) -> Option<(f64, f64, f64)> {
    if differences.len() < 2 {
        return None;
    }
    let mut rng = fastrand::Rng::with_seed(95);
    let mut drawn = vec![0.0; differences.len()];
    let means: Vec<f64> = (0..DRAWS)
        .filter_map(|_| {
            drawn.fill_with(|| differences[rng.usize(0..differences.len())]);
            mean(&drawn)
        })
        .collect();
    Some((mean(differences)?, quantile(&means, 0.025)?, quantile(&means, 0.975)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quantiles() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(quantile(&[0.0, 10.0], 0.25), Some(2.5));
        assert_eq!(quantile(&[0.0, 10.0], 1.0), Some(10.0));
    }

    /// Of thirty values the interval of a mean is near what the normal law gives: 1.96 s / sqrt(n).
    #[test]
    fn an_interval_is_about_as_wide_as_the_normal_law_says() {
        let values: Vec<f64> = (0..30).map(|n| f64::from(n % 10)).collect();
        let (mean, low, high) = paired(&values).unwrap();
        assert!((mean - 4.5).abs() < 1e-9);
        let half = 1.96 * 8.25_f64.sqrt() / 30_f64.sqrt();
        assert!((low - (4.5 - half)).abs() < 0.15 && (high - (4.5 + half)).abs() < 0.15, "{low} to {high}, +- {half}");
        assert_eq!(paired(&values), Some((mean, low, high)), "the same at each call");
        assert_eq!(paired(&[1.0]), None);
        assert_eq!(paired(&[2.0, 2.0]), Some((2.0, 2.0, 2.0)));
    }
}
