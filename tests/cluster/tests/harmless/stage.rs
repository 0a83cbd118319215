//! The apps that work in turn, and the receivers of those that have a forwarder.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use logtap_cluster_tests::idle::Idle;
use logtap_cluster_tests::processes::{forwarder_of, signal};
use logtap_cluster_tests::{Answer, Fake, LocalReceiver, Namespace, Writer, app_pod, bare_pod, injected, until};
use logtap_inject::Config;
use logtap_inject::vocabulary::{annotation, sidecar};

/// Lines that an app writes a second, and steps of work for each: a tenth of a core.
const PER_SECOND: &str = "1000";
const WORK: &str = "60000";
/// Lines by which the smallest spool is full: 6 MB.
const FILL: &str = "20000";
/// How long a slow receiver takes for each request.
const SLOW: Duration = Duration::from_secs(2);
/// Time for all pods to start in.
const START: Duration = Duration::from_secs(20);

/// An app, by what is beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum App {
    /// No forwarder; for source `api` somebody follows the log with `kubectl logs -f`.
    Plain,
    /// The same.
    AlsoPlain,
    /// The same, and it is stopped for 5 ms ten times a second.
    Stopped,
    /// A forwarder whose receiver is well, slow, away, or full and its spool too.
    Well,
    Slow,
    Away,
    Full,
}

/// What an app measured in one slot. Times are in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) lines: f64,
    pub(crate) mean: f64,
    pub(crate) high: f64,
    /// Percent of the machine.
    pub(crate) idle: f64,
}

pub(crate) struct Stage {
    namespace: Namespace,
    writer: Writer,
    slots: BTreeMap<App, Vec<u64>>,
    begins: SystemTime,
    writing: Duration,
    uids: BTreeMap<App, String>,
    started: SystemTime,
    stopper: Child,
    readers: Vec<Child>,
    _receiver: LocalReceiver,
    _fakes: [Fake; 2],
}

impl App {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    fn is_tapped(self) -> bool {
        matches!(self, Self::Well | Self::Slow | Self::Away | Self::Full)
    }
}

impl Stage {
    /// Starts an app of each kind. They work so long at a time, each when its `slots` begin: milliseconds
    /// after the beginning.
    pub(crate) fn new(source: &str, slots: BTreeMap<App, Vec<u64>>, writing: Duration) -> Self {
        let namespace = Namespace::new("harmless", "privileged");
        namespace.grant();
        let writer = Writer::build();
        let mut receiver = LocalReceiver::new();
        receiver.start();
        let slow = Fake::plain(|_| {
            sleep(SLOW);
            Answer::Say(204, "text/plain", Vec::new())
        });
        let full = Fake::plain(|_| Answer::Say(429, "text/plain", b"the disk is full".to_vec()));
        let (started, begins) = (SystemTime::now(), SystemTime::now() + START);
        for (app, slots) in &slots {
            let name = app.name();
            let first = if *app == App::Full { FILL } else { "0" };
            let begins = begins.duration_since(UNIX_EPOCH).unwrap().as_millis().to_string();
            let slots: Vec<String> = slots.iter().map(u64::to_string).collect();
            let (file, writing, slots) = (format!("/writer/{name}"), writing.as_millis().to_string(), slots.join(","));
            let arguments = ["paced", &file, first, &begins, &writing, PER_SECOND, WORK, &slots];
            if !app.is_tapped() {
                namespace.create(&writer.run_in(bare_pod(&name, ""), &arguments));
                continue;
            }
            let target = match app {
                App::Slow => slow.url(),
                // A port where nobody listens.
                App::Away => LocalReceiver::new().url(),
                App::Full => full.url(),
                _ => receiver.url(),
            };
            let mut pod = app_pod(&namespace, &name, "");
            pod["metadata"]["annotations"][annotation::TARGET] = target.into();
            pod["metadata"]["annotations"][annotation::SOURCE] = source.into();
            if *app == App::Full {
                pod["metadata"]["annotations"][annotation::SPOOL] = "1Mi".into();
            }
            namespace.create(&injected(&namespace, writer.run_in(pod, &arguments), &Config::default()));
        }
        let uid = |app: &App| {
            let uid = until("the pod runs", || {
                let pod = namespace.get("pod", &app.name())?;
                let uid = pod["metadata"]["uid"].as_str().filter(|_| pod["status"]["phase"] == "Running");
                uid.map(str::to_owned).ok_or_else(|| pod["status"].to_string())
            });
            (*app, uid)
        };
        let uids: BTreeMap<App, String> = slots.keys().map(uid).collect();
        assert!(SystemTime::now() < begins, "all apps started in time");
        let stopper = stop_now_and_then(&uids[&App::Stopped]);
        // What source `api` has the kubelet do is what everybody has it do who follows the log.
        let followed = slots.keys().filter(|app| source == "api" && !app.is_tapped());
        let readers = followed.map(|app| namespace.follow(&app.name())).collect();
        Self {
            namespace,
            writer,
            slots,
            begins,
            writing,
            uids,
            started,
            stopper,
            readers,
            _receiver: receiver,
            _fakes: [slow, full],
        }
    }

    /// What each app measured in its slots, once all of them are over.
    pub(crate) fn measure(mut self) -> BTreeMap<App, Vec<Measured>> {
        let idle = Idle::watch();
        self.say("before");
        let last = *self.slots.values().flatten().max().unwrap();
        let ends = self.begins + Duration::from_millis(last) + self.writing;
        sleep(ends.duration_since(SystemTime::now()).unwrap() + Duration::from_secs(1));
        self.say("after");
        for child in self.readers.iter_mut().chain([&mut self.stopper]) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let watched = idle.end();
        let read = |app: &App| {
            let text = self.writer.file(&app.name());
            let slots = text.lines().map(|line| {
                let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
                let from = self.begins + Duration::from_secs_f64(numbers[0] / 1e3);
                let idle = watched.share(from, from + self.writing);
                Measured { lines: numbers[1], mean: numbers[2] / 1e3, high: numbers[4] / 1e3, idle }
            });
            let all: Vec<Measured> = slots.collect();
            assert_eq!(all.len(), self.slots[app].len(), "{app:?} worked in all its slots");
            (*app, all)
        };
        self.uids.keys().map(read).collect()
    }

    /// Prints the figures of all forwarders.
    fn say(&self, when: &str) {
        for (app, uid) in self.uids.iter().filter(|(app, _)| app.is_tapped()) {
            let number = |line: &str, words: &str| {
                let before = line.split(words).next()?.trim_end().rsplit(' ').next()?;
                before.parse::<f64>().ok()
            };
            let before = self.figures(*app).len();
            let said = until("the figures", || {
                assert!(signal(&forwarder_of(uid).unwrap(), "USR1"));
                let all = self.figures(*app);
                let line = all.get(before..).and_then(<[String]>::last).ok_or("nothing was said")?.clone();
                let is_full = number(&line, "bytes wait").is_some_and(|bytes| bytes >= 1e6);
                if is_full || *app != App::Full { Ok(line) } else { Err(format!("the spool is not full: {line}")) }
            });
            let minutes = self.started.elapsed().unwrap().as_secs_f64() / 60.0;
            println!("{app:?}, {when}, {minutes:.1} minutes old: {said}");
            let asked = number(&said, "requests to the API server").unwrap();
            if when == "after" {
                println!("{app:?}: {:.1} requests to the API server a minute, its first one too", asked / minutes);
            }
        }
    }

    fn figures(&self, app: App) -> Vec<String> {
        let log = self.namespace.logs(&app.name(), sidecar::CONTAINER).unwrap_or_default();
        log.lines().filter(|line| line.contains("bytes wait")).map(str::to_owned).collect()
    }
}

/// The process of a pod's app.
fn app_of(uid: &str) -> PathBuf {
    let names = [format!("pod{uid}"), format!("pod{}", uid.replace('-', "_"))];
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let mut ours = all.filter(|process| {
        fs::read(process.join("cmdline")).is_ok_and(|line| line.starts_with(b"/writer/writer"))
            && fs::read_to_string(process.join("cgroup"))
                .is_ok_and(|groups| names.iter().any(|name| groups.contains(name)))
    });
    ours.next().unwrap()
}

/// Stops an app for 5 ms of each 100 ms, until it is killed itself.
fn stop_now_and_then(uid: &str) -> Child {
    let process = app_of(uid);
    let pid = process.file_name().unwrap().to_str().unwrap();
    // A read that nothing answers waits without a process of its own.
    let script = "exec 9<> <(:); while kill -STOP $0 2>/dev/null; do read -rt 0.005 -u 9; kill -CONT $0; \
                  read -rt 0.095 -u 9; done";
    Command::new("bash").args(["-c", script, pid]).stdin(Stdio::null()).spawn().unwrap()
}
