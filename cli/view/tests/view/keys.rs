//! Every entry of the keymap does what its words say.

use logtap_view::keymap::{Keymap, KeymapError};
use logtap_view::keys::{self, Action, KEYMAP};
use logtap_view::state::{Options, Overlay, PromptKind};
use logtap_view::update::{Effect, Leave};

use crate::world::{Driver, usual};

/// The keys of an entry as the driver types them.
fn typed(name: &str) -> String {
    if name == "gg" || name.chars().count() == 1 { name.to_owned() } else { format!("<{name}>") }
}

/// What must hold after the key, in a view of 24 rows that stood on line 50 of many.
fn holds(action: Action, view: &Driver, before: &Driver) -> bool {
    let (state, was) = (&view.state, &before.state);
    let ts = |view: &Driver| view.state.current().unwrap().ts.unwrap();
    let effect = |wanted: fn(&Effect) -> bool| view.effects.iter().any(wanted);
    match action {
        Action::Down | Action::HalfDown | Action::PageDown | Action::MinuteOn | Action::StepOn | Action::NextError => {
            ts(view) > ts(before)
        }
        Action::Up
        | Action::HalfUp
        | Action::PageUp
        | Action::MinuteBack
        | Action::StepBack
        | Action::PreviousError => ts(view) < ts(before),
        Action::Top => state.cursor == 0 && state.ends.0,
        Action::Bottom | Action::Follow => state.follow && state.cursor + 1 == state.rows.len(),
        Action::Search => state.prompt.as_ref().unwrap().kind == PromptKind::Search,
        Action::Hide => state.prompt.as_ref().unwrap().kind == PromptKind::Hide,
        Action::Keep => state.prompt.as_ref().unwrap().kind == PromptKind::Keep,
        Action::Label => state.prompt.as_ref().unwrap().kind == PromptKind::Label,
        Action::Time => state.prompt.as_ref().unwrap().kind == PromptKind::Time,
        Action::Palette => state.prompt.as_ref().unwrap().kind == PromptKind::Palette,
        Action::Save => state.prompt.as_ref().unwrap().kind == PromptKind::Save,
        Action::NextHit => ts(view) > ts(before) && state.current().unwrap().message.contains("slow"),
        Action::PreviousHit => ts(view) < ts(before) && state.current().unwrap().message.contains("slow"),
        Action::SearchWord => state.search.as_ref().unwrap().text != "slow",
        Action::Matches => state.rows.iter().all(|row| row.message.contains("slow")),
        Action::MoreContext => state.sieve.around().unwrap().0 > was.sieve.around().unwrap().0,
        Action::LessContext => state.sieve.around().unwrap().0 < was.sieve.around().unwrap().0,
        Action::NextChange | Action::PreviousChange => state.message.as_ref().unwrap().contains("change or gap"),
        Action::Select => state.selected.is_some(),
        Action::Pin => state.pins.len() == 1,
        Action::Mouse => effect(|one| matches!(one, Effect::Mouse(true))),
        Action::Filters => matches!(state.overlay, Some(Overlay::Filters(_))),
        Action::FiltersOff => state.filters.iter().all(|filter| !filter.on),
        Action::Percent => {
            let span = state.span();
            (48..=52).contains(&((ts(view) - span.from) * 100 / (span.to - span.from)))
        }
        Action::SetMark => state.typed == "m",
        Action::GoMark => state.typed == "'",
        Action::Left | Action::FarLeft => state.sideways < was.sideways,
        Action::Right | Action::FarRight => state.sideways > was.sideways,
        Action::Wrap => state.wrap != was.wrap,
        Action::Detail => state.detail.is_some(),
        Action::Changes => state.overlay == Some(Overlay::Changes(0)),
        Action::Histogram => state.histogram != was.histogram,
        Action::ZoomIn => state.zoom.is_some(),
        Action::ZoomOut => state.zoom.is_none(),
        Action::Lanes => state.lanes,
        Action::Utc => state.utc != was.utc,
        Action::Delta => state.delta.is_some(),
        Action::CopyLine | Action::CopyCommand => effect(|one| matches!(one, Effect::Copy(_))),
        Action::Pause if state.live() => state.frozen,
        Action::Pause => state.play.since.is_some(),
        Action::Faster => state.play.speed > was.play.speed,
        Action::Slower => state.play.speed < was.play.speed,
        Action::Back => state.search.is_none(),
        Action::Help => state.overlay == Some(Overlay::Help(0)),
        Action::Redraw => effect(|one| matches!(one, Effect::Redraw)),
        Action::Suspend => effect(|one| matches!(one, Effect::Suspend)),
        Action::Detach => effect(|one| matches!(one, Effect::End(Leave::Detach))),
        Action::Quit if state.live() => state.overlay == Some(Overlay::Leave),
        Action::Quit => effect(|one| matches!(one, Effect::End(Leave::Quit))),
        Action::QuitNow => effect(|one| matches!(one, Effect::End(_))),
    }
}

#[test]
fn other_keys_can_be_chosen() {
    let (_folder, dir) = usual(600);
    let keymap = Keymap::new([("next-error", "F8, h"), ("help", "Ctrl-g"), ("previous-error", ""), ("top", "zz")]);
    let keymap = keymap.unwrap_err();
    assert!(matches!(keymap, KeymapError::Twice { .. }), "z zooms: {keymap}");
    let keymap =
        Keymap::new([("next-error", "F8, h"), ("help", "Ctrl-g"), ("previous-error", ""), ("top", "oo")]).unwrap();
    let mut view = Driver::open(&dir, Options { keymap, ..Options::default() }, (100, 24));
    let first = view.state.cursor;
    view.keys("h");
    assert!(view.state.current().unwrap().message.contains("ledger"), "h is the next error");
    view.keys("oo");
    assert_eq!(view.state.cursor, first, "oo is the first line");
    for gone in ["e", "E", "gg"] {
        view.keys(gone);
        assert!(view.state.message.as_ref().unwrap().contains("no key here; Ctrl-g shows them"), "{gone}");
    }
    assert!(view.text().contains("h next error") || view.text().contains("Ctrl-g"), "{}", view.text());
    view.keys("<Esc><Ctrl-g>");
    assert!(view.text().contains("F8, h") && view.text().contains("oo"), "help shows what is chosen: {}", view.text());
}

#[test]
fn keys_that_cannot_be_chosen_are_named() {
    let wrong = |name: &str, keys: &str| Keymap::new([(name, keys)]).unwrap_err().to_string();
    assert!(wrong("next-eror", "x").contains("no action"));
    assert!(wrong("next-error", "hello").contains("no key"));
    assert!(wrong("next-error", "Ctrl-").contains("no key"));
    assert!(wrong("next-error", "5").contains("digits count"));
    assert!(wrong("quit-now", "x").contains("Ctrl-c"));
    assert!(wrong("next-error", "n").contains("next-hit"), "{}", wrong("next-error", "n"));
    assert!(wrong("next-error", "g").contains("top"), "g begins gg");
    assert!(Keymap::new([("faster", "D")]).is_ok(), "each in a view of its own");
    assert!(Keymap::new([("quit-now", "h Ctrl-c")]).is_ok());
    assert_eq!(Keymap::new([]).unwrap(), Keymap::default(), "the table itself has each key once");
}

#[test]
fn every_key_does_what_help_says() {
    let (_folder, dir) = usual(6_000);
    let options = || Options {
        search: Some("slow".to_owned()),
        filters: vec![logtap_view::filter::Filter {
            kind: logtap_view::filter::Kind::Label,
            text: "app!=none".to_owned(),
            on: true,
        }],
        baseline: Some("before".into()),
        ..Options::default()
    };
    for live in [false, true] {
        for binding in keys::bindings(live) {
            for name in binding.keys.split(' ') {
                let prepare = || {
                    let mut view = Driver::open(&dir, options(), (100, 24));
                    view.keys("t10:35<Enter>");
                    view.state.sideways = 60;
                    view.state.moment.live = live;
                    if matches!(binding.action, Action::MoreContext | Action::LessContext) {
                        view.keys("llevel=warn<Enter>2+");
                    }
                    view
                };
                let (before, mut view) = (prepare(), prepare());
                view.keys(&typed(name));
                assert!(holds(binding.action, &view, &before), "{name} ({}), live: {live}", binding.words);
            }
        }
    }
}

/// The keys that 1.x's README names, and the others that it had, mean here what they meant there.
#[test]
fn keys_of_1x_keep_their_meaning() {
    let both = [
        ("j", Action::Down),
        ("k", Action::Up),
        ("Down", Action::Down),
        ("Up", Action::Up),
        ("d", Action::HalfDown),
        ("u", Action::HalfUp),
        ("G", Action::Bottom),
        ("gg", Action::Top),
        ("f", Action::Follow),
        ("/", Action::Search),
        ("n", Action::NextHit),
        ("N", Action::PreviousHit),
        ("q", Action::Quit),
        ("Space", Action::Pause),
        ("l", Action::Label),
        ("t", Action::Time),
        ("m", Action::SetMark),
        ("'", Action::GoMark),
        ("w", Action::Save),
        ("?", Action::Help),
        ("Esc", Action::Back),
        ("Ctrl-c", Action::QuitNow),
    ];
    for live in [false, true] {
        for (name, action) in both {
            assert_eq!(Keymap::default().find(name, live), Some(Some(action)), "{name}");
        }
    }
    assert_eq!(Keymap::default().find("]", false), Some(Some(Action::Faster)));
    assert_eq!(Keymap::default().find("[", false), Some(Some(Action::Slower)));
}

#[test]
fn help_shows_every_key() {
    let (_folder, dir) = usual(100);
    let mut view = Driver::open(&dir, Options::default(), (100, 80));
    view.keys("?");
    let text = view.text();
    for binding in keys::bindings(false) {
        assert!(text.contains(binding.words), "{}", binding.words);
    }
    let mut small = Driver::open(&dir, Options::default(), (100, 12));
    small.keys("?");
    let first = small.text();
    small.keys("ddddddddd");
    assert_ne!(small.text(), first, "help scrolls");
    assert!(small.text().contains("Ctrl-c"));
    small.keys("x");
    assert_eq!(small.state.overlay, None);
}

#[test]
fn no_key_means_two_things() {
    for live in [false, true] {
        let mut names: Vec<&str> = keys::bindings(live).flat_map(|binding| binding.keys.split(' ')).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
    assert!(KEYMAP.iter().all(|binding| binding.words.len() < 60));
}

#[test]
fn counts_prompts_and_the_stack() {
    let (_folder, dir) = usual(6_000);
    let mut view = Driver::open(&dir, Options::default(), (100, 24));
    view.keys("5j");
    assert_eq!(view.state.cursor, 5);
    view.keys("/!completed<Enter>");
    assert!(view.state.rows.iter().all(|row| !row.message.contains("completed")));
    view.keys("/=ledger<Enter>");
    assert!(view.state.rows.iter().all(|row| row.message.contains("ledger")));
    view.keys("llevel=error<Enter>");
    assert_eq!(view.state.filters.len(), 3);
    view.keys("<Esc><Esc><Esc>");
    assert!(view.state.filters.is_empty());
    view.keys("l)(<Enter>");
    assert!(view.state.message.is_some() && view.state.filters.is_empty(), "a wrong filter is told and not kept");
    view.keys("/(<Enter>");
    assert!(view.state.message.as_deref().unwrap().contains("invalid pattern"));
    view.keys(":lane<Enter>");
    assert!(view.state.lanes);
}

#[test]
fn the_current_line_stays_on_the_screen_when_rows_are_taken() {
    let (_folder, dir) = usual(6_000);
    for keys in ["/nowhere<Enter>", "|", "<Enter>", "i|"] {
        let mut view = Driver::open(&dir, Options::default(), (100, 24));
        view.keys("G");
        view.keys(keys);
        let last = view.state.current().unwrap().message.to_string();
        assert!(view.text().contains(&last) && view.state.cursor - view.state.top < view.state.height(), "{keys}");
    }
}

#[test]
fn a_field_becomes_a_filter() {
    let (_folder, dir) = usual(6_000);
    let mut view = Driver::open(&dir, Options::default(), (100, 40));
    view.keys("<Enter>+<Esc>");
    assert!(view.state.filters[0].text.starts_with("app="));
    let app = view.state.filters[0].text.trim_start_matches("app=").to_owned();
    assert!(view.state.rows.iter().all(|row| row.service() == app));
    view.keys("<Enter>-");
    assert_eq!(view.state.filters.len(), 2);
    assert!(view.state.rows.is_empty());
    assert!(view.text().contains("no line passes"));
}

#[test]
fn a_replay_plays_pauses_and_ends() {
    let (_folder, dir) = usual(300);
    let options = Options { speed: Some(f64::INFINITY), ..Options::default() };
    let mut view = Driver::open(&dir, options, (80, 24));
    for _ in 0..100 {
        let Some(effects) = view.state.play_on(std::time::Instant::now()) else { break };
        view.settle(effects);
    }
    assert_eq!(view.state.message.as_deref(), Some("end of the capture"));
    assert!(view.state.play.since.is_none());
    let mut view = Driver::open(&dir, Options { speed: Some(1000.0), ..Options::default() }, (80, 24));
    let later = std::time::Instant::now() + std::time::Duration::from_millis(10);
    let effects = view.state.play_on(later).unwrap();
    view.settle(effects);
    let passed = view.state.current().unwrap().ts.unwrap() - view.state.span().from;
    assert!((9_000_000_000..200_000_000_000).contains(&passed), "{passed}");
    view.keys("<Space>");
    assert!(view.state.play_on(later).is_none());
}
