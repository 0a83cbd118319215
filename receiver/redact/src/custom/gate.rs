//! Finds literals of which every match of an expression contains at least one.
//!
//! The literals are in small letters and meant to be looked for in any case of ASCII. That makes a
//! gate open a little too often, never too rarely, and lets case-insensitive expressions have one.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Shorter literals open too often to be worth looking for.
const SHORTEST: usize = 2;
/// More alternatives than this are cheaper to leave to the expression.
const MOST: usize = 64;

/// The gate of `hir`, or nothing when there is no good one.
pub(super) fn literals(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Concat(parts) => {
            let joined = fixed_runs(parts).into_iter().map(|run| vec![run]);
            let inner = parts.iter().filter(|part| fixed(part).is_none()).filter_map(literals);
            joined.chain(inner).filter(|set| is_good(set)).max_by_key(|set| shortest(set))
        }
        HirKind::Alternation(parts) => {
            let sets = parts.iter().map(literals).collect::<Option<Vec<_>>>()?;
            let all = sets.concat();
            is_good(&all).then_some(all)
        }
        HirKind::Capture(capture) => literals(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => literals(&repetition.sub),
        _ => fixed(hir).map(|run| vec![run]).filter(|set| is_good(set)),
    }
}

fn shortest(set: &[String]) -> usize {
    set.iter().map(String::len).min().unwrap_or(0)
}

fn is_good(set: &[String]) -> bool {
    set.len() <= MOST && shortest(set) >= SHORTEST
}

/// The literals made of neighbouring parts that each stand for one text only.
fn fixed_runs(parts: &[Hir]) -> Vec<String> {
    let mut runs = vec![String::new()];
    for part in parts {
        match fixed(part) {
            Some(text) => runs.last_mut().into_iter().for_each(|run| run.push_str(&text)),
            None if matches!(part.kind(), HirKind::Look(_)) => {}
            None => runs.push(String::new()),
        }
    }
    runs
}

/// The one text, but for the case of ASCII letters, that `hir` matches.
fn fixed(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(std::str::from_utf8(&literal.0).ok()?.to_ascii_lowercase()),
        HirKind::Class(Class::Unicode(class)) => {
            let mut chars = class.ranges().iter().flat_map(|r| r.start()..=r.end());
            let first = chars.next()?;
            let second = chars.next()?;
            (chars.next().is_none() && first.eq_ignore_ascii_case(&second))
                .then(|| first.to_ascii_lowercase().to_string())
        }
        HirKind::Capture(capture) => fixed(&capture.sub),
        _ => None,
    }
}
