//! The way from this machine to the API server, which can be cut and stalled.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logtap_cluster_tests::{kubectl, until};
use serde_json::Value;

/// A proxy with a kubeconfig that leads through it.
pub(crate) struct Link {
    state: Arc<State>,
    config: tempfile::NamedTempFile,
}

struct State {
    server: SocketAddr,
    open: Mutex<Vec<TcpStream>>,
    stalled: AtomicBool,
    thin: AtomicBool,
    cuts: AtomicUsize,
}

impl Link {
    pub(crate) fn new() -> Self {
        let text = kubectl(&["config", "view", "--raw", "-o", "json"], "").unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        let cluster = &mut config["clusters"][0]["cluster"];
        let server = cluster["server"].as_str().unwrap().trim_start_matches("https://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        cluster["tls-server-name"] = server.split(':').next().unwrap().into();
        cluster["server"] = format!("https://{}", listener.local_addr().unwrap()).into();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config.to_string()).unwrap();
        let state = Arc::new(State {
            server: server.parse().unwrap(),
            open: Mutex::default(),
            stalled: AtomicBool::new(false),
            thin: AtomicBool::new(false),
            cuts: AtomicUsize::new(0),
        });
        let shared = state.clone();
        std::thread::Builder::new()
            .name("link".to_owned())
            .spawn(move || {
                for client in listener.incoming().map_while(Result::ok) {
                    shared.connect(&client);
                }
            })
            .unwrap();
        Self { state, config: file }
    }

    /// The kubeconfig.
    pub(crate) fn config(&self) -> &Path {
        self.config.path()
    }

    /// Cuts every connection that is open, as soon as there is one.
    pub(crate) fn cut(&self) {
        let before = self.cuts();
        until("a connection to cut", || {
            self.cut_open();
            if self.cuts() > before { Ok(()) } else { Err("none is open".to_owned()) }
        });
    }

    fn cut_open(&self) {
        for socket in std::mem::take(&mut *self.state.open.lock().unwrap()) {
            if socket.shutdown(Shutdown::Both).is_ok() {
                self.state.cuts.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// Connections cut so far, both ends counted.
    pub(crate) fn cuts(&self) -> usize {
        self.state.cuts.load(Ordering::SeqCst) / 2
    }

    /// Lets about 100 KB pass each second, or everything again.
    pub(crate) fn thin(&self, on: bool) {
        self.state.thin.store(on, Ordering::SeqCst);
    }

    /// Lets nothing pass, or everything again.
    pub(crate) fn stall(&self, on: bool) {
        self.state.stalled.store(on, Ordering::SeqCst);
    }
}

impl State {
    fn connect(self: &Arc<Self>, client: &TcpStream) {
        let Ok(server) = TcpStream::connect(self.server) else { return };
        for (from, to) in [(client, &server), (&server, client)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            self.open.lock().unwrap().push(from.try_clone().unwrap());
            let state = self.clone();
            std::thread::Builder::new().name("pipe".to_owned()).spawn(move || state.pipe(from, to)).unwrap();
        }
    }

    fn pipe(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            while self.stalled.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
            if self.thin.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(count as u64 / 100));
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        to.shutdown(Shutdown::Both).unwrap_or_default();
    }
}
