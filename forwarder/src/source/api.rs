//! Reads containers' logs through the API server: one task per container that follows it and goes on
//! where it stopped when a stream ends.
//!
//! What the API serves is the present log file of the present life, and that of the life before. A
//! stream that ended is not complete: after each end the life before is asked for as well, and the
//! first line of the next stream tells whether lines are missing.

mod client;
mod cursor;
mod follower;
mod lag;
mod lines;
mod pod;
mod replay;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

pub(crate) use client::{Api, ApiError};
use follower::Follower;
pub(crate) use pod::{Container, Pod};

use crate::config::Selection;
use crate::intake::Intake;
use crate::report::Report;

/// How often new containers are looked for.
const LOOK: Duration = Duration::from_secs(30);
/// Shortest and longest pause before the pod is asked for again where that failed.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The pause once the process has to end.
const LAST_PAUSE: Duration = Duration::from_millis(250);

/// All containers of our pod.
pub(crate) struct Sources {
    pub(crate) pods: Rc<Pods>,
    pub(crate) selection: Selection,
    pub(crate) stopped: watch::Receiver<bool>,
    pub(crate) intake: Rc<Intake>,
    pub(crate) report: Rc<Report>,
}

/// Our pod as the API server knows it, asked for by several tasks and kept for a moment.
pub(crate) struct Pods {
    api: Rc<Api>,
    latest: RefCell<Option<(Instant, Rc<Pod>)>>,
}

impl Pods {
    pub(crate) fn new(api: Rc<Api>) -> Self {
        Self { api, latest: RefCell::default() }
    }

    /// The pod, not older than that.
    pub(crate) async fn fresh(&self, age: Duration) -> Result<Rc<Pod>, ApiError> {
        if let Some((at, pod)) = &*self.latest.borrow()
            && at.elapsed() <= age
        {
            return Ok(Rc::clone(pod));
        }
        let began = Instant::now();
        let pod = Rc::new(self.api.pod().await?);
        *self.latest.borrow_mut() = Some((began, Rc::clone(&pod)));
        Ok(pod)
    }
}

impl Sources {
    /// Reads all containers to their end. The app's decide: where `stop` is given, the others end with
    /// them. Whether everything was read; dropped before the end, it was not.
    pub(crate) async fn read(self, stop: Option<&watch::Sender<bool>>) {
        let (mut known, mut apps, mut others) = (Vec::new(), JoinSet::new(), JoinSet::new());
        let mut stopped = self.stopped.clone();
        loop {
            for container in self.containers(known.is_empty()).await {
                if self.selection.takes(&container.name) && !known.contains(&container.name) {
                    known.push(container.name.clone());
                    let tasks = if container.is_app { &mut apps } else { &mut others };
                    tasks.spawn_local(self.follower(container).run());
                }
            }
            tokio::select! {
                () = until_empty(&mut apps), if stop.is_some() => break,
                () = sleep(LOOK) => {}
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
        }
        until_empty(&mut apps).await;
        if let Some(stop) = stop {
            stop.send_replace(true);
        }
        until_empty(&mut others).await;
    }

    /// The containers of the pod. Where they are `needed`, as soon as the API server tells: a short-lived
    /// app may be over before the right to read it is granted, so this goes on when the process has to end.
    async fn containers(&self, needed: bool) -> Vec<Container> {
        let mut stopped = self.stopped.clone();
        let mut pause = PAUSE.0;
        loop {
            match self.pods.fresh(Duration::ZERO).await {
                Ok(pod) => return pod.containers(),
                Err(error) => self.report.seldom(error.kind(), &error.to_string()),
            }
            if !needed {
                return Vec::new();
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

    fn follower(&self, container: Container) -> Follower {
        Follower::new(
            Rc::clone(&self.pods),
            container,
            Rc::clone(&self.intake),
            self.stopped.clone(),
            Rc::clone(&self.report),
        )
    }
}

async fn until_empty(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

/// A stream that is cut anywhere and gone on with says what it says in one piece.
#[cfg(feature = "fuzz")]
pub fn fuzz(data: &[u8]) {
    use cursor::Cursor;
    let Some((at, stream)) = data.split_first_chunk() else { return };
    let at = usize::from(u16::from_le_bytes(*at)).min(stream.len());
    let read = |parts: &[&[u8]]| {
        let (mut cursor, mut all) = (Cursor::default(), Vec::new());
        let mut lines = lines::Lines::new(cursor.resume(true));
        for part in parts {
            lines.push(part, &mut cursor, &mut |event| all.push(format!("{event:?}")));
        }
        assert_eq!(Cursor::decode(&cursor.encode()), cursor);
        (all, cursor)
    };
    assert_eq!(read(&[stream]), read(&[&stream[..at], &stream[at..]]));
}

#[cfg(test)]
mod tests;
