//! Gates must never close before a match; rules run in order over the previous result.

use super::{CustomRules, compile};
use crate::CustomPattern;

fn pattern(name: &str, pattern: &str, replacement: &str) -> CustomPattern {
    CustomPattern { name: name.into(), pattern: pattern.into(), replacement: replacement.into() }
}

fn apply(patterns: &[CustomPattern], text: &str) -> (bool, String, Vec<u64>) {
    let rules = CustomRules::new(patterns).unwrap();
    let (mut out, mut hits) = (String::new(), vec![0; patterns.len()]);
    let changed = rules.apply(text, false, &mut out, &mut hits);
    (changed, out, hits)
}

#[test]
fn gates_hold_what_every_match_must_contain() {
    let gate = |expression: &str| compile(&pattern("x", expression, "")).unwrap().1;
    assert_eq!(gate(r"AKIA[0-9A-Z]{16}"), Some(vec!["akia".into()]));
    // The s folds to a letter outside ASCII, so it may not be looked for.
    assert_eq!(gate(r"(?i)password=\S+"), Some(vec!["word=".into()]));
    assert_eq!(gate(r"(foo|barbaz)\d"), Some(vec!["foo".into(), "barbaz".into()]));
    assert_eq!(gate(r"(foo|\d)x"), None);
    assert_eq!(gate(r"(?:key)?\d+"), None);
    assert_eq!(gate(r"(?:key)+\d+"), Some(vec!["key".into()]));
    assert_eq!(gate(r"\d{4}"), None);
}

#[test]
fn a_later_rule_sees_what_an_earlier_one_wrote() {
    let rules = [pattern("a", "secret-(?P<id>\\d+)", "mark-${id}-$$"), pattern("b", "mark", "MARK")];
    let (changed, out, hits) = apply(&rules, "x secret-12 y secret-3");
    assert!(changed);
    assert_eq!(out, "x MARK-12-$ y MARK-3-$");
    assert_eq!(hits, [2, 2]);
}

#[test]
fn without_a_match_nothing_is_written() {
    let rules = [pattern("a", "secret", "x")];
    assert_eq!(apply(&rules, "public"), (false, String::new(), vec![0]));
}

#[test]
fn a_pattern_named_credit_card_needs_luhn() {
    let rules = [pattern("credit_card", r"\b\d{16}\b", "[card]")];
    assert_eq!(apply(&rules, "4111111111111111 4111111111111112").1, "[card] 4111111111111112");
}

#[test]
fn more_rules_than_the_gate_set_holds_still_run() {
    let rules: Vec<_> = (0..300).map(|i| pattern(&format!("r{i}"), &format!("key{i:03}"), "gone")).collect();
    assert_eq!(apply(&rules, "key000 key255 key256 key299").1, "gone gone gone gone");
}
