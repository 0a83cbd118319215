//! Where blocking calls become tasks: one runtime on the calling thread, watched and cancelled ten times a
//! second.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::RemoteError;

const TICK: Duration = Duration::from_millis(100);

/// What a caller can do to a run.
#[derive(Clone, Copy)]
pub struct Control<'c> {
    /// Set by somebody else to stop it.
    pub cancelled: &'c AtomicBool,
    /// Told of bytes that are done.
    pub progress: &'c (dyn Fn(u64) + Sync),
}

impl std::fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

impl Control<'_> {
    pub(crate) fn check(&self) -> Result<(), RemoteError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(RemoteError::Cancelled) } else { Ok(()) }
    }

    /// Runs a task to its end, or until somebody asks to stop: it is dropped then, wherever it waits.
    /// Bytes that it adds to `done` are told to the caller.
    pub(crate) fn block_on<T>(
        &self,
        done: &AtomicU64,
        task: impl Future<Output = Result<T, RemoteError>>,
    ) -> Result<T, RemoteError> {
        // Whoever set one before is content with it.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| RemoteError::Network(format!("cannot start the network's runtime: {error}")))?;
        let watched = async {
            tokio::pin!(task);
            loop {
                tokio::select! {
                    biased;
                    result = &mut task => return result,
                    () = tokio::time::sleep(TICK) => {
                        self.tell(done);
                        self.check()?;
                    }
                }
            }
        };
        let result = runtime.block_on(watched);
        self.tell(done);
        // A name that is being looked up cannot be interrupted, and nobody waits for it any more.
        runtime.shutdown_background();
        result
    }

    fn tell(&self, done: &AtomicU64) {
        match done.swap(0, Ordering::Relaxed) {
            0 => {}
            bytes => (self.progress)(bytes),
        }
    }
}
