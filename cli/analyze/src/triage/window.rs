//! Finds the stretch under suspicion when nobody names it: the stretch in
//! which errors, or one pattern, are least explained by the load.

use std::collections::BTreeMap;

use logtap_capture::level::Level;

use super::rates;
use crate::mine::Mined;

/// Buckets in which stretches are looked for; all pairs of ends are tried.
const STEPS: u32 = 96;
/// The part of a capture in which everything is seen for the first time.
const WARM_UP: u32 = 20;
/// A stretch stands out by this factor at least; less than a finding needs, for the rest contains it.
const FAR: f64 = 1.5;
/// Changes this close belong to one incident, seconds.
const BESIDE: i64 = 90;
/// Evidence that chance does not reach, what searching costs taken off: of generated captures without a
/// fault, one in a hundred has an error or warning with more than 6.
const ENOUGH: f64 = 8.0;
/// Talk is searched both ways, and says less.
const ENOUGH_TALK: f64 = 14.0;

/// A stretch of buckets, both ends included, and the evidence for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// First bucket.
    pub from: u32,
    /// Last bucket.
    pub to: u32,
    /// Twice the log-likelihood ratio, less what searching costs.
    pub evidence: f64,
}

/// The most suspicious stretch of a capture; `None` if chance explains all of them.
#[must_use]
pub fn find(mined: &Mined) -> Option<Stretch> {
    let grid = mined.grid?;
    let width = grid.buckets.div_ceil(STEPS);
    let steps = grid.buckets.div_ceil(width) as usize;
    if steps < 4 {
        return None;
    }
    let mut load = vec![0_u64; steps];
    let mut errors = vec![0_u64; steps];
    for service in mined.services.values() {
        for (bucket, counts) in &service.buckets {
            let step = (bucket / width) as usize;
            load[step] += counts.iter().map(|count| u64::from(*count)).sum::<u64>();
            errors[step] += u64::from(counts[Level::Error as usize]) + u64::from(counts[Level::Fatal as usize]);
        }
    }
    let cells = mined.cells();
    let mut all: Vec<Stretch> = Vec::new();
    let cost = cost(1, steps);
    all.extend(
        scan(&errors, &load, Way::Up).filter(|found| found.evidence > cost + ENOUGH).map(|found| found.less(cost)),
    );
    let warm = (steps as u32 / WARM_UP).max(1) as usize;
    for class in [Class::Error, Class::Warning, Class::Talk] {
        let mine = || cells.iter().filter(|(id, _)| Class::of(id.level) == class);
        let cost = self::cost(mine().count(), steps);
        for (_, cell) in mine().filter(|(_, cell)| class != Class::Talk || cell.count >= 20) {
            let mut counts = vec![0_u64; steps];
            for (bucket, count) in &cell.buckets {
                counts[(bucket / width) as usize] += u64::from(*count);
            }
            let begins = counts[..warm].iter().sum::<u64>() * 2 > cell.count;
            let up = if begins { None } else { scan(&counts, &load, Way::Up) };
            let down = if class == Class::Talk { scan(&counts, &load, Way::Down) } else { None };
            for found in [up, down].into_iter().flatten().filter(|found| found.evidence > cost + class.enough()) {
                let found = found.less(cost);
                all.push(Stretch { evidence: found.evidence * class.says(), ..found });
            }
        }
    }
    let mut best = *all.iter().max_by(|a, b| a.evidence.total_cmp(&b.evidence).then_with(|| b.from.cmp(&a.from)))?;
    // What happens beside it belongs to it; an incident has more than one side.
    let reach = (BESIDE / (grid.seconds() * i64::from(width)).max(1)).max(1) as u32;
    loop {
        let before = best;
        for one in &all {
            if one.from <= best.to + reach && one.to + reach >= best.from && one.to - one.from <= steps as u32 / 2 {
                best.from = best.from.min(one.from);
                best.to = best.to.max(one.to);
            }
        }
        if best == before {
            break;
        }
    }
    let to = ((best.to + 1) * width - 1).min(grid.buckets - 1);
    Some(Stretch { from: (best.from * width).saturating_sub(width), to, evidence: best.evidence })
}

/// Which way a pattern goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl Stretch {
    fn less(self, cost: f64) -> Self {
        Self { evidence: self.evidence - cost, ..self }
    }
}

/// Patterns that are searched together; each class pays for its own search only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Error,
    Warning,
    Talk,
}

impl Class {
    fn of(level: Level) -> Self {
        match level {
            Level::Error | Level::Fatal => Self::Error,
            Level::Warn => Self::Warning,
            _ => Self::Talk,
        }
    }

    fn enough(self) -> f64 {
        if self == Self::Talk { ENOUGH_TALK } else { ENOUGH }
    }

    /// What its evidence says beside that of errors.
    fn says(self) -> f64 {
        match self {
            Self::Error => 1.0,
            Self::Warning => 0.5,
            Self::Talk => 0.25,
        }
    }
}

/// What searching costs: stretches that overlap are nearly one; per pattern about one per step is new.
fn cost(patterns: usize, steps: usize) -> f64 {
    2.0 * libm::log((patterns.max(1) * steps) as f64)
}

/// The stretch in which `counts` are highest (or lowest) for their load, divided by how uneven they are elsewhere.
fn scan(counts: &[u64], load: &[u64], way: Way) -> Option<Stretch> {
    let (all, loads): (u64, u64) = (counts.iter().sum(), load.iter().sum());
    if all == 0 || loads == 0 {
        return None;
    }
    let mut best: Option<Stretch> = None;
    for from in 0..counts.len() {
        let (mut inside, mut within) = (0, 0);
        for to in from..counts.len() {
            inside += counts[to];
            within += load[to];
            let expected = all as f64 * within as f64 / loads as f64;
            let tells = match way {
                Way::Up => inside >= 5 && inside as f64 > FAR * expected,
                Way::Down => expected >= 5.0 && (inside as f64) < expected / FAR,
            };
            if within * 2 > loads || !tells {
                continue;
            }
            let evidence = rates::evidence(inside, all - inside, within as f64, (loads - within) as f64);
            if best.is_none_or(|best| evidence > best.evidence) {
                best = Some(Stretch { from: from as u32, to: to as u32, evidence });
            }
        }
    }
    let best = best?;
    let outside =
        || (0..counts.len()).filter(|at| !(best.from as usize..=best.to as usize).contains(at) && load[*at] > 0);
    let (rest, rest_load) = outside().fold((0, 0), |sum, at| (sum.0 + counts[at], sum.1 + load[at]));
    let (mut unevenness, mut chance, mut n) = (0.0, 0.0, 0_u32);
    for at in outside() {
        let expected = rest as f64 * load[at] as f64 / rest_load.max(1) as f64;
        if expected > 0.0 {
            let off = counts[at] as f64 - expected;
            unevenness += off * off / expected;
            chance += 2.0 + 1.0 / expected;
            n += 1;
        }
    }
    // What chance makes of even counts (Poisson's variance of the terms, one deviation of it) is not unevenness.
    let even = f64::from(n) + libm::sqrt(chance);
    let dispersion = if n > 1 { (unevenness / even).max(1.0) } else { 1.0 };
    Some(Stretch { evidence: best.evidence / dispersion, ..best })
}

/// When a series of counts stepped up: the most likely bucket and the first and
/// last that are nearly as likely (within 1.92 of the log-likelihood, a 95 % interval).
#[must_use]
pub fn onset(counts: &BTreeMap<u32, u64>, load: &BTreeMap<u32, u64>, buckets: u32) -> Option<(u32, u32, u32)> {
    let series: Vec<(u64, u64)> = (0..buckets)
        .map(|at| (counts.get(&at).copied().unwrap_or(0), load.get(&at).copied().unwrap_or(0).max(1)))
        .collect();
    let (all, loads) = series.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    if all == 0 {
        return None;
    }
    let (mut before, mut before_load) = (0, 0);
    let mut values = Vec::with_capacity(series.len());
    for (count, load) in &series {
        let after = (all - before) as f64 / (loads - before_load) as f64;
        let rises = before_load == 0 || after > before as f64 / before_load as f64;
        let value = rates::evidence(all - before, before, (loads - before_load) as f64, before_load as f64);
        values.push(if rises { value / 2.0 } else { 0.0 });
        before += count;
        before_load += load;
    }
    let first = series.iter().position(|(count, _)| *count > 0)? as u32;
    let top = values.iter().copied().fold(0.0, f64::max);
    if top < 1.92 {
        return Some((first, first, first));
    }
    let near = |at: &usize| values[*at] >= top - 1.92;
    let at = values.iter().position(|value| *value >= top)? as u32;
    let from = (0..values.len()).find(near)? as u32;
    let to = (0..values.len()).rfind(near)? as u32;
    Some((at, from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_found_where_it_is() {
        let load: BTreeMap<u32, u64> = (0..60).map(|at| (at, 100)).collect();
        let counts: BTreeMap<u32, u64> = (0..60).map(|at| (at, if at < 25 { 1 } else { 20 })).collect();
        let (at, from, to) = onset(&counts, &load, 60).unwrap();
        assert_eq!(at, 25);
        assert!((24..=25).contains(&from) && (25..=26).contains(&to), "{from} {to}");
    }

    #[test]
    fn a_stretch_needs_more_than_load() {
        let load: Vec<u64> = (0..60).map(|at| 100 + at * 20).collect();
        let ramp: Vec<u64> = load.iter().map(|load| load / 50).collect();
        assert!(scan(&ramp, &load, Way::Up).is_none_or(|found| found.evidence < 3.0));
        let mut burst = ramp.clone();
        burst[30..34].iter_mut().for_each(|count| *count *= 6);
        let found = scan(&burst, &load, Way::Up).unwrap();
        assert_eq!((found.from, found.to), (30, 33));
        assert!(found.evidence > 50.0);
    }
}
