//! `logtap grep`: searches captures.

mod account;
mod context;
mod inputs;
mod piece;
mod render;
mod search;
mod sink;
mod sort;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use logtap_capture::matchers;
use logtap_capture::query::{Pattern, PatternOptions, Query};

use crate::args::{self, FormatArgs};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Ui;
use crate::when::When;

use inputs::Inputs;
use piece::Wanted;
use search::Search;
use sink::{Sink, SinkOptions};

pub(crate) use render::Renderer;

/// Search messages and label values of captures
///
/// A match is looked for in the message and in the label values of each line.
/// Files and blocks that cannot hold a match are skipped by their index.
///
/// DIR is a capture directory, a data file, a snapshot (.tar.zst), or `-` for
/// JSON lines, plain or zstd, on standard input.
///
/// Text output is one line per log line, `time [app/pod] message`; control
/// characters are made visible. JSON output is the stored line. Context lines
/// come from the same stream (the same label set); they have `-` behind the
/// time in text, and `"context":"before"` or `"after"` in JSON.
///
/// Exit status is 0 with or without a match; with -q it is 1 without.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  logtap grep -i 'timeout|refused' capture/\n  logtap grep 5.. capture/ --label app=api --from -30m\n  logtap grep -F 'order 4711' -C 3 capture/ --json\n  logtap grep -c ERROR capture/ baseline/"
)]
pub(crate) struct GrepArgs {
    /// Regular expression (Rust syntax)
    pattern: String,
    /// Where to search
    #[arg(value_name = "DIR", required = true)]
    paths: Vec<PathBuf>,
    /// Ignore case
    #[arg(short = 'i', long)]
    ignore_case: bool,
    /// Print lines that do not match
    #[arg(short = 'v', long)]
    invert_match: bool,
    /// Take the pattern as literal text
    #[arg(short = 'F', long)]
    fixed_strings: bool,
    /// Match whole words only
    #[arg(short = 'w', long)]
    word_regexp: bool,
    /// Print `file:count` for each data file
    #[arg(short = 'c', long, conflicts_with_all = ["files_with_matches", "context_args"])]
    count: bool,
    /// Print the names of data files with a match
    #[arg(short = 'l', long, conflicts_with = "context_args")]
    files_with_matches: bool,
    /// Stop after N matches, over all files
    #[arg(short = 'm', long, value_name = "N")]
    max_count: Option<u64>,
    #[command(flatten)]
    context: ContextArgs,
    /// Print nothing; exit 1 if there is no match (the same as --quiet)
    #[arg(short = 'q')]
    silent: bool,
    /// Only lines with this label: k=v, k!=v, k=~regex, k!~regex (all must hold; can be repeated, and
    /// a comma before another one parts them; \, is a comma)
    #[arg(long, value_name = "MATCHER")]
    label: Vec<String>,
    /// Only lines from this time on: RFC 3339, HH:MM (UTC), or -30m (before the capture's end)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<When>,
    /// Only lines up to this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<When>,
    /// Print in order of time over all files
    #[arg(long)]
    sort: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// Threads [default: number of processors]
    #[arg(short = 'j', long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// Lines around a match.
#[derive(Debug, Args)]
#[group(id = "context_args", multiple = true)]
struct ContextArgs {
    /// Print N lines of the same stream after each match
    #[arg(short = 'A', long, value_name = "N")]
    after_context: Option<usize>,
    /// Print N lines of the same stream before each match
    #[arg(short = 'B', long, value_name = "N")]
    before_context: Option<usize>,
    /// Print N lines of the same stream before and after each match
    #[arg(short = 'C', long, value_name = "N")]
    context: Option<usize>,
}

/// Lines wanted around a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Around {
    before: usize,
    after: usize,
}

/// Searches and prints.
///
/// # Errors
/// If the arguments cannot be used, or an input cannot be read.
pub(crate) fn run(args: GrepArgs, ui: &Ui) -> Result<Exit, CliError> {
    let GrepArgs {
        pattern,
        paths,
        ignore_case,
        invert_match,
        fixed_strings,
        word_regexp,
        count,
        files_with_matches,
        max_count,
        context: ContextArgs { after_context, before_context, context },
        silent,
        label,
        from,
        to,
        sort,
        format: _,
        jobs,
    } = args;
    let quiet = silent || ui.quiet;
    let options = PatternOptions { fixed: fixed_strings, ignore_case, word: word_regexp, invert: invert_match };
    let pattern = Pattern::new(&pattern, options)?;
    let labels = matchers::parse_all(&label)?;
    let inputs = Inputs::open(&paths)?;
    let (from, to) = inputs.resolve(from, to)?;
    let query = Query { pattern: Some(pattern), labels, from, to };
    let around =
        Around { before: before_context.or(context).unwrap_or(0), after: after_context.or(context).unwrap_or(0) };
    let per_file = count || files_with_matches || quiet;
    let around = (around != Around { before: 0, after: 0 } && !per_file).then_some(around);
    let wanted =
        Wanted { lines: !per_file, records: sort || around.is_some() || max_count.is_some(), around, json: ui.json };
    let sink = Sink::new(
        ui.data(),
        SinkOptions {
            count,
            list: files_with_matches,
            quiet,
            max: max_count,
            around,
            sort: sort && !per_file,
            json: ui.json,
        },
    );
    let threads = args::threads(jobs);
    let mut search = Search::new(&query, wanted, threads, sink, ui.progress(inputs.bytes()));
    search.run(&inputs)?;
    let (matches, account) = search.finish()?;
    account.tell(ui);
    Ok(if quiet && matches == 0 { Exit::NoMatch } else { Exit::Success })
}
