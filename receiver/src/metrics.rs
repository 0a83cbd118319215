//! `/metrics` in the Prometheus text format. The names of Go logtap 1.x are
//! kept; ours stand beside them.

use std::fmt::Write;

use crate::ledger::Snapshot;

/// Gives the figures of the moment.
pub(crate) struct Source(pub(crate) Box<dyn Fn() -> Snapshot + Send + Sync>);

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

struct Text(String);

impl Text {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).unwrap_or_default();
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.add(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.0.push(if at == 0 { '{' } else { ',' });
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            self.add(format_args!("{label}=\"{text}\""));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        self.add(format_args!(" {value}\n"));
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        self.value(name, &[], value);
    }
}

pub(crate) fn text(now: &Snapshot) -> String {
    let mut text = Text(String::with_capacity(4096));
    lines(&mut text, now);
    requests(&mut text, now);
    disk(&mut text, now);
    text.0
}

fn lines(text: &mut Text, now: &Snapshot) {
    let counts = &now.counts;
    text.one("logtap_lines_received_total", "counter", "Lines that senders sent.", counts.received);
    text.one("logtap_lines_written_total", "counter", "Lines in the capture.", counts.written);
    text.one("logtap_lines_in_flight", "gauge", "Lines received whose outcome is open.", counts.in_flight);
    for (name, help, by_reason) in [
        ("logtap_lines_dropped_total", "Lines lost, by reason.", &counts.dropped),
        ("logtap_lines_rejected_total", "Lines that could not be read, by reason.", &counts.rejected),
        ("logtap_lines_altered_total", "Lines kept in a changed form, by reason.", &counts.altered),
    ] {
        text.head(name, "counter", help);
        for (reason, n) in by_reason {
            text.value(name, &[("reason", reason)], n);
        }
    }
    text.head("logtap_lines_dropped_by_service_total", "counter", "Lines lost, by reason and service.");
    for ((reason, service), n) in &counts.dropped_by_service {
        text.value("logtap_lines_dropped_by_service_total", &[("reason", reason), ("service", service)], n);
    }
    text.one("logtap_marks_total", "counter", "Marks in the capture: gaps, ends of sources.", counts.marks);
    text.one("logtap_lines_repeated_total", "counter", "Lines sent again that were kept before.", counts.repeated);
    text.head("logtap_lines_lost_total", "counter", "Lines that never came, as numbered senders tell, by reason.");
    for (reason, loss) in counts.lost.iter() {
        text.value("logtap_lines_lost_total", &[("reason", reason)], loss.lines);
    }
    text.head("logtap_redactions_total", "counter", "Values redacted, by rule.");
    for (at, rule) in now.rules.iter().enumerate() {
        text.value("logtap_redactions_total", &[("pattern", rule)], counts.redacted.get(at).copied().unwrap_or(0));
    }
    text.one("logtap_logs_received_total", "counter", "As in 1.x: lines received.", counts.received);
    text.one("logtap_logs_dropped_total", "counter", "As in 1.x: lines lost.", counts.dropped_total());
    text.one("logtap_backpressure_events_total", "counter", "As in 1.x: lines lost.", counts.dropped_total());
    text.one(
        "logtap_bytes_written_total",
        "counter",
        "Bytes of lines in the capture, uncompressed.",
        counts.bytes_written,
    );
}

fn requests(text: &mut Text, now: &Snapshot) {
    let counts = &now.counts;
    text.head("logtap_pushes_total", "counter", "Push requests, by status.");
    for (status, n) in &counts.answers {
        text.value("logtap_pushes_total", &[("status", &status.to_string())], n);
    }
    text.head("logtap_bodies_total", "counter", "Bodies decoded, by format.");
    for (format, n) in &counts.bodies {
        text.value("logtap_bodies_total", &[("format", format)], n);
    }
    text.one("logtap_body_bytes_total", "counter", "Bytes of bodies as sent.", counts.body_bytes);
    text.one("logtap_active_connections", "gauge", "Open connections.", counts.connections);
    text.one("logtap_writer_queue_bytes", "gauge", "Rendered bytes that wait for the writer.", now.queued_bytes);
    text.one("logtap_writer_queue_length", "gauge", "As in 1.x: lines that wait.", counts.in_flight);
    let name = "logtap_push_duration_seconds";
    text.head(name, "histogram", "Time from the head of a push to its answer.");
    for (bound, n) in counts.latency.buckets() {
        text.value("logtap_push_duration_seconds_bucket", &[("le", &(bound as f64 / 1e6).to_string())], n);
    }
    text.value("logtap_push_duration_seconds_bucket", &[("le", "+Inf")], counts.latency.count);
    text.value("logtap_push_duration_seconds_sum", &[], counts.latency.sum_us as f64 / 1e6);
    text.value("logtap_push_duration_seconds_count", &[], counts.latency.count);
}

fn disk(text: &mut Text, now: &Snapshot) {
    let usage = &now.usage;
    text.one("logtap_disk_usage_bytes", "gauge", "Bytes in the capture directory.", usage.used);
    text.one("logtap_disk_cap_bytes", "gauge", "Most bytes the directory may hold.", usage.cap);
    text.head("logtap_rotation_total", "counter", "Files sealed.");
    text.value("logtap_rotation_total", &[("reason", "size")], usage.rotations);
    text.one("logtap_rotation_errors_total", "counter", "Failed writes, syncs and seals.", usage.errors);
    text.one("logtap_evicted_files_total", "counter", "Files deleted to make room.", usage.evictions);
    text.one("logtap_evicted_lines_total", "counter", "Lines in files deleted to make room.", usage.evicted_lines);
}
