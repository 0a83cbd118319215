//! What differs from a baseline: the list, its order, and the way to where a change began.

use logtap_capture::level::Level;
use logtap_view::difference::{Change, Kind};
use logtap_view::draw::theme::Depth;
use logtap_view::state::{Options, Overlay};

use crate::golden::check;
use crate::world::{Driver, START, usual};

pub(crate) fn change(kind: Kind, level: Level, telling: &str, since: Option<i64>) -> Change {
    Change {
        kind,
        level,
        finding: level >= Level::Warn,
        service: "cart".to_owned(),
        label: Some("app=cart".to_owned()),
        template: format!("{telling} <*>"),
        telling: Some(telling.to_owned()),
        lines: if kind == Kind::Vanished { 0 } else { 1234 },
        expected: 7.5,
        since,
    }
}

fn compared() -> (tempfile::TempDir, Driver) {
    let (folder, dir) = usual(6_000);
    let options = Options { baseline: Some("/runs/yesterday".into()), ..Options::default() };
    let mut view = Driver::open(&dir, options, (100, 30));
    view.state.moment.disk = 12_345;
    assert!(view.text().contains("against yesterday: comparing…"));
    view.state.compared(Ok(vec![
        change(Kind::Fell, Level::Info, "request completed", None),
        change(Kind::Vanished, Level::Error, "never \x1b[2J again", None),
        change(Kind::Rose, Level::Warn, "slow answer", Some(START + 200_000_000_000)),
        change(Kind::New, Level::Error, "ledger is broken", Some(START + 100_000_000_000)),
    ]));
    (folder, view)
}

#[test]
fn what_broke_first_stands_first() {
    let (_folder, mut view) = compared();
    view.keys("c");
    check("changes", &view, Depth::Sixteen);
    let text = view.text();
    let at = |part: &str| text.find(part).unwrap();
    assert!(at("ledger is broken") < at("slow answer") && at("slow answer") < at("never <1B>[2J again"));
    assert!(text.contains("1 new, 1 risen, 1 fallen, 1 vanished"), "{text}");
    view.keys("jjjjjj");
    assert_eq!(view.state.overlay, Some(Overlay::Changes(3)));
    view.keys("<Esc>");
    assert_eq!(view.state.overlay, None);
}

#[test]
fn a_change_leads_to_its_first_line_with_or_without_the_others() {
    let (_folder, mut view) = compared();
    view.keys("c<Enter>");
    let row = view.state.current().unwrap().clone();
    assert!(row.message.contains("ledger") && row.ts.unwrap() >= START + 100_000_000_000, "{row:?}");
    assert_eq!(row.service(), "cart");
    assert!(view.state.filters.is_empty());
    assert!(view.state.rows.iter().any(|row| row.message.contains("completed")));
    view.keys("cj+");
    assert!(view.state.rows.iter().all(|row| row.message.contains("slow answer")));
    assert!(view.state.current().unwrap().ts.unwrap() >= START + 200_000_000_000);
    assert_eq!(view.state.filters.len(), 3);
    view.keys("<Esc><Esc><Esc>cjj<Enter>");
    let said = view.state.message.clone().unwrap();
    assert!(view.state.filters.is_empty() && said.contains("nowhere to go"), "{said}");
}

#[test]
fn without_a_baseline_it_says_how_to_get_one() {
    let (_folder, dir) = usual(100);
    let mut view = Driver::open(&dir, Options::default(), (100, 30));
    view.keys("c");
    assert!(view.state.message.clone().unwrap().contains("--baseline"));
    let options = Options { baseline: Some(dir.clone()), ..Options::default() };
    let mut view = Driver::open(&dir, options, (100, 30));
    view.state.compared(Err("its disk is gone".to_owned()));
    view.keys("c");
    assert!(view.state.message.clone().unwrap().contains("its disk is gone"));
}
