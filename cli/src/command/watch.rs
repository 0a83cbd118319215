//! `logtap watch`: follows a capture.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use logtap_capture::matchers;
use logtap_capture::query::{Pattern, PatternOptions, Query};
use logtap_capture::select::Selector;
use logtap_capture::tail::Tail;

use super::grep::Renderer;
use crate::archived;
use crate::args::FormatArgs;
use crate::error::CliError;
use crate::output::Ui;

/// Time between looks at the capture.
const PAUSE: Duration = Duration::from_millis(150);

/// Follow a capture: print its last lines, then every new one
///
/// Goes on across rotation until the receiver ends. On a capture that nobody
/// writes to, prints the last lines and ends.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The capture
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Begin with the last N lines that pass the filters
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    lines: usize,
    /// Only lines that match this regular expression, in message or label values
    #[arg(short = 'e', long, value_name = "PATTERN")]
    grep: Option<String>,
    /// Only lines with this label: k=v, k!=v, k=~regex, k!~regex (can be repeated, all must hold)
    #[arg(long, value_name = "MATCHER")]
    label: Vec<String>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Prints lines until the capture ends.
///
/// # Errors
/// If the arguments cannot be used or the capture cannot be read.
pub(crate) fn run(args: WatchArgs, ui: &Ui) -> Result<(), CliError> {
    let WatchArgs { dir, lines, grep, label, format: _ } = args;
    archived::refuse(&dir, "followed")?;
    let query = Query {
        pattern: grep.map(|pattern| Pattern::new(&pattern, PatternOptions::default())).transpose()?,
        labels: matchers::parse_all(&label)?,
        from: None,
        to: None,
    };
    let (mut tail, last) = Tail::open(&dir, &query, lines)?;
    let mut printer =
        Printer { selector: Selector::new(&query), renderer: Renderer::default(), json: ui.json, text: Vec::new() };
    let mut out = ui.data();
    for line in last {
        printer.add(&line);
    }
    loop {
        out.write_all(&printer.text)?;
        out.flush()?;
        printer.text.clear();
        // Asked first: what was written before the end is then still printed.
        let live = tail.is_live();
        tail.poll(|lines| printer.add(lines)).map_err(|error| CliError::at(&dir, &error))?;
        if !live {
            break;
        }
        if printer.text.is_empty() {
            std::thread::sleep(PAUSE);
        }
    }
    out.write_all(&printer.text)?;
    out.flush()?;
    if tail.damaged_bytes > 0 {
        ui.note(format_args!("{} compressed bytes are damaged and were passed over", tail.damaged_bytes));
    }
    ui.note("nobody writes to this capture");
    Ok(())
}

/// Renders wanted lines.
struct Printer<'q> {
    selector: Selector<'q>,
    renderer: Renderer,
    json: bool,
    text: Vec<u8>,
}

impl Printer<'_> {
    fn add(&mut self, lines: &[u8]) {
        let Self { selector, renderer, json, text } = self;
        selector.pick(lines, false, |picked| {
            if *json {
                Renderer::json(text, &lines[picked.place]);
            } else {
                renderer.text(text, &picked.line, picked.labels);
            }
        });
    }
}
