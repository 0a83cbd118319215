//! `logtap-webhook`: reads flags, finds the cluster, hands signals down.

use std::process::ExitCode;

use clap::Parser;
use logtap_webhook::args::{Args, LogFormat};
use logtap_webhook::run::run;
use logtap_webhook::shutdown::{self, Trigger};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(error) = log(&args) {
        // Nothing can be logged yet.
        return fail(&format!("--log {}: {error}", args.log));
    }
    allow_connections();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(serve(&args)),
        Err(error) => Err(format!("cannot start: {error}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &Args) -> Result<(), String> {
    let (trigger, shutdown) = shutdown::channel();
    let mut term = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let signals = async move {
        loop {
            tokio::select! {
                _ = term.recv() => told(&trigger),
                _ = interrupt.recv() => told(&trigger),
            }
        }
    };
    let client = kube::Client::try_default()
        .await
        .map_err(|error| format!("no cluster is known: {error}; run in a cluster, or set KUBECONFIG"))?;
    tokio::select! {
        result = run(args, client, shutdown) => result.map_err(|error| error.to_string()),
        () = signals => Ok(()),
    }
}

fn told(trigger: &Trigger) {
    tracing::info!("told to end; a second signal ends at once");
    trigger.advance();
}

fn log(args: &Args) -> Result<(), String> {
    let filter: EnvFilter = args.log.parse().map_err(|error| format!("{error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.with_ansi(false).init(),
    }
    Ok(())
}

/// Raises the soft limit of open files to the hard one: each connection is a file.
fn allow_connections() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!("the number of open files stays at {:?}: {error}", limit.current);
    }
}

#[expect(clippy::print_stderr, reason = "the log is not there yet")]
fn fail(text: &str) -> ExitCode {
    eprintln!("logtap-webhook: {text}");
    ExitCode::from(2)
}
