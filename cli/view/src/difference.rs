//! What differs from a baseline, as whoever compares the captures tells it:
//! the view lists it, and leads to where it began.

use std::path::PathBuf;
use std::sync::Arc;

use logtap_capture::chunk::Span;
use logtap_capture::level::Level;
use logtap_capture::summary::Timeline;

use crate::filter::{Filter, Kind as FilterKind};

/// Compares the capture with its baseline; in words why it cannot.
pub type Compare = Arc<dyn Fn() -> Result<Vec<Change>, String> + Send + Sync>;

/// How a pattern changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The baseline does not have it.
    New,
    /// More often than the load explains.
    Rose,
    /// Less often than the load explains.
    Fell,
    /// Not once any more.
    Vanished,
}

impl Kind {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Rose => "risen",
            Self::Fell => "fallen",
            Self::Vanished => "vanished",
        }
    }

    /// It is said more often than before.
    #[must_use]
    pub fn is_up(self) -> bool {
        matches!(self, Self::New | Self::Rose)
    }
}

/// A pattern that changed; its texts are raw text from logs.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// How.
    pub kind: Kind,
    /// Level of its lines.
    pub level: Level,
    /// It is a finding, not just worth knowing.
    pub finding: bool,
    /// Whose lines.
    pub service: String,
    /// Label matcher of the service's lines, if a label names it.
    pub label: Option<String>,
    /// The pattern, for people.
    pub template: String,
    /// Text that its lines hold, if they are written with it.
    pub telling: Option<String>,
    /// Lines now.
    pub lines: u64,
    /// Lines that the load explains.
    pub expected: f64,
    /// When it began, nanoseconds since 1970.
    pub since: Option<i64>,
}

impl Change {
    /// Filters that keep its lines.
    #[must_use]
    pub fn filters(&self) -> Vec<Filter> {
        let level = (self.level != Level::Unknown).then(|| self.level.name().to_owned());
        let telling = self.telling.as_deref().map(regex::escape);
        [(FilterKind::Label, self.label.clone()), (FilterKind::Level, level), (FilterKind::Keep, telling)]
            .into_iter()
            .filter_map(|(kind, text)| Some(Filter { kind, text: text?, on: true }))
            .collect()
    }
}

/// What broke first stands first: findings that are up in order of their beginning, then the other
/// findings, then what is just worth knowing; otherwise as the comparison orders them.
pub fn order(changes: &mut [Change]) {
    changes.sort_by_key(|change| {
        let up = change.finding && change.kind.is_up();
        (!up, !change.finding, if up { change.since.unwrap_or(i64::MAX) } else { 0 })
    });
}

/// How far a comparison has come.
#[derive(Debug, Clone, Default)]
pub enum Difference {
    /// It is under way.
    #[default]
    Comparing,
    /// It cannot be made, and why.
    Failed(String),
    /// What changed, in order.
    Found(Vec<Change>),
}

/// The capture that this one is compared with.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// Where it is.
    pub dir: PathBuf,
    /// Its lines by time, service and level.
    pub timeline: Vec<Arc<Timeline>>,
    /// Range of its times.
    pub span: Span,
    /// What differs.
    pub difference: Difference,
}

impl Baseline {
    /// A baseline of which nothing is known yet.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, timeline: Vec::new(), span: Span::default(), difference: Difference::Comparing }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.dir.file_name().unwrap_or(self.dir.as_os_str());
        crate::text::plain(&name.to_string_lossy())
    }

    /// What changed, if that is known.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        match &self.difference {
            Difference::Found(changes) => changes,
            Difference::Comparing | Difference::Failed(_) => &[],
        }
    }

    /// `3 new, 2 risen, 1 vanished`, in words; what did not happen is left out.
    #[must_use]
    pub fn summary(&self) -> String {
        let changes = self.changes();
        let parts: Vec<String> = [Kind::New, Kind::Rose, Kind::Fell, Kind::Vanished]
            .into_iter()
            .filter_map(|kind| {
                let count = changes.iter().filter(|change| change.kind == kind).count();
                (count > 0).then(|| format!("{count} {}", kind.word()))
            })
            .collect();
        match &self.difference {
            Difference::Comparing => "comparing…".to_owned(),
            Difference::Failed(_) => "cannot be compared".to_owned(),
            Difference::Found(_) if parts.is_empty() => "nothing differs".to_owned(),
            Difference::Found(_) => parts.join(", "),
        }
    }
}
