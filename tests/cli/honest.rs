//! What the view counts is what the other commands count.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::recv::until;
use crate::terminal::Terminal;
use crate::world::{capture, logtap, ok};

fn shown(dir: &Path, flags: &[&str]) -> Terminal {
    let mut command = logtap();
    command.env("TERM", "xterm-256color").arg("open").arg(dir).args(flags);
    let terminal = Terminal::start(&command, 200, 60);
    terminal.wait_for("q quit");
    until("everything is counted", || {
        let text = terminal.text();
        !["counting…", "+ lines pass", "+ hits"].iter().any(|part| text.contains(part))
    });
    terminal
}

fn quit(mut terminal: Terminal) {
    terminal.keys("q");
    assert_eq!(terminal.end(Duration::from_secs(5)), 0);
}

/// The number before these words.
fn number(text: &str, words: &str) -> u64 {
    let before = text.split(words).next().unwrap_or_else(|| panic!("no {words:?} in {text}"));
    before.split_whitespace().next_back().unwrap().replace(',', "").parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn filters_and_searches_count_what_grep_counts() {
    let folder = tempfile::tempdir().unwrap();
    let dir = capture(folder.path());
    let path = dir.to_str().unwrap();
    let grep = |args: &[&str]| -> u64 {
        let out = ok(&[&["grep", "-c"], args, &[path]].concat());
        out.lines().map(|line| line.rsplit(':').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    for pattern in ["Connection refused", "status=2[0-9]+", "slow timeout|multi", "worker", "ünïcödé", "\\\\ path"]
    {
        let counted = grep(&[pattern]);
        assert!(counted > 0, "{pattern}");
        let terminal = shown(&dir, &["--grep", pattern]);
        assert_eq!(number(&terminal.text(), " lines pass"), counted, "{pattern}");
        quit(terminal);
        let terminal = shown(&dir, &["--search", pattern]);
        assert_eq!(number(&terminal.text(), " hits"), counted, "{pattern}");
        quit(terminal);
    }
    let terminal = shown(&dir, &["--label", "app=api", "--grep", "path"]);
    assert_eq!(number(&terminal.text(), " lines pass"), grep(&["--label", "app=api", "path"]));
    quit(terminal);
}

/// Height in eighths of a row, and of that the red part in rows, of each column of the histogram.
fn bars(terminal: &Terminal, rows: std::ops::Range<usize>, columns: usize) -> Vec<(u64, u64)> {
    const EIGHTHS: &str = "▁▂▃▄▅▆▇█";
    let screen = terminal.grid();
    (0..columns)
        .map(|column| {
            let cells = rows.clone().map(|row| &screen[row][column]);
            let eighths = |text: &str| EIGHTHS.chars().position(|c| text.starts_with(c)).map_or(0, |at| at as u64 + 1);
            cells.fold((0, 0), |(height, red), (text, colour)| {
                (height + eighths(text), red + u64::from(colour == "Idx(1)" && eighths(text) > 0))
            })
        })
        .collect()
}

#[test]
fn the_histogram_is_what_inspect_says() {
    let folder = tempfile::tempdir().unwrap();
    let dir = capture(folder.path());
    let inspected: Value = serde_json::from_str(&ok(&["inspect", "--json", dir.to_str().unwrap()])).unwrap();
    assert_eq!(inspected["bucket_width"], "10s");
    let buckets = inspected["timeline"].as_array().unwrap();
    let lines = |bucket: &Value| bucket["lines"].as_u64().unwrap();
    let errors = |bucket: &Value| {
        let level = |name: &str| bucket["levels"][name].as_u64().unwrap_or(0);
        level("error") + level("fatal")
    };
    let most = buckets.iter().map(lines).max().unwrap();
    let terminal = shown(&dir, &[]);
    let text = terminal.text();
    assert!(text.contains(&format!(" {most} lines in 10s ")), "{text}");
    assert_eq!(number(&text, " lines"), inspected["total_lines"].as_u64().unwrap());
    // 156 columns beside the talkers, 7 rows below the head; the top row has the legend on its left.
    let (columns, rows) = (156, 7_u64);
    for (column, (height, red)) in bars(&terminal, 2..9, columns).into_iter().enumerate().skip(24) {
        let bucket = &buckets[column * buckets.len() / columns];
        let eighths = (lines(bucket) * rows * 8).div_ceil(most);
        assert_eq!(height, eighths, "column {column} of {bucket}\n{text}");
        let share = (errors(bucket) * eighths).div_ceil(lines(bucket));
        assert_eq!(red, share.div_ceil(8), "errors in column {column} of {bucket}\n{text}");
    }
    for service in inspected["services"].as_array().unwrap() {
        let name = service["service"].as_str().unwrap();
        let row = text.lines().skip(2).find(|row| row.contains(&format!("  {name} "))).unwrap();
        let words: Vec<&str> = row.rsplit(&format!("  {name} ")).next().unwrap().split_whitespace().collect();
        assert_eq!(words[0], service["lines"].to_string(), "{row}");
    }
    quit(terminal);
}
