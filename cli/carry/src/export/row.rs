//! A stored line as a row of a table.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;
use logtap_capture::labels::{LabelSet, Labels};
use logtap_capture::level::Level;
use logtap_capture::line;

/// Names of the columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Schema {
    /// `ts, ts_ns, level, namespace, pod, container, app, labels, meta, msg`
    #[default]
    Plain,
    /// Those of OpenTelemetry.
    Otel,
}

/// Labels that have a column of their own.
pub(super) const USUAL: [&str; 4] = ["namespace", "pod", "container", "app"];

impl Schema {
    /// The columns in order.
    pub(super) fn columns(self) -> [&'static str; 10] {
        match self {
            Self::Plain => ["ts", "ts_ns", "level", "namespace", "pod", "container", "app", "labels", "meta", "msg"],
            Self::Otel => [
                "Timestamp",
                "TimeUnixNano",
                "SeverityText",
                "k8s.namespace.name",
                "k8s.pod.name",
                "k8s.container.name",
                "service.name",
                "ResourceAttributes",
                "LogAttributes",
                "Body",
            ],
        }
    }
}

/// A row; texts are as they were logged.
pub(super) struct Row<'r> {
    pub(super) level: Level,
    pub(super) labels: &'r Labels,
    /// Values of [`USUAL`] among them.
    pub(super) usual: &'r [Option<String>; USUAL.len()],
    pub(super) meta: Vec<(String, String)>,
    pub(super) message: Cow<'r, str>,
}

/// Makes rows; remembers label sets.
#[derive(Default)]
pub(super) struct Rows {
    sets: HashMap<Box<[u8]>, Set, foldhash::fast::RandomState>,
    scratch: Vec<u8>,
}

/// A label set.
pub(super) struct Set {
    pub(super) labels: Labels,
    /// Values of [`USUAL`] among them.
    pub(super) usual: [Option<String>; USUAL.len()],
}

impl Set {
    /// Of a JSON object.
    pub(super) fn new(stored: &[u8]) -> Self {
        Self::of(Arc::new(LabelSet::new(line::object_pairs(stored))))
    }

    /// Of labels.
    pub(super) fn of(labels: Labels) -> Self {
        let usual = USUAL.map(|name| labels.get(name).map(str::to_owned));
        Self { labels, usual }
    }
}

/// Label sets remembered.
pub(super) const MAX_SETS: usize = 20_000;

impl Rows {
    /// Hands the row of a stored line to `each`.
    pub(super) fn row<T>(&mut self, stored: &[u8], each: impl FnOnce(Row<'_>) -> T) -> Option<T> {
        let parts = line::split(stored.strip_suffix(b"\n").unwrap_or(stored)).ok()?;
        if self.sets.len() > MAX_SETS {
            self.sets.clear();
        }
        if !self.sets.contains_key(&*parts.labels) {
            self.sets.insert(parts.labels.as_ref().into(), Set::new(&parts.labels));
        }
        let Set { labels, usual } = self.sets.get(&*parts.labels)?;
        let message = line::decode(&parts.message, &mut self.scratch);
        let meta = parts.meta.as_deref().map(line::object_pairs).unwrap_or_default();
        Some(each(Row { level: Level::of(message.as_bytes()), labels, usual, meta, message }))
    }
}
