//! The difference as text, Markdown and JUnit.

use std::io::{self, Write};

use logtap_analyze::triage::compare::Comparison;
use logtap_analyze::triage::report::Change;

use crate::output;

/// Changes that are printed for people.
const SHOWN: usize = 40;

fn visible(text: &str) -> String {
    let cut: String = text.chars().take(200).collect();
    let mut out = Vec::new();
    output::push_visible(&mut out, &cut);
    String::from_utf8_lossy(&out).into_owned()
}

fn head(change: &Change) -> String {
    format!("{:?} {:?}", change.severity, change.kind).to_lowercase()
}

/// For people.
pub(super) fn text(out: &mut impl Write, found: &Comparison) -> io::Result<()> {
    writeln!(out, "Verdict    {}", found.verdict)?;
    writeln!(out, "Lines      {} before, {} now", found.baseline.lines, found.current.lines)?;
    let (old, new) = (found.baseline.error_lines, found.current.error_lines);
    writeln!(out, "Errors     {old} before, {new} now, {:.3} times in relation to the lines", found.error_rate_ratio)?;
    for warning in &found.warnings {
        writeln!(out, "Warning    {}", visible(warning))?;
    }
    for check in found.checks.iter().filter(|check| !check.passed) {
        writeln!(out, "Failed     {}: {} found, {} allowed", check.rule, check.found, check.allowed)?;
    }
    for change in found.changes.iter().take(SHOWN) {
        let (service, lines, expected) = (visible(&change.service), change.lines, change.expected);
        writeln!(
            out,
            "  {}  {service}  {lines} lines, {expected:.1} expected  {}",
            head(change),
            visible(&change.template)
        )?;
    }
    let left = found.changes.len().saturating_sub(SHOWN);
    if left > 0 {
        writeln!(out, "  … and {left} more; --json has them")?;
    }
    Ok(())
}

/// For comments on changes.
pub(super) fn markdown(out: &mut impl Write, found: &Comparison) -> io::Result<()> {
    let cell =
        |text: &str| visible(text).replace('\\', "\\\\").replace('|', "\\|").replace('`', "'").replace('<', "&lt;");
    writeln!(out, "**{}**: {} lines before, {} now\n", found.verdict, found.baseline.lines, found.current.lines)?;
    for warning in &found.warnings {
        writeln!(out, "- {}", cell(warning))?;
    }
    writeln!(out, "\n| what | service | lines | expected | pattern |\n|---|---|---|---|---|")?;
    for change in found.changes.iter().take(SHOWN) {
        let (service, template) = (cell(&change.service), cell(&change.template));
        writeln!(out, "| {} | {service} | {} | {:.1} | {template} |", head(change), change.lines, change.expected)?;
    }
    Ok(())
}

/// For CI: one case per rule.
pub(super) fn junit(out: &mut impl Write, found: &Comparison) -> io::Result<()> {
    let failed = found.checks.iter().filter(|check| !check.passed).count();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuite name=\"logtap diff\" tests=\"{}\" failures=\"{failed}\">", found.checks.len())?;
    for check in &found.checks {
        write!(out, "  <testcase classname=\"logtap.diff\" name=\"{}\"", check.rule)?;
        if check.passed {
            writeln!(out, "/>")?;
            continue;
        }
        writeln!(out, "><failure message=\"{} found, {} allowed\">", check.found, check.allowed)?;
        for change in found.changes.iter().take(SHOWN) {
            writeln!(out, "{} {} {}", head(change), escape(&change.service), escape(&change.template))?;
        }
        writeln!(out, "</failure></testcase>")?;
    }
    writeln!(out, "</testsuite>")
}

fn escape(text: &str) -> String {
    visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
