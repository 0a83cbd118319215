//! The one error type of the command line: what kind it is decides the exit
//! code, hints say what to do about it.

use std::error::Error;
use std::io;
use std::path::Path;

use logtap_capture::archive::ArchiveError;
use logtap_capture::lock::LockError;
use logtap_capture::metadata::MetadataError;
use logtap_capture::query::QueryError;
use logtap_capture::reader::OpenError;
use logtap_capture::session::SessionError;
use logtap_capture::target::TargetError;
use logtap_carry::CarryError;
use serde::Serialize;

use crate::exit::Exit;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CliError {
    /// Decides the exit code.
    pub(crate) kind: Kind,
    /// What happened.
    pub(crate) error: Box<dyn Error + Send + Sync>,
    /// What to do about it, one sentence each.
    pub(crate) hints: Vec<String>,
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something failed that is no fault of the arguments.
    Internal,
    /// The arguments cannot be used.
    Usage,
    /// Something named does not exist.
    NotFound,
    /// Access was denied.
    Permission,
    /// The network failed.
    Network,
    /// A receiver is in the way.
    InUse,
    /// Somebody asked to stop.
    Cancelled,
    /// It was looked, and something is wrong.
    Findings,
    /// Whoever read the output has gone; no failure of ours.
    BrokenPipe,
}

impl Kind {
    /// How the program ends after a failure of this kind.
    #[must_use]
    pub(crate) fn exit(self) -> Exit {
        match self {
            Self::Internal => Exit::Internal,
            Self::Usage => Exit::Usage,
            Self::NotFound => Exit::NotFound,
            Self::Permission => Exit::Permission,
            Self::Network | Self::InUse => Exit::Network,
            Self::Cancelled => Exit::Cancelled,
            Self::Findings => Exit::Findings,
            Self::BrokenPipe => Exit::Success,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Permission => "permission_denied",
            Self::Network => "network",
            Self::InUse => "in_use",
            Self::Cancelled => "cancelled",
            Self::Findings => "findings",
            Self::BrokenPipe => "broken_pipe",
        }
    }

    fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Permission,
            _ => Self::Internal,
        }
    }
}

/// What `--json` prints about an error.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorReport {
    exit_code: u8,
    error: &'static str,
    message: String,
    hints: Vec<String>,
    recoverable: bool,
}

impl CliError {
    /// An error of a kind.
    pub(crate) fn new(kind: Kind, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, error: error.into(), hints: Vec::new() }
    }

    /// Arguments that cannot be used.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message.into())
    }

    /// Adds a hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A failure of the system at a path.
    pub(crate) fn at(path: &Path, error: &io::Error) -> Self {
        Self::new(Kind::of_io(error), format!("cannot use {}: {error}", path.display()))
    }

    /// The message with its causes, on one line.
    pub(crate) fn message(&self) -> String {
        self.error.to_string().lines().collect::<Vec<_>>().join(" ")
    }

    /// The object that `--json` prints.
    pub(crate) fn report(&self) -> ErrorReport {
        ErrorReport {
            exit_code: self.kind.exit().code(),
            error: self.kind.name(),
            message: self.message(),
            hints: self.hints.clone(),
            recoverable: [Kind::Network, Kind::InUse].contains(&self.kind),
        }
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self::new(Kind::of_io(&error), error)
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        match &error {
            OpenError::NotFound(_) => Self::new(Kind::NotFound, error),
            OpenError::NotACapture(_) => {
                Self::new(Kind::NotFound, error).hint("`logtap catalog -r` lists the captures below a directory")
            }
            OpenError::NoDirectory(_) => Self::new(Kind::Usage, error),
            OpenError::Archive { source: ArchiveError::Refused(_), .. } => Self::new(Kind::Usage, error),
            OpenError::Archive { source: ArchiveError::NoRoom(_), .. } => Self::new(Kind::Internal, error)
                .hint("name a directory with room in TMPDIR, or unpack it: `logtap snapshot --extract`"),
            OpenError::Archive { source: ArchiveError::Io(cause), .. } => Self::new(Kind::of_io(cause), error),
            OpenError::Metadata { source: MetadataError::Io(cause), .. } | OpenError::Io { source: cause, .. } => {
                Self::new(Kind::of_io(cause), error)
            }
            OpenError::Metadata { .. } => Self::new(Kind::Internal, error),
        }
    }
}

impl From<QueryError> for CliError {
    fn from(error: QueryError) -> Self {
        let literal = matches!(error, QueryError::Pattern { .. });
        let error = Self::new(Kind::Usage, error);
        if literal { error.hint("-F takes the pattern as literal text") } else { error }
    }
}

impl From<CarryError> for CliError {
    fn from(error: CarryError) -> Self {
        let kind = match &error {
            CarryError::Target(TargetError::InUse(_)) => Kind::InUse,
            CarryError::Target(TargetError::NoParent(_)) => Kind::NotFound,
            CarryError::Cancelled => Kind::Cancelled,
            _ => error.io().map_or(Kind::Usage, Kind::of_io),
        };
        let hint = match &error {
            CarryError::Target(TargetError::Exists(_)) => Some("name a place where nothing is yet"),
            CarryError::Target(TargetError::IsSource { .. }) => {
                Some("name a place outside of the captures that are read")
            }
            CarryError::Target(TargetError::NoParent(_)) => Some("make it first"),
            CarryError::Target(TargetError::InUse(_)) => Some("name another place, or stop the receiver first"),
            CarryError::Redaction { .. } => Some("--mixed-redaction merges them all the same"),
            _ if error.io().is_some_and(|cause| cause.kind() == io::ErrorKind::StorageFull) => {
                Some("nothing was left there; make room, or name a place on another disk")
            }
            _ => None,
        };
        let error = Self::new(kind, error);
        if let Some(hint) = hint { error.hint(hint) } else { error }
    }
}

impl From<LockError> for CliError {
    fn from(error: LockError) -> Self {
        match &error {
            LockError::InUse(_) => Self::new(Kind::Internal, error).hint("stop the receiver that writes there first"),
            LockError::Io { source, .. } => Self::new(Kind::of_io(source), error),
        }
    }
}

impl From<SessionError> for CliError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Lock(error) => error.into(),
            SessionError::Io { ref source, .. } => Self::new(Kind::of_io(source), error),
            SessionError::Metadata { .. } => Self::new(Kind::Internal, error),
            SessionError::CapTooSmall(_) => Self::new(Kind::Usage, error),
        }
    }
}
