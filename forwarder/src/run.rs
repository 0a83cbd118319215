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
const READING: Duration = Duration::from_millis(2500);
/// How long the process goes on at all then.
const ENDING: Duration = Duration::from_millis(4500);
/// Pieces between sources and delivery. A piece holds at most one read from a connection and one
/// piece of a line, so that the channel holds at most a few MiB.
const CHANNEL: usize = 8;
/// Shortest and longest pause before the pod is asked for again.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Runs until SIGTERM or SIGINT, or until the app is over where the process has to end by itself.
pub(crate) async fn run(config: Config, report: Rc<Report>) -> Result<(), Box<dyn Error>> {
    let (stop, stopped) = watch::channel(false);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let signals = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.send_replace(true);
    };
    let work = Work::new(config, Rc::clone(&report), stopped);
    LocalSet::new()
        .run_until(async {
            let work = work.run(&stop);
            tokio::pin!(work);
            tokio::select! {
                () = &mut work => {}
                () = signals => work.await,
            }
        })
        .await;
    Ok(())
}

/// Everything but the signals.
struct Work {
    api: Rc<Api>,
    selection: Selection,
    ends_by_itself: bool,
    delivery: Delivery,
    stopped: watch::Receiver<bool>,
    report: Rc<Report>,
}

impl Work {
    fn new(config: Config, report: Rc<Report>, stopped: watch::Receiver<bool>) -> Self {
        let target = config.target.to_string();
        report.say(&format!("reading pod {}/{} for {target}", config.namespace, config.pod));
        if config.wants_node {
            report.say("source node is not read by this version; reading through the API server instead");
        }
        let (host, port) = config.api;
        let (namespace, pod) = (config.namespace, config.pod);
        let api = Api { host, port, identity: config.identity.clone(), namespace, pod };
        let pusher = Pusher::new(config.target, config.identity, stopped.clone(), Rc::clone(&report));
        Self {
            api: Rc::new(api),
            selection: config.selection,
            ends_by_itself: config.ends_by_itself,
            delivery: Delivery::new(pusher, config.labels, Rc::clone(&report)),
            stopped,
            report,
        }
    }

    async fn run(mut self, stop: &watch::Sender<bool>) {
        let containers = self.containers().await;
        let (out, mut pieces) = mpsc::channel(CHANNEL);
        let (apps, others): (Vec<Container>, Vec<Container>) =
            containers.into_iter().partition(|container| container.is_app);
        let (apps, others) = (self.follow(apps, &out), self.follow(others, &out));
        drop(out);
        let (mut reading, mut ending) = (self.stopped.clone(), self.stopped.clone());
        let read = async {
            tokio::select! {
                () = join(apps, others, self.ends_by_itself.then_some(stop)) => {}
                () = after(&mut reading, READING) => {}
            }
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(read, self.delivery.run(&mut pieces)) } => {}
            () = after(&mut ending, ENDING) => {}
        }
        let figures = self.delivery.figures();
        let mut unsent = figures.waiting;
        while let Ok(piece) = pieces.try_recv() {
            unsent += piece.records.len() as u64;
        }
        self.report.say(&format!("{} lines sent, {} refused, {unsent} not sent", figures.sent, figures.refused));
        if !self.ends_by_itself {
            // A native sidecar that ends by itself is started again, and would read everything again.
            after(&mut ending, Duration::ZERO).await;
        }
    }

    /// The containers to read, as soon as the API server tells.
    async fn containers(&mut self) -> Vec<Container> {
        let mut pause = PAUSE.0;
        while !*self.stopped.borrow() {
            match self.api.pod().await {
                Ok(pod) => {
                    return pod.containers().into_iter().filter(|one| self.selection.takes(&one.name)).collect();
                }
                Err(error) => self.report.seldom(error.kind(), &error.to_string()),
            }
            tokio::select! {
                () = sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)) => {}
                // An error means that nobody can stop us any more: the process ends.
                _ = self.stopped.changed() => {}
            }
            pause = (pause * 2).min(PAUSE.1);
        }
        Vec::new()
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

/// Waits for all sources. The app's come first: where `stop` is given, the others end with them.
/// Dropped before that, it aborts what still reads, which closes the channel.
async fn join(mut apps: JoinSet<()>, mut others: JoinSet<()>, stop: Option<&watch::Sender<bool>>) {
    while apps.join_next().await.is_some() {}
    if let Some(stop) = stop {
        stop.send_replace(true);
    }
    while others.join_next().await.is_some() {}
}

/// Waits for the stop, and then for `time`.
async fn after(stopped: &mut watch::Receiver<bool>, time: Duration) {
    // An error means that nobody can stop us any more: the process ends.
    if stopped.wait_for(|stopped| *stopped).await.is_ok() {
        sleep(time).await;
    }
}
