//! `logtap recv`: receive logs into a capture.

mod attached;
mod flags;
mod identity;
mod in_cluster;
mod key;
mod status;

use std::io::IsTerminal;
use std::time::Duration;

use logtap_receiver::shutdown::{self, Trigger};
use logtap_receiver::{ReceiverError, Running, Summary};
use tokio::signal::unix::{SignalKind, signal};

pub(crate) use attached::{check_alone, stop};
pub(crate) use flags::{RecvArgs, tell, value};
pub(crate) use in_cluster::MadeArgs;

use crate::archived;
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::output::Ui;

/// Receives until the first signal; the second aborts. On a terminal this process is the view of a
/// receiver that it starts.
pub(crate) fn run(args: RecvArgs, ui: &Ui) -> Result<Exit, CliError> {
    if let Some(dir) = &args.attached.stop {
        archived::refuse(dir, "received into")?;
        return stop(dir, ui).map(|()| Exit::Success);
    }
    archived::refuse(&args.dir, "received into")?;
    let headless = args.headless || ui.quiet || !std::io::stderr().is_terminal();
    if !headless && !args.in_cluster.in_cluster && attached::can_show() {
        return attached::run(&args.dir, ui);
    }
    if args.attached.own_session {
        attached::leave_session();
    }
    start_logging(headless);
    if args.in_cluster.in_cluster {
        let in_cluster = args.in_cluster.clone();
        return in_cluster::run(in_cluster, args.into_elsewhere()?, ui).map(|()| Exit::Success);
    }
    receive(args, headless, ui).map(|()| Exit::Success)
}

fn receive(args: RecvArgs, headless: bool, ui: &Ui) -> Result<(), CliError> {
    let config = args.into_config(ui)?;
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Kind::Internal, format!("cannot start: {error}")))?;
    let redacting = config.redactor.is_some();
    let tls = config.tls.is_some();
    let streams = config.stream.is_some();
    let result = runtime.block_on(async {
        let (trigger, shutdown) = shutdown::channel();
        let running = logtap_receiver::start(config, shutdown).await.map_err(failed)?;
        listen_to_signals(trigger)
            .map_err(|error| CliError::new(Kind::Internal, format!("cannot listen to signals: {error}")))?;
        greet(&running, redacting, tls, ui);
        let status = (!headless).then(|| tokio::spawn(status::show(running.figures())));
        let summary = running.finish().await;
        if let Some(status) = status {
            status.abort();
            status::clear();
        }
        summary.map_err(failed)
    });
    runtime.shutdown_timeout(Duration::from_millis(200));
    let summary = result?;
    report(&summary, ui);
    // A Job starts it again unless this is a success.
    if streams && !summary.unused {
        return Err(CliError::new(Kind::Internal, "ended by a signal, and not because nobody reads any more"));
    }
    Ok(())
}

fn failed(error: ReceiverError) -> CliError {
    use logtap_capture::lock::LockError;
    use logtap_capture::session::SessionError;
    let kind =
        match &error {
            ReceiverError::Bind { .. } => Kind::Network,
            ReceiverError::Tls(_) => Kind::Usage,
            ReceiverError::Session(SessionError::CapTooSmall(_)) => Kind::Usage,
            ReceiverError::Session(
                SessionError::Io { source, .. } | SessionError::Lock(LockError::Io { source, .. }),
            ) if source.kind() == std::io::ErrorKind::PermissionDenied => Kind::Permission,
            _ => Kind::Internal,
        };
    let hint = match &error {
        ReceiverError::Bind { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
            Some("another process has this port; choose another with --listen 127.0.0.1:PORT")
        }
        ReceiverError::Session(SessionError::Lock(LockError::InUse(_))) => {
            Some("stop that receiver, or choose another directory with --dir")
        }
        _ => None,
    };
    let made = CliError::new(kind, error.to_string());
    match hint {
        Some(hint) => made.hint(hint),
        None => made,
    }
}

/// Every open connection is a descriptor; the usual soft limit of 1,024 is too low for a cluster.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!("the limit of open files stays: {error}");
    }
}

fn start_logging(headless: bool) {
    let default = if headless { "info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("LOGTAP_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    if builder.try_init().is_err() {
        tracing::debug!("logging was set up before");
    }
}

/// INT, TERM and HUP (the terminal was closed) go one phase further each time.
fn listen_to_signals(trigger: Trigger) -> std::io::Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind)?;
        let trigger = trigger.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                trigger.advance();
            }
        });
    }
    Ok(())
}

fn greet(running: &Running, redacting: bool, tls: bool, ui: &Ui) {
    let scheme = if tls { "https" } else { "http" };
    let repaired = &running.repaired;
    for (file, lines) in &repaired.resealed {
        ui.note(format!("repaired {file}: {lines} lines kept"));
    }
    for (file, bytes) in &repaired.cut {
        ui.note(format!("repaired {file}: {bytes} incomplete bytes at its end were cut"));
    }
    for file in &repaired.missing {
        ui.note(format!("warning: {file} is in the index but not in the directory"));
    }
    for (file, reason) in &repaired.failed {
        ui.note(format!("warning: {file} could not be repaired and stays as it is: {reason}"));
    }
    ui.note(format!("listening on {scheme}://{}", running.address));
    if !running.address.ip().is_loopback() && !tls {
        ui.note("warning: anyone who reaches this address can send logs in clear text; consider --tls-cert, --tls-key and --auth-token-file");
    }
    if !redacting {
        ui.note("redaction is off (--redact turns it on)");
    }
}

fn report(summary: &Summary, ui: &Ui) {
    let counts = &summary.counts;
    let sum = |name: &str, by_reason: &std::collections::BTreeMap<&'static str, u64>| {
        let total: u64 = by_reason.values().sum();
        let reasons: Vec<String> = by_reason.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
        if reasons.is_empty() { format!("{total} {name}") } else { format!("{total} {name} ({})", reasons.join(", ")) }
    };
    ui.note(format!(
        "received {} lines = {} written + {} + {}",
        counts.received,
        counts.written,
        sum("dropped", &counts.dropped),
        sum("rejected", &counts.rejected),
    ));
    if let Some(evicted) = &summary.metadata.evicted {
        ui.note(format!("evicted {} lines in {} files to stay under the cap", evicted.lines, evicted.files));
    }
    ui.note(format!("capture: {}", summary.dir.display()));
}
