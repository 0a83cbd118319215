//! One fault after another: services whose errors follow each other with a lag
//! that chance and a shared load do not explain.
//!
//! What is compared are residuals: counts less what the load explains. At the
//! best lag the second series must correlate with the first, more than at
//! (nearly) all shifts of one against the other that are longer than any lag,
//! and more than at no lag or the other way round. All shifts are tried,
//! nothing is drawn at random. The best of many lags beats most shifts by
//! chance; that it also explains most of both series it does not.

use std::collections::BTreeMap;

use logtap_capture::level::Level;
use serde::Serialize;

use super::change::{Kind, Row};
use super::origin::{Affected, round};
use crate::mine::Grid;

/// Longest lag between two services of a cascade, seconds.
const MAX_LAG: i64 = 90;
/// Share of long shifts that may be as alike.
const MAX_P: f64 = 0.01;
/// Correlation at the best lag: two of four failures that fit by chance give less.
const ALIKE: f64 = 0.5;
/// Buckets without which shifts say nothing.
const MIN_BUCKETS: usize = 60;

/// Services that failed one after another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cascade {
    /// In order.
    pub services: Vec<String>,
    /// Seconds from each to the next, as exact as the buckets are.
    pub lags_seconds: Vec<i64>,
    /// Largest share of long shifts that are as alike, three decimals.
    pub p: f64,
}

/// Chains of affected services, in order of onset.
pub(super) fn find(rows: &[Row], affected: &[Affected], load: &BTreeMap<u32, u64>, grid: &Grid) -> Vec<Cascade> {
    let buckets = grid.buckets as usize;
    if buckets < MIN_BUCKETS {
        return Vec::new();
    }
    let is_fault = |row: &&Row| row.level >= Level::Warn && matches!(row.kind, Some(Kind::New | Kind::Rose));
    let series: Vec<(&Affected, Vec<f64>)> = affected
        .iter()
        .filter(|one| one.onset.is_some())
        .filter_map(|one| {
            let mine: Vec<&Row> = rows.iter().filter(|row| row.service == one.service).filter(is_fault).collect();
            (!mine.is_empty()).then(|| (one, residuals(&mine, load, buckets)))
        })
        .collect();
    let reach = (MAX_LAG / grid.seconds().max(1)).max(1) as usize;
    let mut found: Vec<Cascade> = Vec::new();
    for pair in series.windows(2) {
        let [(before, a), (after, b)] = pair else { continue };
        if after.order_unknown {
            continue;
        }
        let Some((lag, p)) = likeness(a, b, reach) else { continue };
        let lag = lag as i64 * grid.seconds();
        match found.last_mut().filter(|chain| chain.services.last() == Some(&before.service)) {
            Some(chain) => {
                chain.services.push(after.service.clone());
                chain.lags_seconds.push(lag);
                chain.p = chain.p.max(round(p));
            }
            None => found.push(Cascade {
                services: vec![before.service.clone(), after.service.clone()],
                lags_seconds: vec![lag],
                p: round(p),
            }),
        }
    }
    found
}

/// Counts less what the load explains, in units of their spread.
fn residuals(rows: &[&Row], load: &BTreeMap<u32, u64>, buckets: usize) -> Vec<f64> {
    let total: u64 = rows.iter().flat_map(|row| row.whole.values()).sum();
    let lines: u64 = load.values().sum();
    (0..buckets as u32)
        .map(|at| {
            let count: u64 = rows.iter().filter_map(|row| row.whole.get(&at)).sum();
            let share = load.get(&at).copied().unwrap_or(0) as f64 / lines.max(1) as f64;
            let expected = total as f64 * share;
            (count as f64 - expected) / (expected + 0.5).sqrt()
        })
        .collect()
}

/// The lag at which `b` is most like `a` before it, and the share of long
/// shifts that are as alike; `None` if that share is too large.
fn likeness(a: &[f64], b: &[f64], reach: usize) -> Option<(usize, f64)> {
    let n = a.len();
    if n < 3 * reach {
        return None;
    }
    let at = |shift: usize| (0..n).map(|t| a[t] * b[(t + shift) % n]).sum::<f64>();
    let (lag, best) =
        (1..=reach).map(|lag| (lag, at(lag))).fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
    let length = |series: &[f64]| libm::sqrt(series.iter().map(|value| value * value).sum::<f64>());
    if best < ALIKE * length(a) * length(b) {
        return None;
    }
    // The other direction, or none, must not fit better.
    if lag == 0 || (n - reach..=n).any(|shift| at(shift) >= best) {
        return None;
    }
    let far = reach + 1..n - reach;
    let alike = far.clone().filter(|shift| at(*shift) >= best).count();
    let p = alike as f64 / far.len().max(1) as f64;
    (p <= MAX_P).then_some((lag, p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_found_and_noise_has_none() {
        let pulse = |from: usize| (0..200).map(|t| if (from..from + 12).contains(&t) { 5.0 } else { -0.3 }).collect();
        let (a, b): (Vec<f64>, Vec<f64>) = (pulse(80), pulse(87));
        assert_eq!(likeness(&a, &b, 20).map(|found| found.0), Some(7));
        assert_eq!(likeness(&b, &a, 20), None, "what comes before does not follow");
        let mut state = 7_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64 / 8_388_608.0 - 1.0
        };
        let false_ones = (0..100)
            .filter(|_| {
                let (a, b): (Vec<f64>, Vec<f64>) =
                    ((0..200).map(|_| noise()).collect(), (0..200).map(|_| noise()).collect());
                likeness(&a, &b, 20).is_some()
            })
            .count();
        assert!(false_ones == 0, "{false_ones} of 100");
    }
}
