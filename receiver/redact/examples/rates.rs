//! Prints how often each rule leaves a value in or takes harmless text out, on the labelled corpus and
//! on generated values.
//!
//! Run with `cargo run --release -p logtap-redact --example rates`; `-- -v` also prints the lines that went wrong.

use std::io::Write as _;

use logtap_redact::{
    Builtin, Config, Redactor,
    corpus::{self, Labelled, Rates},
};

#[path = "../tests/labelled/mod.rs"]
mod labelled;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verbose = std::env::args().any(|arg| arg == "-v");
    let redactor = Redactor::new(Config { builtins: Builtin::ALL.to_vec(), ..Config::default() })?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<30}{:>10}{:>8}{:>9}{:>8}{:>11}{:>7}{:>9}",
        "lines", "positives", "leaks", "rate", "beside", "negatives", "over", "rate"
    )?;
    let mut row = |name: &str, lines: &[Labelled], rule: Option<Builtin>| -> std::io::Result<()> {
        let rates: Rates = corpus::measure(&redactor, lines, rule);
        writeln!(
            out,
            "{name:<30}{:>10}{:>8}{:>8.2}%{:>8}{:>11}{:>7}{:>8.2}%",
            rates.positives,
            rates.leaks,
            rates.leak_rate() * 100.0,
            rates.over_beside,
            rates.negatives,
            rates.over,
            rates.over_rate() * 100.0,
        )?;
        for line in rates.wrong.iter().filter(|_| verbose).take(20) {
            writeln!(out, "    {line}")?;
        }
        Ok(())
    };
    let negatives = labelled::negatives()?;
    for (rule, lines) in labelled::positives()? {
        row(rule.name(), &lines, None)?;
        row("  over hard negatives", &negatives, Some(rule))?;
    }
    row("all: hard negatives", &negatives, None)?;
    for (name, lines) in labelled::generated() {
        row(name, &lines, None)?;
    }
    Ok(())
}
