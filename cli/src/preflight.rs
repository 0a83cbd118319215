//! What can be known before anything is changed: whether logtap is installed and serves, whether a
//! tapped pod would be admitted, what the namespace asks of its pods, and whether lines would arrive.

mod fit;
mod installation;
mod mesh;
mod probe;
mod receiver;
mod rehearsal;

pub(crate) use fit::{Fitting, fit};
pub(crate) use installation::{INSTALL, Installation, Mode, installation, is_ours};
pub(crate) use mesh::{bypass, meshes};
pub(crate) use probe::{Probe, probe};
pub(crate) use receiver::{authority, in_cluster, target, url};
pub(crate) use rehearsal::{Rehearsal, explain, rehearse, sample, settings, settings_of, tapped_pod};

use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// Stable name.
    pub(crate) name: &'static str,
    /// What came out.
    pub(crate) state: State,
    /// One sentence.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Good.
    Ok,
    /// Works, with something to know.
    Warning,
    /// Does not work.
    Failed,
    /// Nobody could say.
    NotChecked,
}

impl Check {
    /// A check that came out so.
    pub(crate) fn new(name: &'static str, state: State, message: impl Into<String>) -> Self {
        Self { name, state, message: message.into(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl State {
    /// As it is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
            Self::NotChecked => "not checked",
        }
    }
}
