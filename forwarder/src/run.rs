//! From start to end: find the containers, read each, deliver, and stop in time.

use std::cell::Cell;
use std::error::Error;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use crate::config::{Config, NODE_LOGS_MOUNT, STATE_MOUNT};
use crate::delivery::{Delivery, Pusher};
use crate::figures::Figures;
use crate::intake::Intake;
use crate::journal::Journal;
use crate::report::Report;
use crate::source::{api, node};

/// How long sources may go on reading once the process has to end.
const READING: Duration = Duration::from_millis(2500);
/// How long requests are sent then.
const SENDING: Duration = Duration::from_millis(3800);
/// How long the target may take to hear what it does not get.
const DECLARING: Duration = Duration::from_millis(700);
/// The journal's folder in the mounted one.
const JOURNAL: &str = "journal";
/// Names the node's present run.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Runs until SIGTERM or SIGINT, or until the app is over where the process has to end by itself.
pub(crate) async fn run(config: Config, report: Rc<Report>) -> Result<(), Box<dyn Error>> {
    let from = if config.from_node { "the kubelet's files" } else { "the API server" };
    report.say(&format!("reading pod {}/{} from {from} for {}", config.namespace, config.pod, config.target));
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut asked = signal(SignalKind::user_defined1())?;
    let (stop, stopped) = watch::channel(false);
    let figures = Rc::new(Figures::default());
    let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned();
    let journal = Journal::open(&Path::new(STATE_MOUNT).join(JOURNAL), boot, config.spool, Rc::clone(&report));
    let intake = Rc::new(Intake::new(journal, config.labels, Rc::clone(&figures)));
    let (host, port) = config.api;
    let (namespace, pod, identity) = (config.namespace, config.pod, config.identity.clone());
    let api = api::Api { host, port, identity, namespace, pod, figures: Rc::clone(&figures) };
    let pods = Rc::new(api::Pods::new(Rc::new(api)));
    let ends_by_itself = config.ends_by_itself;
    let sources = Sources {
        node: config.from_node.then(|| node::Sources {
            dir: NODE_LOGS_MOUNT.into(),
            pods: Rc::clone(&pods),
            selection: config.selection.clone(),
            stopped: stopped.clone(),
            intake: Rc::clone(&intake),
            report: Rc::clone(&report),
        }),
        api: api::Sources {
            pods,
            selection: config.selection,
            stopped: stopped.clone(),
            intake: Rc::clone(&intake),
            report: Rc::clone(&report),
        },
    };
    let pusher = Pusher::new(config.target, config.identity, stopped.clone(), Rc::clone(&report), figures);
    let delivery = Delivery::new(pusher, Rc::clone(&intake), Rc::clone(&report));
    let signals = async {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = asked.recv() => report.say(&status(&intake)),
            }
        }
        stop.send_replace(true);
        std::future::pending::<()>().await;
    };
    let work = async {
        work(sources, delivery, &intake, stopped.clone(), ends_by_itself.then_some(&stop)).await;
        let end = format!("{} lines sent, {} refused", intake.figures.sent.get(), intake.figures.refused.get());
        let unsent: u64 = intake.unsent().iter().map(|share| share.lines).sum();
        report.say(&format!("{end}, {unsent} read and not sent"));
        if !ends_by_itself {
            // A native sidecar that ends by itself is started again.
            after(stopped.clone(), Duration::ZERO).await;
        }
    };
    let all = async {
        tokio::select! {
            () = work => {}
            () = signals => {}
            () = intake.aging() => {}
        }
    };
    LocalSet::new().run_until(all).await;
    Ok(())
}

/// Where lines come from.
struct Sources {
    node: Option<node::Sources>,
    api: api::Sources,
}

/// Reads and delivers until there is nothing more, or no more time.
async fn work(
    sources: Sources,
    mut delivery: Delivery,
    intake: &Intake,
    stopped: watch::Receiver<bool>,
    stop: Option<&watch::Sender<bool>>,
) {
    let complete = Cell::new(false);
    let reading = async {
        let read = async {
            match sources.node {
                Some(node) => node.read(stop).await,
                None => sources.api.read(stop).await,
            }
            complete.set(true);
        };
        tokio::select! {
            () = read => {}
            () = after(stopped.clone(), READING) => {}
        }
        intake.close();
    };
    let in_time = tokio::select! {
        ((), ()) = async { tokio::join!(reading, delivery.run()) } => true,
        () = after(stopped.clone(), SENDING) => false,
    };
    if !in_time {
        intake.close();
        // What was not told now is not told: there is no more time.
        timeout(DECLARING, delivery.declare(complete.get())).await.unwrap_or_default();
    }
}

/// The figures, in one line.
fn status(intake: &Intake) -> String {
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default().trim().to_owned();
    let (figures, waiting) = (&intake.figures, intake.waiting());
    format!("{figures}; {waiting} bytes wait; {} requests to the API server; {memory} at most", figures.asked.get())
}

/// Waits for the stop, and then for `time`.
async fn after(mut stopped: watch::Receiver<bool>, time: Duration) {
    // An error means that nobody can stop us any more: the process ends.
    if stopped.wait_for(|stopped| *stopped).await.is_ok() {
        sleep(time).await;
    }
}
