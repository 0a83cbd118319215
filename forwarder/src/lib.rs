//! `logtap-forwarder`: reads the logs of its own pod and pushes them to a receiver.
//!
//! Runs in somebody else's pod: small, harmless, and honest about what it could not do.
//!
//! ```text
//! source ──► intake ──► journal ──► delivery ──► target
//!  a task     numbers,   a file,     one request
//!  per        encodes    survives    at a time until
//!  container             a kill      it is taken
//! ```
//!
//! A source waits while the journal is full, never for the target. On SIGTERM every source reads its
//! container to the end, delivery sends what is there, and the process ends within five seconds.
//! `docs/forwarder.md` says what it promises.

mod config;
mod delivery;
mod figures;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod http;
mod identity;
mod intake;
mod journal;
mod probe;
mod report;
mod run;
#[cfg(test)]
mod seen;
mod source;

use std::process::ExitCode;
use std::rc::Rc;

use crate::config::Config;
use crate::report::Report;

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    let report = Rc::new(Report::default());
    if std::env::args().nth(1).as_deref() == Some("probe") {
        return probed(&report);
    }
    match start(&report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report.say(&format!("cannot start: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Connects to the target once; its last line is what `logtap tap` shows.
fn probed(report: &Report) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(probe::probe(|name| std::env::var(name).ok())),
        Err(error) => Err(error.to_string()),
    };
    // The kubelet keeps what is written here, and whoever asked reads it in the pod's status.
    let (Ok(said) | Err(said)) = &result;
    std::fs::write("/dev/termination-log", said).unwrap_or_default();
    report.say(said);
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start(report: &Rc<Report>) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::read(|name| std::env::var(name).ok())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run::run(config, Rc::clone(report)))
}
