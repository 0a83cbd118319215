//! A receiver as a process of its own: started on a free port, watched, signalled, killed.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process};

pub use rustix::process::Signal;

/// Longest wait for the line that names the port.
const START: Duration = Duration::from_secs(20);

/// The program to test: `LOGTAP_BIN`, or `logtap` in the folder of the running test's target.
#[must_use]
pub fn logtap_bin() -> PathBuf {
    if let Some(path) = std::env::var_os("LOGTAP_BIN") {
        return path.into();
    }
    let exe = std::env::current_exe().unwrap_or_default();
    let folder = exe.ancestors().skip(1).find(|dir| dir.file_name().is_some_and(|name| name != "deps"));
    folder.unwrap_or(Path::new(".")).join("logtap")
}

/// A running receiver. Killed when dropped.
#[derive(Debug)]
pub struct Recv {
    child: Child,
    addr: SocketAddr,
    stderr: Arc<Mutex<String>>,
    stdout: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    status: Option<ExitStatus>,
}

impl Recv {
    /// Starts `logtap recv --dir DIR --listen 127.0.0.1:0 --headless` with more arguments and waits
    /// until it names its port.
    ///
    /// # Errors
    /// When it cannot be started, ends at once, or names no port in 20 s; the message then holds
    /// what it wrote to stderr.
    pub fn start(dir: &Path, args: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(logtap_bin());
        command.arg("recv").arg("--dir").arg(dir);
        command.args(["--listen", "127.0.0.1:0", "--headless"]).args(args);
        Self::spawn(command)
    }

    /// Starts any command that names its port on stderr, such as a receiver inside a wrapper.
    ///
    /// # Errors
    /// As [`Recv::start`].
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        let name: OsString = command.get_program().to_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot start {}: {error}", name.to_string_lossy()))
        })?;
        let (found, port) = mpsc::channel();
        let (stderr, stdout) = (Arc::default(), Arc::default());
        let mut readers = Vec::new();
        if let Some(pipe) = child.stderr.take() {
            readers.push(follow(pipe, Arc::clone(&stderr), Some(found))?);
        }
        if let Some(pipe) = child.stdout.take() {
            readers.push(follow(pipe, Arc::clone(&stdout), None)?);
        }
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut recv = Self { child, addr: unknown, stderr, stdout, readers, status: None };
        recv.addr = recv.wait_for_port(&port)?;
        Ok(recv)
    }

    fn wait_for_port(&mut self, port: &Receiver<SocketAddr>) -> io::Result<SocketAddr> {
        port.recv_timeout(START).map_err(|error| {
            let why = match error {
                RecvTimeoutError::Timeout => "no port named in time",
                RecvTimeoutError::Disconnected => "ended without naming a port",
            };
            io::Error::other(format!("{why}; stderr: {}", self.stderr()))
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client for it.
    #[must_use]
    pub fn client(&self) -> crate::client::LokiClient {
        crate::client::LokiClient::new(self.addr)
    }

    /// What it wrote to stderr until now.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it wrote to stdout until now.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // An ended but unreaped child keeps its id, so this never hits another process.
        match (self.try_status()?, pid) {
            (None, Some(pid)) => Ok(kill_process(pid, signal)?),
            _ => Err(io::Error::other("the receiver has ended")),
        }
    }

    fn try_status(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// Waits for its end and for the rest of its output.
    ///
    /// # Errors
    /// `TimedOut` when it still runs after `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<ExitStatus> {
        let until = Instant::now() + timeout;
        loop {
            if let Some(status) = self.try_status()? {
                for reader in self.readers.drain(..) {
                    // A reader that panicked has nothing more to say.
                    drop(reader.join());
                }
                return Ok(status);
            }
            if Instant::now() >= until {
                let message = format!("still running; stderr: {}", self.stderr());
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Asks it to stop with TERM and waits.
    ///
    /// # Errors
    /// As [`Recv::signal`] and [`Recv::wait`].
    pub fn stop(&mut self, timeout: Duration) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait(timeout)
    }

    /// Kills it with KILL and waits.
    ///
    /// # Errors
    /// As [`Recv::signal`] and [`Recv::wait`].
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.wait(Duration::from_secs(10))
    }

    /// Largest resident size so far, in bytes, from `VmHWM`.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn peak_rss(&self) -> io::Result<u64> {
        self.status_field("VmHWM:")
    }

    /// Resident size now, in bytes, from `VmRSS`.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn rss(&self) -> io::Result<u64> {
        self.status_field("VmRSS:")
    }

    fn status_field(&self, name: &str) -> io::Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix("kB")?.trim().parse().ok())
            .map(|kib: u64| kib * 1024)
            .ok_or_else(|| io::Error::other(format!("no {name} of process {}", self.child.id())))
    }
}

impl Drop for Recv {
    fn drop(&mut self) {
        // Fails only for a process that has ended, which is what is wanted.
        drop(self.kill());
    }
}

/// Collects a pipe's text and reports the first loopback address in it.
fn follow(
    pipe: impl Read + Send + 'static,
    into: Arc<Mutex<String>>,
    mut found: Option<Sender<SocketAddr>>,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("output of receiver".to_owned()).spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line);
            into.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            if let Some(addr) = loopback(&text)
                && let Some(found) = found.take()
            {
                // Nobody waits any more once the start has timed out.
                found.send(addr).ok();
            }
            line.clear();
        }
    })
}

/// The first `127.0.0.1:PORT` or `[::1]:PORT` with a port other than 0.
fn loopback(text: &str) -> Option<SocketAddr> {
    ["127.0.0.1:", "[::1]:"].iter().find_map(|host| {
        let rest = &text[text.find(host)? + host.len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let addr: SocketAddr = format!("{host}{}", &rest[..digits]).parse().ok()?;
        (addr.port() > 0).then_some(addr)
    })
}

#[cfg(test)]
mod tests;
