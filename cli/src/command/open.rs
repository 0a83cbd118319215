//! `logtap open`: the terminal view of a capture, growing or finished.

mod compare;
mod remembered;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, Parser};
use logtap_capture::matchers;
use logtap_capture::reader::Capture;
use logtap_capture::time::SECOND;
use logtap_view::filter::{Filter, Kind, level};
use logtap_view::remembered::{Place, Remembered};
use logtap_view::run::{End, ViewError};
use logtap_view::state::Options;
use logtap_view::update::Leave;

use crate::config::Config;
use crate::error::{CliError, Kind as ErrorKind};
use crate::exit::Exit;
use crate::output::Ui;
use crate::when::When;

/// Look at a capture: live while it grows, as a replay afterwards
///
/// Keys: ? shows all of them. e next error, / search, t time, l label, Enter the whole line,
/// c what differs from a --baseline,
/// Y the view as a command. A replay starts paused; Space plays it.
///
/// Without flags the view is the one that was left, if this capture was looked at before; its marks are
/// kept in any case, in the user's state directory and not in the capture.
#[derive(Debug, Args, PartialEq)]
pub(crate) struct OpenArgs {
    /// The capture, or a snapshot of it
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Compare with this capture: c lists new, risen and vanished patterns, what broke first on top
    #[arg(long, value_name = "DIR")]
    baseline: Option<PathBuf>,
    /// Play at this speed from the start: 1, 10x, 0.5x, max (0 is max)
    #[arg(long, value_name = "SPEED", value_parser = speed)]
    speed: Option<f64>,
    /// Earliest time: RFC 3339, 10:32 (UTC), or -30m (before the end of the capture)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<When>,
    /// Latest time, in the same forms
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<When>,
    /// Only lines with this label: k=v, k!=v, k=~regex, k!~regex (all must hold; can be repeated, and
    /// a comma before another one parts them; \, is a comma)
    #[arg(long, value_name = "MATCHER", allow_hyphen_values = true)]
    label: Vec<String>,
    /// Only lines of this level or a worse one: trace, debug, info, warn, error, fatal (can be repeated, the worst
    /// counts)
    #[arg(long, value_name = "LEVEL")]
    level: Vec<String>,
    /// Only lines that match this regular expression (can be repeated, all must)
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    grep: Vec<String>,
    /// No lines that match this regular expression (can be repeated)
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    hide: Vec<String>,
    /// Show this many lines before and behind each that --grep or --level keeps
    #[arg(short = 'C', long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=500))]
    context: u16,
    /// Search for this regular expression: hits are shown, n goes to the next
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    search: Option<String>,
    /// Begin at this time; TIME+N: at the Nth further line of that time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// Put the line at which the view begins into this row of the lines
    #[arg(long, value_name = "N", default_value_t = 0)]
    row: u16,
    /// Columns of the messages that are out of sight on the left
    #[arg(long, value_name = "N", default_value_t = 0)]
    sideways: u16,
    /// Wrap long lines
    #[arg(long)]
    wrap: bool,
    /// Show local times instead of UTC
    #[arg(long)]
    local: bool,
    /// Open the detail of the line
    #[arg(long)]
    detail: bool,
    /// The field that is chosen in the detail, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    field: usize,
    /// Show times since this one
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    delta: Option<When>,
    /// Pin the line of this time to the top; TIME+N: the Nth further line of that time (can be repeated)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pin: Vec<String>,
    /// The stretch that the histogram shows
    #[arg(long, value_name = "FROM/TO", allow_hyphen_values = true)]
    zoom: Option<String>,
    /// A filter that is there and not in force (F turns it on): label:app=api, level:warn, grep:x, hide:x
    #[arg(long, value_name = "FILTER", value_parser = off)]
    off: Vec<Filter>,
    /// Lines of text instead of a screen: for screen readers, and for terminals that cannot be addressed
    #[arg(long)]
    plain: bool,
    /// Show a lane for each service
    #[arg(long)]
    lanes: bool,
    /// Do not show the histogram
    #[arg(long)]
    no_histogram: bool,
    /// Begin anew, whatever view of this capture was left
    #[arg(long)]
    fresh: bool,
}

/// The flags of a view that was left.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Left {
    #[command(flatten)]
    args: OpenArgs,
}

/// `KIND:TEXT`, a filter that is off.
fn off(text: &str) -> Result<Filter, String> {
    let kinds = [Kind::Label, Kind::Level, Kind::Keep, Kind::Hide];
    let (name, text) = text.split_once(':').ok_or("write label:…, level:…, grep:… or hide:…")?;
    let kind = kinds.into_iter().find(|kind| kind.flag().trim_start_matches('-') == name);
    let kind = kind.ok_or_else(|| format!("{name:?} is no filter: write label:…, level:…, grep:… or hide:…"))?;
    Ok(Filter { kind, text: text.to_owned(), on: false })
}

fn speed(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches(['x', 'X']);
    match number {
        "max" | "0" => Ok(f64::INFINITY),
        _ => match number.parse::<f64>() {
            Ok(speed) if speed > 0.0 && speed.is_finite() => Ok(speed),
            _ => Err("write 1, 10x, 0.5x or max".to_owned()),
        },
    }
}

/// Shows the capture until the person leaves it.
///
/// # Errors
/// If there is no terminal, or the capture cannot be read.
pub(crate) fn run(args: OpenArgs, ui: &Ui) -> Result<Exit, CliError> {
    let capture = Capture::open(&args.dir)?;
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(CliError::usage("`logtap open` shows a capture on a terminal, and this is none")
            .hint("`logtap grep`, `watch`, `inspect` and `triage` read it without one"));
    }
    let kept = remembered::place(&capture).and_then(|place| remembered::load(&place));
    let restored = kept.as_ref().filter(|_| !args.fresh).and_then(|kept| args.restored(&kept.view, capture.live));
    let is_restored = restored.is_some();
    let args = restored.unwrap_or(args);
    let (dir, baseline) = (args.dir.clone(), args.baseline.clone());
    let compare = baseline.map(|baseline| compare::between(&baseline, &capture, ui)).transpose()?;
    let mut options = args.into_options(&capture)?;
    options.keymap = Config::usable()?.keymap;
    (options.restored, options.marks) = (is_restored, kept.map(|kept| kept.marks).unwrap_or_default());
    let keep = keeping(&capture);
    let end = logtap_view::run::run(capture, options, compare, || false, keep).map_err(failed)?;
    leave(&dir, end, ui)
}

/// Keeps a view that is left for the next time.
pub(crate) fn keeping(capture: &Capture) -> impl FnOnce(Remembered) + Send + 'static {
    let capture = capture.clone();
    move |view| {
        if let Some(place) = capture.again().ok().and_then(|capture| remembered::place(&capture)) {
            remembered::save(&place, &view);
        }
    }
}

/// What is done when a view that did not start the receiver ends.
fn leave(dir: &Path, end: End, ui: &Ui) -> Result<Exit, CliError> {
    match end {
        End::Left(Leave::Stop) => super::recv::stop(dir, ui).map(|()| Exit::Success),
        End::Left(Leave::Detach) => {
            ui.note(format_args!("receiving goes on; logtap recv --stop {} ends it", dir.display()));
            Ok(Exit::Success)
        }
        End::Left(Leave::Quit) | End::HungUp | End::Signalled(_) | End::Over => Ok(Exit::Success),
    }
}

pub(crate) fn failed(error: ViewError) -> CliError {
    match error {
        ViewError::Open(error) => error.into(),
        ViewError::Filter(error) => CliError::usage(error.to_string()),
        ViewError::Terminal(error) => CliError::new(ErrorKind::Internal, format!("cannot use the terminal: {error}")),
        ViewError::Panic(_) => CliError::new(ErrorKind::Internal, error.to_string()),
    }
}

impl OpenArgs {
    /// The view that was left, if none is asked for and it can be shown. One that grows is followed.
    fn restored(&self, view: &[String], live: bool) -> Option<Self> {
        let dir = self.dir.clone().into_os_string();
        let parse = |words: &mut dyn Iterator<Item = OsString>| {
            let words = words.chain([OsString::from("--"), dir.clone()]);
            let args = Left::try_parse_from(words).ok()?.args;
            Some(Self { baseline: self.baseline.clone(), plain: self.plain, ..args })
        };
        let is_bare = *self == parse(&mut std::iter::empty())?;
        let is_place = |word: &&String| ["--at=", "--row="].iter().any(|name| word.starts_with(name));
        let mut words = view.iter().filter(|word| !live || !is_place(word)).map(OsString::from);
        parse(&mut words).filter(|_| is_bare)
    }

    fn into_options(self, capture: &Capture) -> Result<Options, CliError> {
        let mut range = logtap_capture::chunk::Span::default();
        for line in capture.files.iter().filter_map(|file| file.line.as_ref()) {
            range.merge(line.span());
        }
        let relative = [self.from, self.to, self.delta].into_iter().flatten().any(When::is_relative);
        if relative && range.is_empty() {
            range = logtap_capture::survey::run(capture, |_| ())?.summary.ts;
        }
        let resolve = |when: Option<When>| {
            when.map(|when| when.resolve(range)).transpose().map_err(|error| CliError::usage(error.to_string()))
        };
        let labels = self.label.iter().flat_map(|text| matchers::split(text)).collect();
        let kinds =
            [(Kind::Label, labels), (Kind::Level, self.level), (Kind::Keep, self.grep), (Kind::Hide, self.hide)];
        let filters: Vec<Filter> = kinds
            .into_iter()
            .flat_map(|(kind, texts)| texts.into_iter().map(move |text| Filter { kind, text, on: true }))
            .chain(self.off)
            .collect();
        if let Some(wrong) =
            filters.iter().filter(|filter| filter.kind == Kind::Level).find_map(|one| level(&one.text).err())
        {
            return Err(CliError::usage(wrong.to_string()));
        }
        let pins = self
            .pin
            .iter()
            .map(|text| at(text, range).map(|(ts, skip)| Place { ts, skip }))
            .collect::<Result<_, _>>()?;
        let at = self.at.map(|text| at(&text, range)).transpose()?;
        let zoom = self.zoom.map(|text| stretch(&text, range)).transpose()?;
        Ok(Options {
            from: resolve(self.from)?,
            to: resolve(self.to)?,
            filters,
            context: self.context,
            search: self.search,
            at,
            row: self.row,
            speed: self.speed,
            utc: !self.local,
            wrap: self.wrap,
            sideways: self.sideways,
            detail: self.detail,
            field: self.field,
            delta: resolve(self.delta)?,
            zoom,
            pins,
            plain: self.plain,
            lanes: self.lanes,
            no_histogram: self.no_histogram,
            baseline: self.baseline,
            ..Options::default()
        })
    }
}

/// `TIME`, `TIME+N`: the instant and how many lines of it are passed over.
fn at(text: &str, range: logtap_capture::chunk::Span) -> Result<(i64, u32), CliError> {
    let wrong = || CliError::usage(format!("invalid place {text:?}: write 2026-01-15T10:32:00Z, 10:32 (UTC) or -30m"));
    let (time, skip) = match text.rsplit_once('+') {
        Some((time, skip)) if time.ends_with('Z') => (time, skip.parse().map_err(|_| wrong())?),
        _ => (text, 0),
    };
    let when: When = time.parse().map_err(|_| wrong())?;
    let ns = when.resolve(range).map_err(|error| CliError::usage(error.to_string()))?;
    Ok((ns.clamp(i64::MIN + SECOND, i64::MAX), skip))
}

/// `FROM/TO`.
fn stretch(text: &str, range: logtap_capture::chunk::Span) -> Result<(i64, i64), CliError> {
    let wrong = || CliError::usage(format!("invalid stretch {text:?}: write 10:32/10:45"));
    let (from, to) = text.split_once('/').ok_or_else(wrong)?;
    let time = |text: &str| at(text, range).map(|place| place.0);
    let (from, to) = (time(from)?, time(to)?);
    if from < to { Ok((from, to)) } else { Err(wrong()) }
}
