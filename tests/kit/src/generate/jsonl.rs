//! Lines in the published form of a capture's data lines.

use super::{Clock, Line};

/// Writes `{"ts":…,"labels":{…},"msg":…}` lines; keeps the rendered labels of each stream.
#[derive(Debug, Default)]
pub struct JsonLines {
    clock: Clock,
    stamp: String,
    labels: Vec<Option<Vec<u8>>>,
}

impl JsonLines {
    /// A writer without streams yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one line and its line feed. Lines of one generator only: labels are kept by number.
    pub fn write(&mut self, line: &Line<'_>, out: &mut Vec<u8>) {
        if self.labels.len() <= line.stream {
            self.labels.resize(line.stream + 1, None);
        }
        let labels = self.labels[line.stream].get_or_insert_with(|| object(line.labels));
        self.clock.set(line.ts_ns);
        self.stamp.clear();
        self.clock.nanos(&mut self.stamp);
        out.extend_from_slice(b"{\"ts\":\"");
        out.extend_from_slice(self.stamp.as_bytes());
        out.extend_from_slice(b"\",\"labels\":");
        out.extend_from_slice(labels);
        out.extend_from_slice(b",\"msg\":");
        write_string(line.text, out);
        out.extend_from_slice(b"}\n");
    }
}

fn object(pairs: &[(String, String)]) -> Vec<u8> {
    let mut out = b"{".to_vec();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(name, &mut out);
        out.push(b':');
        write_string(value, &mut out);
    }
    out.push(b'}');
    out
}

/// Appends `text` as a JSON string with quotes.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}
