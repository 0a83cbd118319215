//! Alert rules: a figure crosses a threshold, and a webhook is told once. The
//! file, its metrics and operators are those of 1.x.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::ledger::Snapshot;

/// Why a file of rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// No YAML, or not of this form.
    #[error("alert rules cannot be read as `rules:` with a list of {{name, metric, op, threshold, detail}}: {0}")]
    Form(String),
    /// Nothing to watch.
    #[error("no alert rule under `rules:`; add one or drop the option")]
    Empty,
    /// A rule without a name.
    #[error("alert rule number {0} has no name")]
    Unnamed(usize),
    /// Two rules of one name could not be told apart.
    #[error("alert rule {0:?} is there twice; give every rule its own name")]
    Twice(String),
    /// A threshold that no figure can be compared with.
    #[error("alert rule {0:?}: the threshold is no number")]
    Threshold(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    metric: Metric,
    op: Op,
    threshold: f64,
    #[serde(default)]
    detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Metric {
    /// Lines dropped since the start.
    LogsDropped,
    /// Lines dropped since the last look, a second ago.
    DropRate,
    /// Share of the cap in use, in percent.
    DiskPct,
    /// Lines received since the start.
    LogsReceived,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::LogsDropped => "logs_dropped",
            Self::DropRate => "drop_rate",
            Self::DiskPct => "disk_pct",
            Self::LogsReceived => "logs_received",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Gt,
    Lt,
    Gte,
    Lte,
}

impl Op {
    fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Gt => value > threshold,
            Self::Lt => value < threshold,
            Self::Gte => value >= threshold,
            Self::Lte => value <= threshold,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Gt => ">",
            Self::Lt => "<",
            Self::Gte => ">=",
            Self::Lte => "<=",
        }
    }
}

/// The rules with what they remember; the default has none.
#[derive(Debug, Clone, Default)]
pub struct Alerts {
    rules: Vec<(Rule, bool)>,
    dropped: u64,
}

/// A rule that has come to hold.
#[derive(Debug, PartialEq)]
pub(crate) struct Alert {
    rule: Rule,
    value: f64,
}

impl Alerts {
    /// Reads a file of rules.
    ///
    /// # Errors
    /// Anything doubtful: a rule that silently does nothing is worse than none.
    pub fn parse(yaml: &str) -> Result<Self, AlertError> {
        if yaml.trim().is_empty() {
            return Err(AlertError::Empty);
        }
        let File { rules } =
            serde_saphyr::from_str(yaml).map_err(|error| AlertError::Form(one_line(&error.to_string())))?;
        if rules.is_empty() {
            return Err(AlertError::Empty);
        }
        for (at, rule) in rules.iter().enumerate() {
            if rule.name.trim().is_empty() {
                return Err(AlertError::Unnamed(at + 1));
            }
            if rules[..at].iter().any(|earlier| earlier.name == rule.name) {
                return Err(AlertError::Twice(rule.name.clone()));
            }
            if !rule.threshold.is_finite() {
                return Err(AlertError::Threshold(rule.name.clone()));
            }
        }
        Ok(Self { rules: rules.into_iter().map(|rule| (rule, false)).collect(), dropped: 0 })
    }

    /// Compares the figures of now; gives each rule that holds and did not hold at the last look.
    pub(crate) fn look(&mut self, now: &Snapshot) -> Vec<Alert> {
        let dropped = now.counts.dropped_total();
        let since = dropped.saturating_sub(self.dropped);
        self.dropped = dropped;
        let mut alerts = Vec::new();
        for (rule, held) in &mut self.rules {
            let value = match rule.metric {
                Metric::LogsDropped => dropped as f64,
                Metric::DropRate => since as f64,
                Metric::DiskPct => now.usage.used as f64 * 100.0 / (now.usage.cap as f64).max(1.0),
                Metric::LogsReceived => now.counts.received as f64,
            };
            let holds = rule.op.holds(value, rule.threshold);
            if holds && !*held {
                alerts.push(Alert { rule: rule.clone(), value });
            }
            *held = holds;
        }
        alerts
    }
}

impl Alert {
    /// What the notification says: `detail` as in 1.x, and what 1.x left out.
    pub(crate) fn fields(&self) -> [(&'static str, Value); 3] {
        let Rule { name, metric, op, threshold, detail } = &self.rule;
        let said = detail.clone().filter(|detail| !detail.is_empty());
        let said = said.unwrap_or_else(|| format!("{}: {} {} {threshold}", name, metric.name(), op.sign()));
        [
            ("detail", said.into()),
            ("rule", json!({"name": name, "metric": metric.name(), "op": op.sign(), "threshold": threshold})),
            ("value", self.value.into()),
        ]
    }
}

/// A message of several lines as one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_dropped(lines: u64) -> Snapshot {
        let mut now = Snapshot::default();
        now.counts.dropped.insert("queue_full", lines);
        now.usage.used = 850;
        now.usage.cap = 1000;
        now
    }

    fn names(alerts: &[Alert]) -> Vec<&str> {
        alerts.iter().map(|alert| alert.rule.name.as_str()).collect()
    }

    #[test]
    fn each_rule_is_told_once_until_it_no_longer_holds() {
        let yaml = "rules:\n- {name: any, metric: logs_dropped, op: gte, threshold: 1, detail: lines are lost}\n\
                    - {name: rate, metric: drop_rate, op: gt, threshold: 5}\n\
                    - {name: disk, metric: disk_pct, op: gt, threshold: 84.5}\n\
                    - {name: quiet, metric: logs_received, op: lt, threshold: 1}\n\
                    - {name: never, metric: disk_pct, op: lte, threshold: 84.5}\n";
        let mut alerts = Alerts::parse(yaml).unwrap();
        assert_eq!(names(&alerts.look(&with_dropped(0))), ["disk", "quiet"]);
        let told = alerts.look(&with_dropped(6));
        assert_eq!(names(&told), ["any", "rate"]);
        assert_eq!(told[0].fields()[0].1, "lines are lost");
        assert_eq!(told[1].fields()[0].1, "rate: drop_rate > 5");
        assert_eq!(told[1].fields()[2].1, 6.0);
        assert_eq!(names(&alerts.look(&with_dropped(6))), [""; 0]);
        assert_eq!(names(&alerts.look(&with_dropped(12))), ["rate"], "it did not hold in between");
    }

    #[test]
    fn a_doubtful_file_is_refused_in_one_line() {
        for (yaml, said) in [
            ("", "no alert rule"),
            ("rules: []", "no alert rule"),
            ("- name: x", "alert rules cannot be read"),
            ("rules:\n- {name: x, metric: cpu, op: gt, threshold: 1}", "cpu"),
            ("rules:\n- {name: x, metric: disk_pct, op: above, threshold: 1}", "above"),
            ("rules:\n- {name: x, metric: disk_pct, op: gt}", "threshold"),
            ("rules:\n- {name: x, metric: disk_pct, op: gt, threshold: many}", "alert rules cannot be read"),
            ("rules:\n- {name: x, metric: disk_pct, op: gt, threshold: .nan}", "no number"),
            ("rules:\n- {name: x, metric: disk_pct, op: gt, threshold: 1, webhook: y}", "webhook"),
            ("rules:\n- {name: '', metric: disk_pct, op: gt, threshold: 1}", "number 1 has no name"),
            (
                "rules:\n- {name: x, metric: disk_pct, op: gt, threshold: 1}\n- {name: x, metric: disk_pct, op: lt, threshold: 1}",
                "twice",
            ),
        ] {
            let error = Alerts::parse(yaml).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains('\n'), "{yaml:?}: {error:?}");
        }
    }
}
