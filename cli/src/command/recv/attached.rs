//! `logtap recv` on a terminal: this process is the view, and the receiver is
//! another one, in a session of its own. Whatever happens to the view or its
//! terminal, receiving goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use logtap_capture::lock::Lock;
use logtap_capture::reader::Capture;
use logtap_view::run::{End, ViewError};
use logtap_view::state::Options;
use logtap_view::update::Leave;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::command::open;
use crate::config::Config;
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::output::{self, Ui};
use crate::state_dir;

/// Longest wait for the receiver to listen.
const START: Duration = Duration::from_secs(60);
/// Longest wait for a receiver to drain and seal; it gives up by itself before.
const STOP: Duration = Duration::from_secs(70);
const LOOK: Duration = Duration::from_millis(20);

/// The flags about view and receiver as two processes.
#[derive(Debug, Args)]
pub(super) struct AttachedArgs {
    /// Stop the receiver that writes to DIR: it drains, seals the capture and ends
    // Not `exclusive`: to clap, what the environment says counts as typed.
    #[arg(long, value_name = "DIR")]
    pub(super) stop: Option<PathBuf>,
    /// Receive in a session of its own, for a view that may go away
    #[arg(long, hide = true)]
    pub(super) own_session: bool,
}

/// Checks that nothing else was typed beside `--stop`.
///
/// # Errors
/// Names what was.
pub(crate) fn check_alone(definition: &clap::Command, typed: &ArgMatches) -> Result<(), CliError> {
    let Some((name @ "recv", typed)) = typed.subcommand() else { return Ok(()) };
    let on_line = |id: &str| typed.value_source(id) == Some(ValueSource::CommandLine);
    let flags = definition.find_subcommand(name).into_iter().flat_map(clap::Command::get_arguments);
    let mut beside = flags.filter(|flag| flag.get_id() != "stop" && on_line(flag.get_id().as_str()));
    match beside.find_map(clap::Arg::get_long) {
        Some(other) if on_line("stop") => {
            Err(CliError::usage(format!("--stop stands alone; --{other} has nothing to do there")))
        }
        _ => Ok(()),
    }
}

/// True if a person can look at a view here.
pub(super) fn can_show() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// Leaves the session of the terminal: its signals are for the view.
pub(super) fn leave_session() {
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!("the session stays: {error}");
    }
}

/// Starts the receiver, shows its capture, and ends as the receiver ends, unless the person detaches.
pub(super) fn run(dir: &Path, ui: &Ui) -> Result<Exit, CliError> {
    // Before there is a receiver that an error would leave behind.
    let keymap = Config::usable()?.keymap;
    let (log, mut child) = start()?;
    let listen = match wait_until_it_listens(dir, &log, &mut child)? {
        Ok(listen) => listen,
        Err(status) => {
            say_log(&log, 0);
            return Ok(exit_of(status));
        }
    };
    let options = Options { listen, owner: true, utc: true, keymap, ..Options::default() };
    let over = || matches!(child.try_wait(), Ok(Some(_)));
    let shown = Capture::open(dir).map_err(ViewError::from).and_then(|capture| {
        let keep = open::keeping(&capture);
        logtap_view::run::run(capture, options, None, over, keep)
    });
    let said = std::fs::metadata(&log).map_or(0, |data| data.len());
    match shown {
        Ok(End::Left(Leave::Detach) | End::HungUp) => {
            ui.note(format_args!(
                "receiving goes on; `logtap open {0}` comes back, `logtap recv --stop {0}` ends it",
                dir.display()
            ));
            return Ok(Exit::Success);
        }
        Ok(End::Left(Leave::Stop | Leave::Quit)) => send(child.id(), Signal::TERM),
        Ok(End::Signalled(SIGINT)) => send(child.id(), Signal::INT),
        Ok(End::Signalled(_)) => send(child.id(), Signal::TERM),
        Ok(End::Over) => {}
        Err(error @ ViewError::Panic(_)) => {
            return Err(open::failed(error)
                .hint(format!("receiving goes on: `logtap open {}` shows it again", dir.display()))
                .hint(format!("`logtap recv --stop {}` ends it", dir.display())));
        }
        Err(error) => {
            send(child.id(), Signal::TERM);
            wait(&mut child)?;
            return Err(open::failed(error));
        }
    }
    let status = wait(&mut child)?;
    say_log(&log, said);
    // It is of use only where something went wrong.
    if status.success() && std::fs::remove_file(&log).is_err() {
        tracing::debug!("{} stays", log.display());
    }
    Ok(exit_of(status))
}

fn start() -> Result<(PathBuf, Child), CliError> {
    let folder = state_dir::path()?.join("receivers");
    state_dir::make(&folder).map_err(|error| CliError::at(&folder, &error))?;
    let now = logtap_capture::time::format_compact(logtap_capture::time::now());
    let log = folder.join(format!("{now}-{}.log", std::process::id()));
    let file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&log);
    let file = file.map_err(|error| CliError::at(&log, &error))?;
    let failed = |error: io::Error| CliError::new(Kind::Internal, format!("cannot start the receiver: {error}"));
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(std::env::args_os().skip(1)).args(["--headless", "--own-session"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
    let child = command.spawn().map_err(failed)?;
    Ok((log, child))
}

/// The address it listens on, or how it ended instead.
fn wait_until_it_listens(
    dir: &Path,
    log: &Path,
    child: &mut Child,
) -> Result<Result<Option<String>, ExitStatus>, CliError> {
    let until = Instant::now() + START;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Err(status));
        }
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let listens = text.lines().find_map(|line| line.split_once("listening on "));
        if let Some((_, address)) = listens
            && Lock::holder(dir) == Some(child.id())
        {
            return Ok(Ok(Some(address.to_owned())));
        }
        if Instant::now() > until {
            send(child.id(), Signal::TERM);
            let message = format!("the receiver does not listen after {} s", START.as_secs());
            return Err(CliError::new(Kind::Internal, message).hint(format!("{} says why", log.display())));
        }
        std::thread::sleep(LOOK);
    }
}

fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if pid.is_none_or(|pid| kill_process(pid, signal).is_err()) {
        tracing::debug!("the receiver has ended already");
    }
}

/// Waits for the receiver's end and passes further signals on to it.
fn wait(child: &mut Child) -> Result<ExitStatus, CliError> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        for signal in signals.pending() {
            send(child.id(), if signal == SIGINT { Signal::INT } else { Signal::TERM });
        }
        std::thread::sleep(LOOK);
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    match status.code() {
        Some(0) => Exit::Success,
        Some(2) => Exit::Usage,
        Some(3) => Exit::NotFound,
        Some(4) => Exit::Permission,
        Some(5) => Exit::Network,
        Some(6) => Exit::Findings,
        Some(_) => Exit::Internal,
        None => {
            output::say(&format!("logtap: the receiver was killed ({status}); the next start repairs the capture"));
            Exit::Internal
        }
    }
}

/// Says what the receiver wrote to its log behind an offset.
fn say_log(log: &Path, from: u64) {
    use std::io::{Read, Seek, SeekFrom};
    let mut text = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.read_to_end(&mut text)
    });
    if read.is_ok() {
        for line in String::from_utf8_lossy(&text).lines() {
            output::say(line);
        }
    }
}

/// Stops the receiver that writes to a capture and waits for its end.
///
/// # Errors
/// If there is none, or it does not end.
pub(crate) fn stop(dir: &Path, ui: &Ui) -> Result<(), CliError> {
    if !dir.is_dir() {
        return Err(CliError::new(Kind::NotFound, format!("{} does not exist", dir.display())));
    }
    let Some(pid) = Lock::holder(dir) else {
        return Err(if Lock::is_held(dir) {
            CliError::new(
                Kind::Internal,
                format!("the process that writes to {} does not tell its number", dir.display()),
            )
        } else {
            CliError::new(Kind::NotFound, format!("no receiver writes to {}", dir.display()))
        });
    };
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = process.map(|pid| kill_process(pid, Signal::TERM)) {
        let error = io::Error::from(error);
        let kind = if error.kind() == io::ErrorKind::PermissionDenied { Kind::Permission } else { Kind::Internal };
        return Err(CliError::new(kind, format!("cannot stop the receiver (process {pid}): {error}")));
    }
    let until = Instant::now() + STOP;
    while Lock::is_held(dir) {
        if Instant::now() > until {
            return Err(CliError::new(Kind::Internal, format!("the receiver (process {pid}) does not end")));
        }
        std::thread::sleep(LOOK);
    }
    ui.note(format_args!("stopped; capture: {}", dir.display()));
    Ok(())
}
