//! Exit codes. They are part of the interface: scripts branch on them.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done. A search without a match is a success too, unless `-q` asked.
    Success,
    /// 1: `grep -q` found nothing.
    NoMatch,
    /// 1: something failed that is no fault of the arguments.
    Internal,
    /// 2: the arguments cannot be used.
    Usage,
    /// 3: a file, directory or object does not exist.
    NotFound,
    /// 4: the system or the cluster denied access.
    Permission,
    /// 5: the network failed, or a receiver is in the way; another try may succeed.
    Network,
    /// 6: done, and there are findings.
    Findings,
    /// 130: somebody pressed Ctrl-C, and nothing half is left.
    Cancelled,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::NoMatch | Self::Internal => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Permission => 4,
            Self::Network => 5,
            Self::Findings => 6,
            Self::Cancelled => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
