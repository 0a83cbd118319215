//! Lines around those that a filter keeps.

use std::time::Instant;

use logtap_view::archive::Key;
use logtap_view::filter::{Filter, Kind};
use logtap_view::state::Options;
use regex::Regex;

use crate::world::{Driver, message, usual};

const COUNT: u64 = 6_000;

/// Messages of the usual capture in order of time that `near` lines or fewer part from one that matches `kept`,
/// those with `hidden` left out, and whether they are there for another.
fn expected(kept: &str, hidden: &str, near: usize) -> Vec<(String, bool)> {
    let ts = |n: u64| n as i64 * 100_000_000 - if n.is_multiple_of(3) { 2_050_000_000 } else { 0 };
    let mut all: Vec<(i64, u64)> = (0..COUNT).map(|n| (ts(n), n)).collect();
    all.sort_by_key(|one| one.0);
    let all: Vec<String> =
        all.into_iter().map(|one| message(one.1)).filter(|text| hidden.is_empty() || !text.contains(hidden)).collect();
    let kept = Regex::new(kept).unwrap();
    let is_hit = |at: usize| kept.is_match(&all[at]);
    let is_near = |at: usize| (at.saturating_sub(near)..=(at + near).min(all.len() - 1)).any(is_hit);
    (0..all.len()).filter(|at| is_near(*at)).map(|at| (all[at].clone(), !is_hit(at))).collect()
}

fn filters(kept: &str, hidden: &str) -> Vec<Filter> {
    let filter = |kind, text: &str| Filter { kind, text: text.to_owned(), on: true };
    let hide = (!hidden.is_empty()).then(|| filter(Kind::Hide, hidden));
    [filter(Kind::Keep, kept)].into_iter().chain(hide).collect()
}

fn here(view: &Driver) -> (String, bool) {
    let row = view.state.current().unwrap();
    (row.message.to_string(), row.context)
}

#[test]
fn scrolling_shows_the_same_lines_both_ways_and_from_everywhere() {
    let (_folder, dir) = usual(COUNT);
    for (kept, hidden, near) in
        [("broken", "", 3), ("slow answer", "broken", 20), ("broken", "slow", 70), ("n=77", "", 2)]
    {
        let expected = expected(kept, hidden, near);
        let options = Options { filters: filters(kept, hidden), context: near as u16, ..Options::default() };
        let mut view = Driver::open(&dir, options.clone(), (100, 30));
        let mut seen = Vec::new();
        for _ in 0..expected.len() {
            seen.push(here(&view));
            view.keys("j");
        }
        assert!(seen == expected, "{kept} {near}, downwards: {} of {}", seen.len(), expected.len());
        view.keys("j");
        assert_eq!(here(&view), *expected.last().unwrap());
        for known in expected.iter().rev() {
            assert_eq!(here(&view), *known);
            view.keys("k");
        }
        // Wherever reading begins, the neighbours are the same.
        for percent in [13, 37, 50, 81] {
            let mut view = Driver::open(&dir, options.clone(), (100, 30));
            view.keys(&format!("{percent}%"));
            let place = expected.iter().position(|known| *known == here(&view)).unwrap();
            let around: Vec<_> = view.state.rows.iter().map(|row| (row.message.to_string(), row.context)).collect();
            let first = place - view.state.cursor;
            assert!(around == expected[first..first + around.len()], "{kept} {near}, at {percent} %");
        }
    }
}

#[test]
fn keys_show_more_and_fewer_and_the_line_stays() {
    let (_folder, dir) = usual(COUNT);
    let mut view = Driver::open(&dir, Options::default(), (100, 30));
    view.keys("+");
    assert_eq!(view.state.message.as_deref(), Some("all lines are shown: keep only some first (x after a search)"));
    view.keys("/broken<Enter>xnn");
    let hit = here(&view);
    assert!(hit.0.contains("broken") && !hit.1);
    let passing = view.count();
    view.keys("2+");
    assert_eq!(here(&view), hit);
    let around = |view: &Driver| {
        let at = view.state.cursor;
        view.state.rows.range(at - 3..=at + 3).map(|row| row.context).collect::<Vec<_>>()
    };
    assert_eq!(
        around(&view),
        [true, true, true, false, true, true, true],
        "and the last of the two behind the hit before"
    );
    assert!(view.text().contains("lines pass, 2 around each"), "{}", view.text());
    assert_eq!(view.count(), passing, "lines around a hit pass no filter");
    view.keys("-");
    assert_eq!(view.state.context, 1);
    view.keys("9-");
    assert_eq!(here(&view), hit);
    assert!(view.state.rows.iter().all(|row| !row.context));
}

#[test]
fn a_level_keeps_its_neighbours_and_a_label_does_not() {
    let (_folder, dir) = usual(COUNT);
    let mut view = Driver::open(&dir, Options::default(), (100, 30));
    view.keys("llevel=error<Enter>lapp=api<Enter>2+");
    assert!(view.state.rows.iter().any(|row| row.context));
    assert!(view.state.rows.iter().all(|row| row.service() == "api"));
    view.keys("<Esc><Esc>");
    view.keys("lapp=api<Enter>+");
    assert!(view.state.message.as_deref().is_some_and(|text| text.starts_with("all lines are shown")));
}

/// Of two near each other the screen has room for the newer, among whose lines the older stands.
#[test]
fn the_newest_of_a_live_view_can_be_scrolled_back_from() {
    let (_folder, dir) = usual(COUNT);
    let (kept, near) = ("n=40(00|31)$", 40);
    let expected = expected(kept, "", near);
    let options = Options { filters: filters(kept, ""), context: near as u16, ..Options::default() };
    let mut view = Driver::open(&dir, options, (100, 30));
    view.state.moment.live = true;
    view.keys("G");
    // As if nothing of it had been shown before.
    view.state.newest = Key::FIRST;
    view.state.rows.clear();
    let moment = view.state.moment.clone();
    let effects = view.state.moved_on(moment, Instant::now());
    view.settle(effects);
    for known in expected.iter().rev() {
        assert_eq!(here(&view), *known);
        view.keys("k");
    }
}
