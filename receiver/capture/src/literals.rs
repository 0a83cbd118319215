//! Which literals a regular expression cannot match without; they decide
//! which frames and lines are looked at at all.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A set of literals of which at least one occurs in every match.
pub(crate) type AnyOf = Vec<Vec<u8>>;

/// Alternations with more branches are not followed.
const MAX_BRANCHES: usize = 64;

/// For every match of the expression and every set in the result, at least one
/// literal of the set occurs in the matched text; with `fold` in any ASCII
/// case. An empty result promises nothing.
///
/// `fold` says that the expression was parsed without its own case folding.
#[must_use]
pub(crate) fn required(hir: &Hir) -> Vec<AnyOf> {
    let mut all = Vec::new();
    collect(hir, &mut all);
    all
}

fn collect(hir: &Hir, all: &mut Vec<AnyOf>) {
    match hir.kind() {
        HirKind::Literal(literal) => all.push(vec![literal.0.to_vec()]),
        HirKind::Capture(capture) => collect(&capture.sub, all),
        HirKind::Repetition(repetition) if repetition.min > 0 => collect(&repetition.sub, all),
        HirKind::Concat(parts) => {
            let mut run: Vec<u8> = Vec::new();
            for part in parts {
                match single(part) {
                    Some(bytes) => run.extend_from_slice(&bytes),
                    None => {
                        flush(&mut run, all);
                        collect(part, all);
                    }
                }
            }
            flush(&mut run, all);
        }
        HirKind::Alternation(branches) if branches.len() <= MAX_BRANCHES => {
            let mut any = Vec::new();
            for branch in branches {
                let mut sets = Vec::new();
                collect(branch, &mut sets);
                match sets.into_iter().max_by_key(|set| set.iter().map(Vec::len).min()) {
                    Some(best) => any.extend(best),
                    None => return,
                }
            }
            all.push(any);
        }
        _ => {}
    }
}

/// The text of a part that always is the same, up to ASCII case: literals, and
/// classes of one ASCII letter in both cases, as case folding makes them.
fn single(part: &Hir) -> Option<Vec<u8>> {
    match part.kind() {
        HirKind::Literal(literal) => Some(literal.0.to_vec()),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class.ranges();
            let lower = match ranges {
                [upper, lower, ..] if upper.start() == upper.end() && lower.start() == lower.end() => lower.start(),
                _ => return None,
            };
            let folded = ranges.iter().all(|range| {
                range.start() == range.end()
                    && (range.start().eq_ignore_ascii_case(&lower) || matches!(range.start(), '\u{17f}' | '\u{212a}'))
            });
            (folded && lower.is_ascii_lowercase()).then(|| vec![lower as u8])
        }
        _ => None,
    }
}

fn flush(run: &mut Vec<u8>, all: &mut Vec<AnyOf>) {
    if !run.is_empty() {
        all.push(vec![std::mem::take(run)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Vec<Vec<String>> {
        let hir = regex_syntax::Parser::new().parse(pattern).unwrap();
        required(&hir)
            .into_iter()
            .map(|set| set.into_iter().map(|one| String::from_utf8(one).unwrap()).collect())
            .collect()
    }

    #[test]
    fn what_must_occur() {
        assert_eq!(of("abc"), [["abc"]]);
        assert_eq!(of("abc.*def+"), [["abc"], ["de"], ["f"]]);
        assert_eq!(of("(timeout|refused) by"), vec![vec!["timeout", "refused"], vec![" by"]]);
        assert_eq!(of("a?b*"), Vec::<Vec<String>>::new());
        assert_eq!(of("(abc|d?)x"), [["x"]]);
        assert_eq!(of("(?i)Task"), [["task"]]);
        assert_eq!(of("[ab]c"), [["c"]]);
    }
}
