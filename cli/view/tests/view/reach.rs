//! Every line can be reached, in order of time; counts are those of a plain reader.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use logtap_capture::metadata::Evicted;
use logtap_capture::reader::Capture;
use logtap_view::filter::{Filter, Kind};
use logtap_view::save::save;
use logtap_view::state::Options;
use logtap_view::update::Effect;

use crate::world::{Driver, START, message, usual};

const COUNT: u64 = 6_000;

/// Numbers of the usual lines in order of time.
fn expected() -> Vec<u64> {
    let mut all: Vec<(i64, u64)> =
        (0..COUNT).map(|n| (n as i64 * 100_000_000 - if n.is_multiple_of(3) { 2_050_000_000 } else { 0 }, n)).collect();
    all.sort_by_key(|one| one.0);
    all.into_iter().map(|one| one.1).collect()
}

#[test]
fn scrolling_reaches_every_line_both_ways() {
    let (_folder, dir) = usual(COUNT);
    let mut view = Driver::open(&dir, Options::default(), (100, 30));
    assert!(view.state.moment.archive.files.len() > 3);
    let messages: Vec<String> = expected().into_iter().map(message).collect();
    let mut seen = vec![view.state.current().unwrap().message.to_string()];
    while seen.len() < messages.len() {
        view.keys("j");
        seen.push(view.state.current().unwrap().message.to_string());
    }
    assert!(seen == messages, "downwards");
    view.keys("j");
    assert_eq!(view.state.current().unwrap().message.to_string(), *messages.last().unwrap());
    let mut back = Vec::new();
    for _ in 0..messages.len() {
        back.push(view.state.current().unwrap().message.to_string());
        view.keys("k");
    }
    back.reverse();
    assert!(back == messages, "upwards");
}

#[test]
fn errors_are_found_one_after_the_other() {
    let (_folder, dir) = usual(COUNT);
    let mut view = Driver::open(&dir, Options::default(), (80, 24));
    let errors: Vec<String> = expected().into_iter().filter(|n| n.is_multiple_of(97)).map(message).collect();
    for error in &errors[1..] {
        view.keys("e");
        assert_eq!(view.state.current().unwrap().message.to_string(), *error);
    }
    view.keys("e");
    assert_eq!(view.state.message.as_deref(), Some("no further error"));
    view.keys("E");
    assert_eq!(view.state.current().unwrap().message.to_string(), errors[errors.len() - 2]);
}

#[test]
fn filters_and_searches_count_what_a_plain_reader_counts() {
    let (_folder, dir) = usual(COUNT);
    let filter = |kind, text: &str| Filter { kind, text: text.to_owned(), on: true };
    let count = |wanted: &dyn Fn(u64) -> bool| (0..COUNT).filter(|n| wanted(*n)).count() as u64;
    for (filters, search, passing, hits) in [
        (vec![filter(Kind::Keep, "ledger is broken")], None, count(&|n| n % 97 == 0), 0),
        (vec![filter(Kind::Hide, "completed")], None, count(&|n| n % 97 == 0 || n % 31 == 0), 0),
        (vec![filter(Kind::Level, "warn")], None, count(&|n| n % 97 == 0 || n % 31 == 0), 0),
        (
            vec![filter(Kind::Label, "app=cart")],
            Some("status=200"),
            count(&|n| n % 4 == 1),
            count(&|n| n % 4 == 1 && n % 97 != 0 && n % 31 != 0),
        ),
        (
            vec![filter(Kind::Label, "app=cart"), filter(Kind::Hide, "n=1")],
            Some("search|cart"),
            count(&|n| n % 4 == 1 && !message(n).contains("n=1")),
            count(&|n| n % 4 == 1 && !message(n).contains("n=1")),
        ),
        (vec![], Some("page=97\\b"), 0, 1),
    ] {
        let options = Options { filters: filters.clone(), search: search.map(str::to_owned), ..Options::default() };
        let mut view = Driver::open(&dir, options, (80, 24));
        assert_eq!(view.count(), (passing, hits), "{filters:?} {search:?}");
    }
}

#[test]
fn each_filter_has_its_own_count_and_is_switched_edited_and_dropped() {
    let (_folder, dir) = usual(COUNT);
    let mut view = Driver::open(&dir, Options::default(), (100, 30));
    let count = |wanted: &dyn Fn(u64) -> bool| (0..COUNT).filter(|n| wanted(*n)).count() as u64;
    view.keys("llevel=error<Enter>");
    assert_eq!((view.count().0, view.state.matched.0.clone()), (62, vec![62]), "one that keeps");
    view.keys("<Esc>!completed<Enter>");
    let hidden = count(&|n| n % 97 != 0 && n % 31 != 0);
    assert_eq!((view.count().0, view.state.matched.0.clone()), (COUNT - hidden, vec![hidden]), "one that hides");
    view.keys("<Esc>!completed<Enter>lapp=cart<Enter>llevel=error<Enter>");
    let passing = |view: &mut Driver| view.count().0;
    assert_eq!(passing(&mut view), count(&|n| n % 97 == 0 && n % 4 == 1));
    let completed = count(&|n| n % 97 != 0 && n % 31 != 0);
    assert_eq!(view.state.matched, (vec![completed, count(&|n| n % 4 == 1), count(&|n| n % 97 == 0)], true));
    view.keys("<Tab>");
    let text = view.text();
    assert!(text.contains("5,") && text.contains("hide") && text.contains("app=cart"), "{text}");
    // The newest, the level, is chosen: off, and on again.
    view.keys("<Space>");
    assert_eq!(passing(&mut view), count(&|n| (n % 97 == 0 || n % 31 == 0) && n % 4 == 1));
    assert_eq!(view.state.matched.0.len(), 3, "what is off is counted too");
    view.keys("<Space>");
    assert_eq!(passing(&mut view), count(&|n| n % 97 == 0 && n % 4 == 1));
    // The label is edited; one that cannot be used leaves it as it was.
    view.keys("k<Enter>");
    assert_eq!(view.state.prompt.as_ref().unwrap().text, "app=cart");
    view.keys("x<Enter>");
    assert_eq!(passing(&mut view), count(&|n| n % 97 == 0 && n % 4 == 9), "app=cartx");
    view.keys("<Tab>k<Enter><Ctrl-u>api<Enter>");
    assert!(view.state.message.is_some(), "api is no label");
    assert_eq!(view.state.filters[1].text, "app=cartx");
    view.keys("<Tab>k<Enter><Ctrl-u>app=api<Enter>");
    assert_eq!(passing(&mut view), count(&|n| n % 97 == 0 && n % 4 == 0));
    view.keys("<Tab>xx");
    assert_eq!(passing(&mut view), count(&|n| n % 97 == 0 || n % 31 == 0), "only what is hidden is left");
    view.keys("x");
    assert!(view.state.filters.is_empty() && view.text().contains("none yet"));
    view.keys("<Esc>");
    assert_eq!(view.state.overlay, None);
}

#[test]
fn times_shares_and_marks_lead_to_their_lines() {
    let (_folder, dir) = usual(COUNT);
    let mut view = Driver::open(&dir, Options::default(), (80, 24));
    view.keys("t10:35<Enter>");
    assert!(view.state.current().unwrap().ts.unwrap() >= START + 180_000_000_000);
    view.keys("ma}");
    assert!(view.state.current().unwrap().ts.unwrap() >= START + 240_000_000_000);
    view.keys("'a");
    assert_eq!(view.state.current().unwrap().ts.unwrap() / 1_000_000_000, START / 1_000_000_000 + 180);
    view.keys("50%");
    let middle = (view.state.current().unwrap().ts.unwrap() - START) / 1_000_000_000;
    assert!((285..315).contains(&middle), "{middle}");
    view.keys("t-1m<Enter>");
    assert!((view.state.current().unwrap().ts.unwrap() - START) / 1_000_000_000 < middle - 55);
    view.keys("gg");
    assert_eq!(view.state.cursor, 0);
}

#[test]
fn the_first_screen_decodes_two_frames_at_most() {
    let (_folder, dir) = usual(20_000);
    let mut watcher = logtap_view::watcher::Watcher::open(Capture::open(&dir).unwrap()).unwrap();
    let mut state = logtap_view::state::State::new(watcher.moment(), Options::default(), (200, 60));
    let effects = state.begin().unwrap();
    let mut loader = logtap_view::loader::Loader::default();
    for effect in effects {
        if let logtap_view::update::Effect::Ask(id, ask) = effect {
            let (archive, sieve) = (state.moment.archive.clone(), state.sieve.clone());
            let reply = loader.answer(&logtap_view::loader::Request { id, archive, sieve, ask });
            drop(state.answered(reply));
        }
    }
    assert!(state.rows.len() > 60);
    assert!(loader.decoded() <= 2, "{}", loader.decoded());
}

#[test]
fn a_capture_without_an_index_shows_its_end_and_then_everything() {
    let (_folder, dir) = usual(COUNT);
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with(".zst") {
            let output = std::process::Command::new("zstd").args(["-dcq"]).arg(&path).output().unwrap();
            lines.push((path, output.stdout));
        }
    }
    lines.sort();
    let plain: Vec<u8> = lines
        .iter()
        .flat_map(|(path, lines)| {
            std::fs::remove_file(path).unwrap();
            lines.clone()
        })
        .collect();
    std::fs::remove_file(dir.join("index.jsonl")).unwrap();
    std::fs::write(dir.join("2026-01-15T103200-000.jsonl"), plain).unwrap();
    let mut watcher = logtap_view::watcher::Watcher::open(Capture::open(&dir).unwrap()).unwrap();
    assert!(!watcher.moment().complete);
    while watcher.count().unwrap() {}
    assert!(watcher.moment().complete);
    let view = Driver::open(&dir, Options::default(), (80, 24));
    let total: u64 =
        view.state.moment.timeline.iter().flat_map(|part| part.iter()).map(|cell| cell.2.iter().sum::<u64>()).sum();
    assert_eq!(total, COUNT);
    let mut view = view;
    view.keys("G");
    assert_eq!(view.state.current().unwrap().message.to_string(), message(*expected().last().unwrap()));
}

#[test]
fn a_place_that_is_asked_for_while_times_become_known_is_found() {
    let (_folder, dir) = usual(COUNT);
    let mut view = Driver::open(&dir, Options::default(), (80, 24));
    let ordered = view.state.moment.clone();
    let mut moment = ordered.clone();
    std::sync::Arc::make_mut(&mut moment.archive).order = logtap_view::archive::Order::Arrival;
    let effects = view.state.moved_on(moment, std::time::Instant::now());
    view.settle(effects);
    view.keys("G");
    // Asked for, and not answered before the order changes.
    drop(view.state.act(logtap_view::keys::Action::Top, None));
    let effects = view.state.moved_on(ordered, std::time::Instant::now());
    view.settle(effects);
    assert_eq!(view.state.current().unwrap().message.to_string(), message(expected()[0]));
}

#[test]
fn keys_typed_ahead_count_from_where_the_ones_before_lead() {
    let (_folder, dir) = usual(COUNT);
    for (keys, wanted) in [("e", expected()[0]), ("lapp=cart\n", expected().into_iter().find(|n| n % 4 == 1).unwrap())]
    {
        let mut view = Driver::open(&dir, Options::default(), (80, 24));
        view.keys("G");
        let mut effects = view.state.act(logtap_view::keys::Action::Top, None);
        for character in keys.chars() {
            let code = if character == '\n' { KeyCode::Enter } else { KeyCode::Char(character) };
            effects.extend(view.state.key(&KeyEvent::new(code, KeyModifiers::NONE)));
        }
        view.settle(effects);
        assert_eq!(view.state.current().unwrap().message.to_string(), message(wanted), "{keys}");
    }
}

#[test]
fn steps_typed_faster_than_lines_are_read_are_all_taken() {
    let (_folder, dir) = usual(COUNT);
    let messages: Vec<String> = expected().into_iter().map(message).collect();
    let mut view = Driver::open(&dir, Options::default(), (80, 24));
    let step = |view: &mut Driver, key: char, times: usize| {
        let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE);
        // No answer of the loader in between.
        let effects = (0..times).flat_map(|_| view.state.key(&key)).collect();
        view.settle(effects);
        view.state.current().unwrap().message.to_string()
    };
    assert_eq!(step(&mut view, 'j', 700), messages[700]);
    assert_eq!(step(&mut view, 'k', 650), messages[50]);
    view.keys("1500j");
    assert_eq!(view.state.current().unwrap().message.to_string(), messages[1550]);
    view.keys("gg");
    assert_eq!(view.state.current().unwrap().message.to_string(), messages[0]);
    view.keys("9999j");
    assert_eq!(view.state.current().unwrap().message.to_string(), *messages.last().unwrap());
    view.keys("k");
    assert_eq!(view.state.current().unwrap().message.to_string(), messages[COUNT as usize - 2]);
    // Behind a place that is still being looked up.
    let mut effects = view.state.act(logtap_view::keys::Action::Top, None);
    effects.extend(view.state.act(logtap_view::keys::Action::Down, Some(5)));
    view.settle(effects);
    assert_eq!(view.state.current().unwrap().message.to_string(), messages[5]);
}

#[test]
fn where_lines_were_evicted_is_said_at_the_first_that_is_left() {
    let (_folder, dir) = usual(COUNT);
    let mut view = Driver::open(&dir, Options::default(), (80, 24));
    view.keys("30jgg");
    assert_eq!(view.state.message, None);
    let mut metadata = (**view.state.moment.metadata.as_ref().unwrap()).clone();
    metadata.evicted = Some(Evicted { files: 2, lines: 12_345, bytes: 1_000_000 });
    view.state.moment.metadata = Some(std::sync::Arc::new(metadata));
    for keys in ["30jgg", "5j9k", "30j"] {
        view.keys(keys);
        let said = view.state.message.clone().is_some_and(|said| said.contains("12,345 before it were evicted"));
        assert_eq!(said, keys != "30j", "{keys}: {:?}", view.state.message);
    }
}

#[test]
fn what_passes_is_written_into_a_capture_of_its_own() {
    let (folder, dir) = usual(COUNT);
    let filters = vec![Filter { kind: Kind::Hide, text: "completed".to_owned(), on: true }];
    let mut view = Driver::open(&dir, Options { filters, ..Options::default() }, (80, 24));
    let to = folder.path().join("kept");
    view.keys(&format!("w{}<Enter>", to.display()));
    assert!(view.effects.iter().any(|one| matches!(one, Effect::Save(dir) if *dir == to)));
    let moment = view.state.moment.clone();
    let write = || save(&moment.archive, &view.state.sieve, moment.metadata.as_deref(), &to);
    let wanted: Vec<String> =
        expected().into_iter().filter(|n| n.is_multiple_of(97) || n.is_multiple_of(31)).map(message).collect();
    assert_eq!(write().unwrap(), wanted.len() as u64);
    let again = write();
    assert!(again.unwrap_err().to_string().contains("exists and is not empty"));
    let mut kept = Driver::open(&to, Options::default(), (80, 24));
    let first = kept.state.current().unwrap().clone();
    assert_eq!((first.message.to_string(), first.meta.as_deref()), (wanted[0].clone(), Some("{\"trace\":\"t1\"}")));
    assert_eq!(kept.state.moment.archive.lines(), wanted.len() as u64);
    assert_eq!(kept.state.moment.metadata.as_ref().unwrap().total_lines, wanted.len() as u64);
    kept.keys("G");
    assert_eq!(kept.state.current().unwrap().message.to_string(), *wanted.last().unwrap());
}

/// What passes a filter may be further away than one answer of the loader reaches.
#[test]
fn a_line_that_passes_is_shown_however_far_it_is() {
    let (_folder, dir) = usual(300_000);
    let filter = |text: &str| vec![Filter { kind: Kind::Keep, text: text.to_owned(), on: true }];
    // No index knows what this expression may match.
    for far in ["n=29998[5]$", "n=1[1]$"] {
        let mut view = Driver::open(&dir, Options { filters: filter(far), ..Options::default() }, (100, 24));
        assert_eq!(view.state.rows.len(), 1, "{far} from the start");
        view.keys("<Esc>50%");
        view.keys(&format!("&{far}<Enter>"));
        assert_eq!(view.state.rows.len(), 1, "{far} from the middle");
    }
}
