//! Shutdown as a value that is passed down: the first trigger drains, the second aborts.

use tokio::sync::watch;

/// How far a shutdown has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Work goes on.
    Running,
    /// No new work; what was begun is finished.
    Draining,
    /// Stop now.
    Aborting,
}

/// The side that ends things.
#[derive(Debug, Clone)]
pub struct Trigger(watch::Sender<Phase>);

/// The side that is told.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<Phase>);

/// A pair of its own whose phase is never behind that of `above`.
///
/// Must be called within a tokio runtime.
#[must_use]
pub fn below(above: &Shutdown) -> (Trigger, Shutdown) {
    let (trigger, shutdown) = channel();
    for phase in [Phase::Draining, Phase::Aborting] {
        let (mut above, trigger) = (above.clone(), trigger.clone());
        tokio::spawn(async move {
            above.reached(phase).await;
            trigger.advance_to(phase);
        });
    }
    (trigger, shutdown)
}

/// A connected pair.
#[must_use]
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(Phase::Running);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    /// Goes to this phase, unless it is there or further.
    pub fn advance_to(&self, wanted: Phase) {
        self.0.send_if_modified(|phase| {
            let further = *phase < wanted;
            *phase = wanted.max(*phase);
            further
        });
    }

    /// Goes one phase further.
    pub fn advance(&self) {
        self.0.send_modify(|phase| {
            *phase = match *phase {
                Phase::Running => Phase::Draining,
                Phase::Draining | Phase::Aborting => Phase::Aborting,
            }
        });
    }
}

impl Shutdown {
    /// The current phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Waits until the phase is at least `phase`; for ever if nobody can trigger it any more.
    pub async fn reached(&mut self, phase: Phase) {
        if self.0.wait_for(|now| *now >= phase).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
