//! A view copied as a command shows the same screen again.

use std::process::Command;

use logtap_testkit::generate::Rng;
use logtap_view::draw::theme::Depth;
use logtap_view::filter::{Filter, Kind};
use logtap_view::remembered::Place;
use logtap_view::state::Options;
use logtap_view::update::command_line;

use crate::world::{Driver, usual};

/// The words that a shell makes of a command, apart by NUL.
fn words(shell: &str, command: &str) -> Option<Vec<String>> {
    let script = format!("printf '%s\\0' {command}");
    let output = Command::new(shell).args(["-c", &script]).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.trim_end_matches('\0').split('\0').map(str::to_owned).collect())
}

/// The options that these words mean to `logtap open`.
fn options(words: &[String]) -> Options {
    let time = |text: &str| logtap_capture::time::parse(text.as_bytes()).unwrap();
    let mut options = Options::default();
    assert_eq!(words[..2], ["logtap", "open"]);
    for word in &words[3..] {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let filter = |kind| Filter { kind, text: value.to_owned(), on: true };
        match name {
            "--label" => {
                let each = |text| Filter { kind: Kind::Label, text, on: true };
                options.filters.extend(logtap_capture::matchers::split(value).into_iter().map(each));
            }
            "--level" => options.filters.push(filter(Kind::Level)),
            "--grep" => options.filters.push(filter(Kind::Keep)),
            "--hide" => options.filters.push(filter(Kind::Hide)),
            "--off" => {
                let (kind, text) = value.split_once(':').unwrap();
                let kinds = [Kind::Label, Kind::Level, Kind::Keep, Kind::Hide];
                let kind = kinds.into_iter().find(|one| one.flag().ends_with(kind)).unwrap();
                options.filters.push(Filter { kind, text: text.to_owned(), on: false });
            }
            "--context" => options.context = value.parse().unwrap(),
            "--search" => options.search = Some(value.to_owned()),
            "--from" => options.from = Some(time(value)),
            "--to" => options.to = Some(time(value)),
            "--at" => {
                let (at, skip) = value.split_once("Z+").unwrap_or((value.trim_end_matches('Z'), "0"));
                options.at = Some((time(&format!("{at}Z")), skip.parse().unwrap()));
            }
            "--pin" => {
                let (at, skip) = value.split_once("Z+").unwrap_or((value.trim_end_matches('Z'), "0"));
                options.pins.push(Place { ts: time(&format!("{at}Z")), skip: skip.parse().unwrap() });
            }
            "--row" => options.row = value.parse().unwrap(),
            "--sideways" => options.sideways = value.parse().unwrap(),
            "--wrap" => options.wrap = true,
            "--detail" => options.detail = true,
            "--lanes" => options.lanes = true,
            "--no-histogram" => options.no_histogram = true,
            other => panic!("unknown flag {other}"),
        }
    }
    options
}

#[test]
fn copied_views_come_back_through_shells() {
    let (_folder, dir) = usual(6_000);
    let keys = [
        "j",
        "10j",
        "d",
        "u",
        "e",
        "E",
        "}",
        "33%",
        "W",
        "F",
        "i",
        "|",
        "<Right>",
        "<Enter>",
        "<Esc>",
        "/slow<Enter>",
        "/!it's $(touch /tmp/x) `a` \\d<Enter>",
        "lapp!=api<Enter>",
        "lapp!=a,b=c<Enter>",
        "llevel=warn<Enter>",
        "&n=|page=|ms<Enter>",
        "/!a'b\"c<Enter>",
        "n",
        "k",
        "p",
        "x",
        "+",
        "7+",
        "-",
        "*",
        "s",
    ];
    let mut rng = Rng::new(7);
    let shells: Vec<&str> = ["sh", "fish"].into_iter().filter(|shell| words(shell, "x").is_some()).collect();
    let rounds = std::env::var("LOGTAP_VIEWS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    for round in 0..rounds {
        let size = (40 + rng.below(160) as u16, 10 + rng.below(50) as u16);
        let mut view = Driver::open(&dir, Options::default(), size);
        for _ in 0..rng.below(12) {
            view.keys(keys[rng.below(keys.len() as u64) as usize]);
        }
        view.state.message = None;
        view.state.typed.clear();
        let command = command_line(&view.state);
        for shell in &shells {
            let mut again = Driver::open(&dir, options(&words(shell, &command).unwrap()), size);
            again.state.message = None;
            assert_eq!(
                again.buffer(Depth::Sixteen),
                view.buffer(Depth::Sixteen),
                "round {round}, {shell}: {command}\n{}\n{}",
                view.text(),
                again.text()
            );
        }
    }
    println!("{rounds} views came back from {shells:?}");
}

#[test]
fn what_would_act_on_a_terminal_is_written_as_numbers() {
    let (_folder, dir) = usual(100);
    let filters = vec![Filter { kind: Kind::Hide, text: "\x1b]2J\u{202e}x\u{200b}'".to_owned(), on: true }];
    let view = Driver::open(&dir, Options { filters, ..Options::default() }, (80, 24));
    let command = command_line(&view.state);
    assert!(command.chars().all(|c| !c.is_control() && c != '\u{202e}' && c != '\u{200b}'), "{command:?}");
    let back = options(&words("sh", &command).unwrap());
    assert_eq!(back.filters, view.state.filters);
}

/// `--label` takes several; a value that looks like two is one all the same.
#[test]
fn commas_of_a_label_stay_in_it() {
    let (_folder, dir) = usual(100);
    let filters = vec![Filter { kind: Kind::Label, text: "app!=a,b=c".to_owned(), on: true }];
    let view = Driver::open(&dir, Options { filters, ..Options::default() }, (80, 24));
    let command = command_line(&view.state);
    assert_eq!(options(&words("sh", &command).unwrap()).filters, view.state.filters, "{command}");
}
