//! Is a rate different in two stretches of log? Exact tests, and what is left
//! of them when many are made. All mathematics is libm's: the same everywhere.

/// Two-sided p-value of `inside` events against `outside` when the load (lines)
/// was `load_in` and `load_out`: given their sum, `inside` is binomial
/// (Przyborowski and Wilenski 1940). 1 if there is nothing to compare.
#[must_use]
pub fn p_value(inside: u64, outside: u64, load_in: u64, load_out: u64) -> f64 {
    let n = inside + outside;
    if n == 0 || load_in == 0 || load_out == 0 {
        return 1.0;
    }
    let share = load_in as f64 / (load_in as f64 + load_out as f64);
    let at_least = upper_tail(inside, n, share);
    let at_most = 1.0 - upper_tail(inside + 1, n, share);
    (2.0 * at_least.min(at_most)).clamp(0.0, 1.0)
}

/// P(X ≥ k) for X binomial: the regularised incomplete beta function I_p(k, n-k+1).
fn upper_tail(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n {
        return 0.0;
    }
    incomplete_beta(k as f64, (n - k) as f64 + 1.0, p)
}

/// Lentz's continued fraction (Numerical Recipes 6.4), which converges within
/// `sqrt(max(a, b))` steps on the side that is used.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    let front =
        libm::exp(libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x));
    if x < (a + 1.0) / (a + b + 2.0) {
        (front * fraction(a, b, x) / a).clamp(0.0, 1.0)
    } else {
        (1.0 - front * fraction(b, a, 1.0 - x) / b).clamp(0.0, 1.0)
    }
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let bounded = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / bounded(1.0 - (a + b) * x / (a + 1.0));
    let mut sum = d;
    for step in 1..20_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / bounded(1.0 + even * d);
        c = bounded(1.0 + even / c);
        sum *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / bounded(1.0 + odd * d);
        c = bounded(1.0 + odd / c);
        let change = d * c;
        sum *= change;
        if (change - 1.0).abs() < 1e-12 {
            break;
        }
    }
    sum
}

/// Twice the log-likelihood ratio of two Poisson rates against one.
#[must_use]
pub fn evidence(inside: u64, outside: u64, load_in: f64, load_out: f64) -> f64 {
    let n = (inside + outside) as f64;
    if n == 0.0 || load_in <= 0.0 || load_out <= 0.0 {
        return 0.0;
    }
    let expected = n * load_in / (load_in + load_out);
    let part =
        |count: u64, expected: f64| if count == 0 { 0.0 } else { count as f64 * libm::log(count as f64 / expected) };
    (2.0 * (part(inside, expected) + part(outside, n - expected))).max(0.0)
}

/// How many times the rate is higher inside; half an event is added to both so that nothing divides by zero.
#[must_use]
pub fn ratio(inside: u64, outside: u64, load_in: u64, load_out: u64) -> f64 {
    let expected = outside as f64 * load_in as f64 / (load_out as f64).max(1.0);
    (inside as f64 + 0.5) / (expected + 0.5)
}

/// The q-value of each p-value (Benjamini and Hochberg 1995).
#[must_use]
pub fn q_values(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*b].total_cmp(&p[*a]).then(b.cmp(a)));
    let mut q = vec![1.0; p.len()];
    let mut least: f64 = 1.0;
    for (at, &place) in order.iter().enumerate() {
        let rank = p.len() - at;
        least = least.min(p[place] * p.len() as f64 / rank as f64);
        q[place] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // binom.test(8, 10, 0.5): tails 56/1024 doubled
        assert!((p_value(8, 2, 1, 1) - 112.0 / 1024.0).abs() < 1e-9);
        // 1 - (9/10)^5, the chance of at least one of five, is the smaller tail doubled
        assert!((p_value(5, 0, 1, 9) - 2e-5).abs() < 1e-12);
        assert!(p_value(100, 100, 1, 1) > 0.9);
        assert!(p_value(0, 60, 1, 9) < 0.01);
        assert!(p_value(1_000_000, 1_000_000, 1, 1) > 0.9);
        assert!((p_value(0, 0, 1, 1) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn q_values_as_published() {
        let q = q_values(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in q.iter().zip([0.02, 0.04, 0.04, 0.02]) {
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn evidence_needs_a_difference() {
        assert!(evidence(10, 90, 1.0, 9.0) < 1e-9);
        assert!(evidence(50, 50, 1.0, 9.0) > 50.0);
    }
}
