//! Whether one of two things is slower than the other, beyond noise: both were measured in turn, each
//! pair of neighbours under the same conditions.
//!
//! If it made no difference which of the two was measured, each pair's difference could as well have the
//! other sign. The share of all choices of signs whose mean is at least the one that was measured is the
//! probability that noise alone shows so much: an exact permutation test, whatever the noise is like.

/// Pairs up to here are tried with all choices of signs; of more, the nearest ones are merged.
const EXACT: usize = 16;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// How much larger the second is than the first, in percent, the mean over all pairs.
    pub percent: f64,
    /// Probability that noise alone shows so much, or more.
    pub chance: f64,
    /// Pairs.
    pub pairs: usize,
}

/// How much larger the second of each pair is.
///
/// # Panics
/// Without pairs, and when a figure is not above zero.
#[must_use]
pub fn difference(pairs: &[(f64, f64)]) -> Difference {
    assert!(!pairs.is_empty(), "something was measured");
    assert!(pairs.iter().all(|(one, other)| *one > 0.0 && *other > 0.0), "{pairs:?}");
    let ratios: Vec<f64> = pairs.iter().map(|(one, other)| (other / one).ln()).collect();
    let size = ratios.len().div_ceil(EXACT);
    let merged: Vec<f64> = ratios.chunks(size).map(|part| part.iter().sum()).collect();
    let seen: f64 = merged.iter().sum();
    let choices = 1_u64 << merged.len();
    let sum = |choice: u64| -> f64 {
        let signed = |(at, one): (usize, &f64)| if choice >> at & 1 == 0 { *one } else { -one };
        merged.iter().enumerate().map(signed).sum()
    };
    // Sums of the same terms in another order differ in their last bits.
    let reached = (0..choices).filter(|choice| sum(*choice) >= seen - 1e-12).count();
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let (chance, mean) = (reached as f64 / choices as f64, seen / ratios.len() as f64);
    Difference { percent: (mean.exp() - 1.0) * 100.0, chance, pairs: ratios.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers around 100 that repeat.
    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let above = (state >> 33) as f64 / (1_u64 << 31) as f64;
            95.0 + 10.0 * above
        }
    }

    #[test]
    fn noise_is_called_a_difference_as_seldom_as_promised() {
        let mut next = noise(7);
        let runs = 2000;
        let called = (0..runs)
            .filter(|_| {
                let pairs: Vec<(f64, f64)> = (0..10).map(|_| (next(), next())).collect();
                difference(&pairs).chance <= 0.05
            })
            .count();
        assert!((60..140).contains(&called), "{called} of {runs}, about 100 were promised");
    }

    #[test]
    fn a_difference_in_noise_is_found() {
        let mut next = noise(3);
        for count in [10, 40] {
            let pairs: Vec<(f64, f64)> = (0..count).map(|_| (next(), next() * 1.1)).collect();
            let found = difference(&pairs);
            assert!(found.chance < 0.01 && (5.0..15.0).contains(&found.percent), "{found:?}");
            let turned: Vec<(f64, f64)> = pairs.iter().map(|(one, other)| (*other, *one)).collect();
            assert!(difference(&turned).chance > 0.9, "what is faster is not slower");
        }
    }

    #[test]
    fn all_pairs_alike_are_the_rarest_that_can_be() {
        let found = difference(&[(1.0, 2.0); 10]);
        assert_eq!(found.chance.to_bits(), (1.0_f64 / 1024.0).to_bits());
        assert!((found.percent - 100.0).abs() < 1e-9);
    }
}
