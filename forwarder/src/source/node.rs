//! Reads the kubelet's own files of this pod: exact positions, files that were put aside, earlier
//! lives, and both outputs told apart, without asking the API server. One task per container.

mod cri;
mod file;
mod folder;
mod lost;
mod position;
mod tail;

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};

use super::api::{Pod, Pods};
use crate::config::Selection;
use crate::intake::Intake;
use crate::report::Report;
use tail::{Step, Tail};

/// How often files are looked at that had no more.
const POLL: Duration = Duration::from_millis(150);
/// How often new containers are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is asked whether the app is over, where that decides and a Job waits for it: while lines
/// come, once they have stopped, and when that is long ago.
const ASK: [Duration; 3] = [Duration::from_secs(2), Duration::from_millis(300), Duration::from_secs(1)];
/// When it is long ago.
const LONG_AGO: Duration = Duration::from_secs(10);
/// How long a file that was put aside has to rest before it counts as finished.
const SETTLE: Duration = Duration::from_millis(400);
/// How often it is noted which files are there, whether or not there is room to read them. The kubelet puts files aside every ten
/// seconds at most.
const WATCH: Duration = Duration::from_secs(3);

/// All containers of our pod.
pub(crate) struct Sources {
    /// One folder per container.
    pub(crate) dir: PathBuf,
    pub(crate) pods: Rc<Pods>,
    pub(crate) selection: Selection,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) intake: Rc<Intake>,
    pub(crate) report: Rc<Report>,
}

impl Sources {
    /// Reads all containers to their end, which is when the process has to end. Where `stop` is given,
    /// that is when the app's containers are over.
    pub(crate) async fn read(self, stop: Option<&watch::Sender<bool>>) {
        let (mut known, mut tasks) = (Vec::new(), JoinSet::new());
        let mut stopped = self.stopped.clone();
        let ends = async {
            match stop {
                Some(stop) => {
                    self.app_is_over().await;
                    stop.send_replace(true);
                }
                None => std::future::pending().await,
            }
        };
        tokio::pin!(ends);
        loop {
            let is_last = *stopped.borrow();
            self.spawn_new(&mut known, &mut tasks);
            if is_last {
                break;
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = &mut ends => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    fn spawn_new(&self, known: &mut Vec<String>, tasks: &mut JoinSet<()>) {
        let all = match std::fs::read_dir(&self.dir) {
            Ok(all) => all,
            Err(error) => {
                let text = format!("cannot read the kubelet's files in {}: {error}; trying again", self.dir.display());
                return self.report.seldom("folder", &text);
            }
        };
        for name in all.flatten().filter_map(|one| one.file_name().into_string().ok()) {
            if self.selection.takes(&name) && !known.contains(&name) {
                known.push(name.clone());
                let tail = Tail::new(self.dir.join(&name), name.clone(), SETTLE, &self.intake);
                tasks.spawn_local(follow(
                    tail,
                    name,
                    Rc::clone(&self.intake),
                    self.stopped.clone(),
                    Rc::clone(&self.report),
                ));
            }
        }
    }

    async fn app_is_over(&self) {
        let (mut quiet, mut asked) = (Duration::ZERO, None::<Instant>);
        loop {
            let [busy, soon, rarely] = ASK;
            let due = if quiet.is_zero() {
                busy
            } else if quiet < LONG_AGO {
                soon
            } else {
                rarely
            };
            if asked.is_none_or(|asked| asked.elapsed() >= due) {
                asked = Some(Instant::now());
                match self.pods.fresh(Duration::ZERO).await {
                    Ok(pod) if self.is_over(&pod) => return,
                    // Nobody is asked for nothing.
                    Ok(pod) if !pod.may_end() => return std::future::pending().await,
                    Ok(_) => {}
                    Err(error) => self.report.seldom(error.kind(), &error.to_string()),
                }
            }
            let before = self.intake.figures.read.get();
            sleep(soon).await;
            quiet = if self.intake.figures.read.get() == before { quiet + soon } else { Duration::ZERO };
        }
    }

    fn is_over(&self, pod: &Pod) -> bool {
        let mut apps = pod.containers().into_iter().filter(|one| one.is_app).peekable();
        apps.peek().is_some() && apps.all(|one| !self.selection.takes(&one.name) || pod.is_over(&one.name))
    }
}

/// Reads one container until the process has to end, and then to its end.
async fn follow(mut tail: Tail, name: String, intake: Rc<Intake>, mut stop: watch::Receiver<bool>, report: Rc<Report>) {
    let complain = |error: std::io::Error| report.seldom("file", &format!("container {name}: {error}; trying again"));
    let (mut quiet, mut looked) = (0, Instant::now());
    // A last look, and one more for what a runtime writes late.
    while quiet < 3 {
        let stopping = *stop.borrow();
        if looked.elapsed() >= WATCH {
            looked = Instant::now();
            tail.look().unwrap_or_else(complain);
        }
        if !intake.has_room() && !stopping {
            timeout(WATCH, intake.room()).await.unwrap_or_default();
            continue;
        }
        if stopping {
            intake.room().await;
        }
        match tail.step(&intake) {
            Ok(Step::More) => {
                quiet = 0;
                yield_now().await;
                continue;
            }
            Ok(Step::Idle) => {}
            Err(error) => complain(error),
        }
        if stopping {
            quiet += 1;
            sleep(POLL).await;
        } else {
            tokio::select! {
                () = sleep(POLL) => {}
                _ = stop.wait_for(|stopped| *stopped) => {}
            }
        }
    }
    tail.finish(&intake);
}

/// A line of a file is in the known form, with its text at its end, or it is not; a position is read
/// as it was written.
#[cfg(feature = "fuzz")]
pub fn fuzz(data: &[u8]) {
    for line in data.split(|byte| *byte == b'\n') {
        if let Some(found) = cri::parse(line) {
            assert!(line.ends_with(found.text));
        }
    }
    let position = position::Position::decode(data);
    assert_eq!(position::Position::decode(&position.encode()), position);
}
