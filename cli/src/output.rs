//! Everything that is printed goes through here: data on stdout, talk on
//! stderr, and who decides about colour and progress bars.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use logtap_capture::line::Rejected;
use serde::Serialize;

use crate::args::Cli;
use crate::error::{CliError, Kind};
use crate::exit::Exit;

/// Where output goes and how it looks.
#[derive(Debug, Clone)]
pub(crate) struct Ui {
    /// Data is JSON, errors are JSON objects.
    pub(crate) json: bool,
    /// Nothing but errors on stderr; `grep` prints no lines either.
    pub(crate) quiet: bool,
    colour: bool,
    progress: bool,
}

impl Ui {
    /// The output that the arguments and the terminal ask for.
    pub(crate) fn new(cli: &Cli) -> Self {
        let json = cli.wants_json();
        let terminal = io::stderr().is_terminal();
        Self {
            json,
            quiet: cli.global.quiet,
            colour: terminal && allows_colour(),
            progress: terminal && !json && !cli.global.quiet && !io::stdout().is_terminal(),
        }
    }

    /// Buffered standard output, for data.
    pub(crate) fn data(&self) -> BufWriter<StdoutLock<'static>> {
        BufWriter::with_capacity(64 << 10, io::stdout().lock())
    }

    /// Prints one JSON object on one line.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub(crate) fn print_json(&self, value: &impl Serialize) -> Result<(), CliError> {
        let mut out = self.data();
        serde_json::to_writer(&mut out, value).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(())
    }

    /// Says how many lines were not used, and why, if any.
    pub(crate) fn rejected(&self, read: u64, by_reason: &BTreeMap<Rejected, u64>) {
        let rejected: u64 = by_reason.values().sum();
        if rejected > 0 {
            let reasons: Vec<String> =
                by_reason.iter().map(|(reason, lines)| format!("{} {lines}", reason.name())).collect();
            let (used, reasons) = (read - rejected, reasons.join(", "));
            self.note(format_args!("{read} lines read = {used} used + {rejected} rejected ({reasons})"));
        }
    }

    /// Says something to the person; nothing under `--quiet`.
    pub(crate) fn note(&self, message: impl Display) {
        if !self.quiet {
            say(&format!("logtap: {message}"));
        }
    }

    /// A bar on stderr that counts bytes; invisible unless a person watches.
    pub(crate) fn progress(&self, bytes: u64) -> ProgressBar {
        let target = if self.progress { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
        ProgressBar::with_draw_target(Some(bytes), target)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }

    /// A line on stderr that says what is waited for: redrawn on a terminal, elsewhere printed when it
    /// changes.
    pub(crate) fn status(&self) -> Status {
        let watched = io::stderr().is_terminal() && !self.json && !self.quiet;
        let spinner = watched.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
            let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        Status { spinner, quiet: self.quiet, last: RefCell::default() }
    }

    /// Prints the error, if any, and says how to end.
    pub(crate) fn finish(&self, result: Result<Exit, CliError>) -> Exit {
        match result {
            Ok(exit) => exit,
            Err(error) => {
                show_error(&error, self.json, self.colour);
                error.kind.exit()
            }
        }
    }
}

/// What is waited for.
#[derive(Debug)]
pub(crate) struct Status {
    spinner: Option<ProgressBar>,
    quiet: bool,
    last: RefCell<String>,
}

impl Status {
    /// Says it.
    pub(crate) fn show(&self, line: &str) {
        match &self.spinner {
            Some(spinner) => {
                spinner.set_message(line.to_owned());
                spinner.tick();
            }
            None if !self.quiet && *self.last.borrow() != line => say(&format!("logtap: waiting: {line}")),
            None => {}
        }
        line.clone_into(&mut self.last.borrow_mut());
    }

    /// Takes it away.
    pub(crate) fn clear(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

/// Prints an error: one object under `--json`, else one line and its hints.
pub(crate) fn show_error(error: &CliError, json: bool, colour: bool) {
    if error.kind == Kind::BrokenPipe {
        return;
    }
    if json {
        say(&serde_json::to_string(&error.report()).unwrap_or_default());
        return;
    }
    let head = if colour { "\x1b[1;31merror\x1b[0m" } else { "error" };
    say(&format!("{head}: {}", error.message()));
    for hint in &error.hints {
        say(&format!("hint: {hint}"));
    }
}

/// True if the environment does not forbid colour.
pub(crate) fn allows_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// Writes one line to standard error.
pub(crate) fn say(line: &str) {
    // A closed stderr leaves nobody to tell.
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// True for characters that change the direction of the text after them.
pub(crate) fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Appends text for a terminal: control and direction characters are made visible, so that
/// one log line stays one line, reads as it is, and cannot steer the terminal.
pub(crate) fn push_visible(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    // First bytes of control (0xc2) and direction characters (0xd8, 0xe2).
    let plain = |byte: u8| byte == b'\t' || (byte >= 0x20 && ![0x7f, 0xc2, 0xd8, 0xe2].contains(&byte));
    let mut from = 0;
    for (at, character) in text.char_indices() {
        if plain(bytes[at]) || !(character.is_control() || is_direction(character)) {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + character.len_utf8();
        match character {
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            other if is_direction(other) => {
                out.extend_from_slice(format!("\\u{{{:x}}}", u32::from(other)).as_bytes());
            }
            other => out.extend_from_slice(format!("\\x{:02x}", u32::from(other)).as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_visible() {
        let mut out = Vec::new();
        push_visible(&mut out, "a\tb\nc\x1b[31m é\u{9b}2J\u{a0}☃ع\u{202e}");
        assert_eq!(String::from_utf8(out).unwrap(), "a\tb\\nc\\x1b[31m é\\x9b2J\u{a0}☃ع\\u{202e}");
    }
}
