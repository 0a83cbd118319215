//! From start to end: find the containers, follow each, deliver, and stop in time.

use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use crate::config::{Config, Selection};
use crate::delivery::{Delivery, Pusher};
use crate::report::Report;
use crate::source::{Api, Container, Follower, Piece};

/// How long sources may go on reading once the process has to end.
const READING: Duration = Duration::from_millis(3000);
/// How long the process goes on at all then.
const ENDING: Duration = Duration::from_millis(4500);
/// Pieces between sources and delivery. A piece holds at most one read from a connection and one
/// piece of a line, so that the channel holds at most a few MiB.
const CHANNEL: usize = 8;
/// Shortest and longest pause before the pod is asked for again.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The pause once the process has to end.
const LAST_PAUSE: Duration = Duration::from_millis(250);

/// Runs until SIGTERM or SIGINT, or until the app is over where the process has to end by itself.
pub(crate) async fn run(config: Config, report: Rc<Report>) -> Result<(), Box<dyn Error>> {
    report.say(&format!("reading pod {}/{} for {}", config.namespace, config.pod, config.target));
    if config.wants_node {
        report.say("source node is not read by this version; reading through the API server instead");
    }
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (stop, stopped) = watch::channel(false);
    let signals = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.send_replace(true);
    };
    let (host, port) = config.api;
    let (namespace, pod) = (config.namespace, config.pod);
    let api = Rc::new(Api { host, port, identity: config.identity.clone(), namespace, pod });
    let ends_by_itself = config.ends_by_itself;
    let sources = Sources { api, selection: config.selection, stopped: stopped.clone(), report: Rc::clone(&report) };
    let pusher = Pusher::new(config.target, config.identity, stopped.clone(), Rc::clone(&report));
    let delivery = Delivery::new(pusher, config.labels, Rc::clone(&report));
    let work = async {
        work(sources, delivery, stopped.clone(), ends_by_itself.then_some(&stop)).await;
        if !ends_by_itself {
            // A native sidecar that ends by itself is started again, and would read everything again.
            after(stopped.clone(), Duration::ZERO).await;
        }
    };
    let all = async {
        tokio::pin!(work);
        tokio::select! {
            () = &mut work => {}
            () = signals => work.await,
        }
    };
    LocalSet::new().run_until(all).await;
    Ok(())
}

/// Reads and delivers until there is nothing more, or no more time.
async fn work(
    sources: Sources,
    mut delivery: Delivery,
    stopped: watch::Receiver<bool>,
    stop: Option<&watch::Sender<bool>>,
) {
    let report = Rc::clone(&sources.report);
    let (out, mut pieces) = mpsc::channel(CHANNEL);
    let reading = async {
        tokio::select! {
            () = sources.read(out, stop) => {}
            () = after(stopped.clone(), READING) => {}
        }
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(reading, delivery.run(&mut pieces)) } => {}
        () = after(stopped.clone(), ENDING) => {}
    }
    let figures = delivery.figures();
    let mut unsent = figures.waiting;
    while let Ok(piece) = pieces.try_recv() {
        unsent += piece.records.len() as u64;
    }
    report.say(&format!("{} lines sent, {} refused, {unsent} read and not sent", figures.sent, figures.refused));
}

/// All that is read.
struct Sources {
    api: Rc<Api>,
    selection: Selection,
    stopped: watch::Receiver<bool>,
    report: Rc<Report>,
}

impl Sources {
    /// Reads all containers. The app's come first: where `stop` is given, the others end with them.
    /// Dropped before the end, it aborts what still reads, which closes the channel.
    async fn read(self, out: mpsc::Sender<Piece>, stop: Option<&watch::Sender<bool>>) {
        let (apps, others): (Vec<Container>, Vec<Container>) =
            self.containers().await.into_iter().partition(|container| container.is_app);
        let (mut apps, mut others) = (self.follow(apps, &out), self.follow(others, &out));
        drop(out);
        while apps.join_next().await.is_some() {}
        if let Some(stop) = stop {
            stop.send_replace(true);
        }
        while others.join_next().await.is_some() {}
    }

    /// The containers to read, as soon as the API server tells. A short-lived app may be over before
    /// the right to read it is granted, so this goes on when the process has to end.
    async fn containers(&self) -> Vec<Container> {
        let mut stopped = self.stopped.clone();
        let mut pause = PAUSE.0;
        loop {
            match self.api.pod().await {
                Ok(pod) => {
                    return pod.containers().into_iter().filter(|one| self.selection.takes(&one.name)).collect();
                }
                Err(error) => self.report.seldom(error.kind(), &error.to_string()),
            }
            if *stopped.borrow() {
                sleep(LAST_PAUSE).await;
                continue;
            }
            tokio::select! {
                () = sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)) => {}
                // An error means that nobody can stop us any more: the process ends.
                _ = stopped.changed() => {}
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn follow(&self, containers: Vec<Container>, out: &mpsc::Sender<Piece>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for container in containers {
            let follower = Follower {
                api: Rc::clone(&self.api),
                container,
                out: out.clone(),
                stop: self.stopped.clone(),
                report: Rc::clone(&self.report),
            };
            tasks.spawn_local(follower.run());
        }
        tasks
    }
}

/// Waits for the stop, and then for `time`.
async fn after(mut stopped: watch::Receiver<bool>, time: Duration) {
    // An error means that nobody can stop us any more: the process ends.
    if stopped.wait_for(|stopped| *stopped).await.is_ok() {
        sleep(time).await;
    }
}
