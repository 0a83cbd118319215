//! Lines that are chosen: words to search for, stretches to copy, lines that stay, changes of volume, clicks.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use logtap_view::draw::layout;
use logtap_view::state::{Options, Overlay};
use logtap_view::update::{Effect, command_line};

use crate::world::{Driver, GAP, START, usual, write};

const SECOND: i64 = 1_000_000_000;

fn shown(view: &Driver) -> String {
    view.state.current().unwrap().message.to_string()
}

fn copied(view: &Driver) -> String {
    let copy = view.effects.iter().rev().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    copy.unwrap()
}

/// A capture of these messages, one a second.
fn of(messages: &[&str]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let lines = messages.iter().enumerate();
    write(&dir, lines.map(|(n, text)| (START + n as i64 * SECOND, n, (*text).to_owned())), 5_000);
    (folder, dir)
}

#[test]
fn star_searches_for_the_ids_of_a_line_first_then_for_its_words() {
    let (_folder, dir) = of(&[
        "level=info msg=\"order placed\" order=4711 trace=0af7651916cd43dd8448eb211c80319c",
        "other",
        "paid order 4711",
    ]);
    let mut view = Driver::open(&dir, Options::default(), (120, 24));
    let mut searched = Vec::new();
    for _ in 0..5 {
        view.keys("*");
        searched.push(view.state.search.clone().unwrap().text);
        assert_eq!(view.state.cursor, 0, "the line stays");
    }
    assert_eq!(searched, ["4711", "0af7651916cd43dd8448eb211c80319c", "order", "placed", "4711"]);
    view.keys("n");
    assert_eq!(shown(&view), "paid order 4711");
    view.keys("gg<Enter>*");
    assert_eq!(view.state.search.clone().unwrap().text, "api", "the field that is chosen in the detail");
    let (_folder, dir) = of(&["12 !?"]);
    let mut view = Driver::open(&dir, Options::default(), (120, 24));
    view.keys("*");
    assert!(view.state.message.clone().unwrap().contains("no word"));
}

#[test]
fn x_shows_only_the_hits_and_all_lines_again_around_the_same_one() {
    let (_folder, dir) = usual(600);
    let mut view = Driver::open(&dir, Options::default(), (100, 24));
    view.keys("x");
    assert!(view.state.message.clone().unwrap().contains("nothing to search for"));
    view.keys("/ledger<Enter>n");
    let line = shown(&view);
    view.keys("x");
    assert!(view.state.rows.iter().all(|row| row.message.contains("ledger")));
    assert_eq!(shown(&view), line);
    view.keys("jx");
    assert!(view.state.filters.is_empty());
    assert_ne!(shown(&view), line, "where one has gone meanwhile");
    assert!(shown(&view).contains("ledger") && view.text().contains("completed"));
}

#[test]
fn selected_lines_are_copied_in_their_order() {
    let (_folder, dir) = of(&["one", "two", "three\x1b[2J", "four"]);
    let mut view = Driver::open(&dir, Options::default(), (100, 24));
    view.keys("jjvky");
    assert_eq!(copied(&view), "two\nthree<1B>[2J");
    assert!(view.state.selected.is_none() && view.state.message.as_deref() == Some("copied 2 lines"));
    view.keys("y");
    assert_eq!(copied(&view), "two", "the line alone, as before");
    view.keys("v<Esc>y");
    assert_eq!(copied(&view), "two");
    let long = "x".repeat(50_000);
    let (_folder, dir) = of(&[&long, &long]);
    let mut view = Driver::open(&dir, Options::default(), (100, 24));
    view.keys("vjy");
    assert!(view.state.message.clone().unwrap().contains("more than a clipboard takes"));
    assert!(view.effects.is_empty());
    let (_folder, dir) = usual(6_000);
    let mut view = Driver::open(&dir, Options::default(), (100, 24));
    view.keys("vGy");
    assert!(view.state.message.clone().unwrap().contains("longer than what is kept"));
}

#[test]
fn pinned_lines_stay_and_come_back_with_the_view_whatever_the_filters() {
    let same = ["same time a", "same time b", "same time c", "later"];
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    write(&dir, same.iter().enumerate().map(|(n, text)| (START + n as i64 / 3 * SECOND, 0, (*text).to_owned())), 5_000);
    let mut view = Driver::open(&dir, Options::default(), (100, 24));
    view.keys("/!same time a<Enter>jp/!same time c<Enter>G");
    assert!(view.state.rows.iter().all(|row| &*row.message != "same time c"), "no longer among the lines");
    assert!(view.text().contains("same time c"), "but on top of them:\n{}", view.text());
    let command = command_line(&view.state);
    assert!(
        command.contains("--pin=2026-01-15T10:32:00.000000000Z+2") || command.contains("--pin=2026-01-15T10:32:00Z+2"),
        "{command}"
    );
    view.keys("<Esc><Esc>gg");
    while shown(&view) != "same time c" {
        view.keys("j");
    }
    view.keys("p");
    assert!(view.state.pins.is_empty(), "p on a pinned line lets go of it");
    view.keys("gg");
    for _ in 0..5 {
        view.keys("pj");
    }
    assert_eq!(view.state.pins.len(), 3, "the last line was pinned and let go of");
    view.state.size = (40, 10);
    view.keys("k");
    assert!(layout(&view.state).pane.height >= 4, "pins leave room for lines");
}

#[test]
fn changes_of_volume_and_gaps_are_gone_to_in_both_directions() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    // Ten a second; from the third minute a hundred; from the fifth minute silence for two.
    let every = |from: i64, to: i64, each: i64| (0..(to - from) * each).map(move |n| from * SECOND + n * SECOND / each);
    let times = every(0, 120, 10).chain(every(120, 240, 100)).chain(every(360, 480, 10));
    write(&dir, times.enumerate().map(|(n, at)| (START + at, n, format!("level=info n={n}"))), 50_000);
    let mut view = Driver::open(&dir, Options::default(), (100, 24));
    let at = |view: &Driver| (view.state.current().unwrap().ts.unwrap() - START) / SECOND;
    view.keys("s");
    assert_eq!(at(&view), 120);
    assert_eq!(view.state.message.as_deref(), Some("10:34:00: 100 to 1000 lines in 10s"));
    view.keys("s");
    assert_eq!(at(&view), 360, "the first line after the silence");
    assert_eq!(view.state.message.as_deref(), Some("10:36:00: 1000 to 0 lines in 10s"));
    view.keys("s");
    assert_eq!(view.state.message.as_deref(), Some("10:38:00: 0 to 100 lines in 10s"));
    view.keys("s");
    assert_eq!(view.state.message.as_deref(), Some("no further change or gap"));
    view.keys("SS");
    assert_eq!(at(&view), 120, "{:?}", view.state.message);
    view.keys("S");
    assert_eq!(view.state.message.as_deref(), Some("no earlier change or gap"));
}

#[test]
fn a_gap_before_a_change_leaves_the_change_to_be_gone_to() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("run");
    let times = (0..1200).map(|n| n * SECOND / 10).chain((0..12_000).map(|n| 120 * SECOND + n * SECOND / 100));
    let lines = times.enumerate().map(|(n, at)| (START + at, n, format!("level=info n={n}")));
    write(&dir, lines.chain([(START + 60 * SECOND, GAP, "lines are missing".to_owned())]), 50_000);
    let mut view = Driver::open(&dir, Options::default(), (100, 24));
    view.keys("s");
    assert_eq!(shown(&view), "lines are missing");
    view.keys("s");
    assert_eq!(view.state.message.as_deref(), Some("10:34:00: 100 to 1000 lines in 10s"));
    let pane = layout(&view.state).pane;
    // A click leaves the change, and it can be gone to again.
    let click = MouseEventKind::Down(MouseButton::Left);
    let event = MouseEvent { kind: click, column: pane.right() - 1, row: pane.y + 1, modifiers: KeyModifiers::NONE };
    let effects = view.state.mouse(&event);
    view.settle(effects);
    view.keys("ss");
    assert_eq!(view.state.message.as_deref(), Some("10:34:00: 100 to 1000 lines in 10s"));
}

#[test]
fn lines_of_text_leave_the_mouse_to_the_terminal() {
    let (_folder, dir) = usual(100);
    let mut view = Driver::open(&dir, Options { plain: true, ..Options::default() }, (100, 24));
    view.keys("<F2>");
    assert!(!view.state.mouse && view.effects.is_empty(), "{:?}", view.effects);
}

#[test]
fn the_mouse_scrolls_and_goes_where_it_clicks() {
    let (_folder, dir) = usual(6_000);
    let mut view = Driver::open(&dir, Options::default(), (100, 40));
    let mouse = |view: &mut Driver, kind, (column, row)| {
        let effects = view.state.mouse(&MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
        view.settle(effects);
    };
    let click = MouseEventKind::Down(MouseButton::Left);
    mouse(&mut view, MouseEventKind::ScrollDown, (5, 20));
    assert_eq!(view.state.cursor, 3);
    mouse(&mut view, MouseEventKind::ScrollUp, (5, 20));
    assert_eq!(view.state.cursor, 0);
    let parts = layout(&view.state);
    mouse(&mut view, click, (5, parts.pane.y + 7));
    assert_eq!(view.state.cursor, 7);
    let percent = |view: &Driver| {
        let span = view.state.span();
        (view.state.current().unwrap().ts.unwrap() - span.from) * 100 / (span.to - span.from)
    };
    mouse(&mut view, click, (parts.histogram.x + parts.histogram.width / 2, parts.histogram.y + 1));
    assert!((45..=55).contains(&percent(&view)), "{}", percent(&view));
    mouse(&mut view, click, (parts.pane.right() - 1, parts.pane.y + parts.pane.height / 4));
    assert!((20..=30).contains(&percent(&view)), "{}", percent(&view));
    view.keys("?");
    mouse(&mut view, MouseEventKind::ScrollDown, (5, 20));
    assert_eq!(view.state.overlay, Some(Overlay::Help(1)));
    view.keys("<Esc>/ab");
    let before = view.text();
    mouse(&mut view, click, (5, 20));
    assert_eq!(view.text(), before, "a prompt is not disturbed");
}
