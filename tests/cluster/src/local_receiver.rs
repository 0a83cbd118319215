//! `logtap recv` as a process of the test, on the node's address: it can be killed and come back on the
//! same port, something else can stand there meanwhile, and its capture is at hand.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::command::logtap_binary;
use crate::node::ADDRESS;
use crate::processes::folder;
use crate::verdict::{self, Captured};

/// Time between two looks at the capture, all of which is read each time.
const LOOK: Duration = Duration::from_secs(1);

/// A receiver and its capture, which goes with it.
#[derive(Debug)]
pub struct LocalReceiver {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl LocalReceiver {
    /// One that does not run yet, with a port that nobody else has.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("recv").tempdir_in(folder()).expect("the folder is ours");
        let free = TcpListener::bind((ADDRESS, 0)).and_then(|free| free.local_addr());
        Self { folder, port: free.expect("the test runs in the cluster's network").port(), child: None }
    }

    /// Where it listens whenever it runs.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{ADDRESS}:{}", self.port)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Begins to run, on the capture that there is.
    ///
    /// # Panics
    /// When it cannot.
    pub fn start(&mut self) {
        let log = OpenOptions::new().create(true).append(true).open(self.folder.path().join("recv.log"));
        let child = Command::new(logtap_binary())
            .args(["recv", "--headless", "--listen", &format!("{ADDRESS}:{}", self.port), "--dir"])
            .arg(self.capture())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("the folder is ours"))
            .spawn();
        self.child = Some(child.expect("logtap is built beside the tests: tests/run cluster does it"));
    }

    /// Ends it at once, if it runs.
    ///
    /// # Panics
    /// When it cannot be ended.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it is ours");
            child.wait().expect("it was started");
        }
    }

    /// The sum of a counter in its metrics; 0 while it has none.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn counter(&self, name: &str) -> u64 {
        let mut stream = TcpStream::connect((ADDRESS, self.port)).expect("it runs");
        let mut text = String::new();
        let asked = stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").and_then(|()| stream.read_to_string(&mut text));
        asked.expect("it answers");
        let value = |line: &str| line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' '])).map(str::to_owned);
        let values = text.lines().filter_map(value);
        values.filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
    }

    /// What is in the capture now, by `pod/container`; nothing where there is none yet.
    #[must_use]
    pub fn captured(&self) -> BTreeMap<String, Captured> {
        let capture = self.capture();
        if capture.is_dir() { verdict::read(&capture) } else { BTreeMap::new() }
    }

    /// The capture, once it is as `enough` wants it; as it is when the time is over.
    pub fn captured_until(
        &self,
        time: Duration,
        enough: impl Fn(&BTreeMap<String, Captured>) -> bool,
    ) -> BTreeMap<String, Captured> {
        let began = Instant::now();
        loop {
            let captured = self.captured();
            if enough(&captured) || began.elapsed() > time {
                return captured;
            }
            sleep(LOOK);
        }
    }

    fn capture(&self) -> PathBuf {
        self.folder.path().join("capture")
    }
}

impl Default for LocalReceiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for LocalReceiver {
    fn drop(&mut self) {
        self.kill();
    }
}
