//! Columns of a table, and what of a label set stands in them.

use logtap_capture::labels::Labels;

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

/// A label set.
pub(super) struct Set {
    pub(super) labels: Labels,
    /// Values of [`USUAL`] among them.
    pub(super) usual: [Option<String>; USUAL.len()],
}

impl Set {
    /// Of labels.
    pub(super) fn of(labels: Labels) -> Self {
        let usual = USUAL.map(|name| labels.get(name).map(str::to_owned));
        Self { labels, usual }
    }
}

/// Label sets remembered.
pub(super) const MAX_SETS: usize = 20_000;
