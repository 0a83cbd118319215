//! The answer as one screen of text.

use std::io::{self, Write};
use std::path::Path;

use logtap_analyze::triage::Report;

use crate::output;

/// Changes and services on the screen.
const SHOWN: usize = 12;

/// Prints the answer.
///
/// # Errors
/// If the output cannot be written.
pub(in crate::command) fn write(out: &mut impl Write, report: &Report, dir: &Path) -> io::Result<()> {
    let mut line = Vec::new();
    let mut say = |text: String| {
        line.clear();
        output::push_visible(&mut line, &text);
        line.push(b'\n');
        out.write_all(&line)
    };
    say(format!("Verdict    {}", report.verdict))?;
    let degree = format!("{:?}", report.certainty.degree).to_lowercase();
    say(format!("Certainty  {degree}{}", join(" because ", &report.certainty.causes)))?;
    if let Some(window) = &report.window {
        say(format!("Window     {} to {}", short(&window.from), short(&window.to)))?;
    }
    say(format!("Lines      {} of which {} errors", report.total_lines, report.error_lines))?;
    if !report.services.is_empty() {
        say("Services in order of onset".to_owned())?;
    }
    for service in report.services.iter().take(SHOWN) {
        let when = service.onset.as_ref().map_or_else(
            || "time unknown".to_owned(),
            |onset| format!("{} (between {} and {})", short(&onset.at), short(&onset.from), short(&onset.to)),
        );
        let order = if service.order_unknown { ", same time as the one above: order unknown" } else { "" };
        say(format!("  {}  {when}, {} changes{order}", service.service, service.changes))?;
        if let Some(first) = &service.first_line {
            say(format!("      {}", cut(first, 140)))?;
        }
    }
    for cascade in &report.cascades {
        let lags: Vec<String> = cascade.lags_seconds.iter().map(|lag| format!("{lag} s")).collect();
        say(format!("Cascade    {} ({})", cascade.services.join(" → "), lags.join(", ")))?;
    }
    if report.findings > 0 && !report.origins.is_empty() {
        say("Likely origins".to_owned())?;
        for origin in report.origins.iter().take(3) {
            say(format!("  {}  {:.3}", origin.service, origin.score))?;
            for evidence in origin.evidence.iter().take(3) {
                say(format!("      + {}", cut(evidence, 140)))?;
            }
            for against in &origin.against {
                say(format!("      - {}", cut(against, 140)))?;
            }
        }
    }
    if !report.changes.is_empty() {
        say("What changed".to_owned())?;
    }
    for change in report.changes.iter().take(SHOWN) {
        let what = format!("{:?} {:?}", change.severity, change.kind).to_lowercase();
        let head = format!("  {what}  {}  {} lines, {:.1} expected  ", change.service, change.lines, change.expected);
        say(format!("{head}{}", cut(&change.template, 140)))?;
    }
    let more = report.changes.len().saturating_sub(SHOWN) + report.more_changes;
    if more > 0 {
        say(format!("  … and {more} more; --json has them"))?;
    }
    if !report.next.is_empty() {
        say("Next".to_owned())?;
    }
    for next in &report.next {
        say(format!("  {}", command(&next.command, dir)))?;
    }
    Ok(())
}

/// A command as it is typed in a shell.
pub(super) fn command(words: &[String], dir: &Path) -> String {
    let word = |word: &String| {
        let word = if word == "CAPTURE" { dir.display().to_string() } else { word.clone() };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
        if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn join(lead: &str, causes: &[String]) -> String {
    if causes.is_empty() { String::new() } else { format!("{lead}{}", causes.join("; ")) }
}

/// Without fractions of seconds.
fn short(time: &str) -> &str {
    time.get(..19).unwrap_or(time)
}

pub(super) fn cut(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars { text.to_owned() } else { text.chars().take(chars).chain(['…']).collect() }
}
