//! What a caller can do to a run: watch it, stop it, and say how much of the machine it takes.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::CarryError;

/// Given to every long operation.
#[derive(Clone, Copy)]
pub struct Control<'c> {
    /// Set by somebody else to stop it.
    pub cancelled: &'c AtomicBool,
    /// Told of compressed bytes that are done.
    pub progress: &'c (dyn Fn(u64) + Sync),
    /// Threads that decode.
    pub threads: usize,
    /// Name and version of the program, for the metadata.
    pub tool: &'c str,
}

impl std::fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("threads", &self.threads).field("tool", &self.tool).finish_non_exhaustive()
    }
}

impl Control<'_> {
    /// # Errors
    /// [`CarryError::Cancelled`] once it was asked for.
    pub(crate) fn check(&self) -> Result<(), CarryError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(CarryError::Cancelled) } else { Ok(()) }
    }
}
