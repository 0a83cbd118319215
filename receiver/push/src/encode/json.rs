//! Loki push JSON in both schemas.

use jiff::Timestamp;

use super::{Stream, label_text};

/// The v1 body, for [`crate::PUSH_PATH`]: `{"streams":[{"stream":{},"values":[]}]}`.
#[must_use]
pub fn json_v1(streams: &[Stream<'_>]) -> Vec<u8> {
    let mut out = b"{\"streams\":[".to_vec();
    for (at, stream) in streams.iter().enumerate() {
        separate(at, &mut out);
        out.extend_from_slice(b"{\"stream\":");
        object(stream.labels, &mut out);
        out.extend_from_slice(b",\"values\":[");
        for (at, line) in stream.lines.iter().enumerate() {
            separate(at, &mut out);
            out.extend_from_slice(format!("[\"{}\",", line.ns).as_bytes());
            string(line.text, &mut out);
            if !line.meta.is_empty() {
                out.push(b',');
                object(line.meta, &mut out);
            }
            out.push(b']');
        }
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(b"]}");
    out
}

/// The v0 body, for [`crate::LEGACY_PUSH_PATH`]: `{"streams":[{"labels":"{}","entries":[]}]}`.
/// The schema has no metadata: it is left out.
#[must_use]
pub fn json_v0(streams: &[Stream<'_>]) -> Vec<u8> {
    let mut out = b"{\"streams\":[".to_vec();
    for (at, stream) in streams.iter().enumerate() {
        separate(at, &mut out);
        out.extend_from_slice(b"{\"labels\":");
        string(&label_text(stream.labels), &mut out);
        out.extend_from_slice(b",\"entries\":[");
        for (at, line) in stream.lines.iter().enumerate() {
            separate(at, &mut out);
            let stamp = Timestamp::from_nanosecond(line.ns.into())
                .expect("64-bit nanoseconds are years 1677 to 2262, which jiff covers");
            out.extend_from_slice(format!("{{\"ts\":\"{stamp}\",\"line\":").as_bytes());
            string(line.text, &mut out);
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(b"]}");
    out
}

fn separate(at: usize, out: &mut Vec<u8>) {
    if at > 0 {
        out.push(b',');
    }
}

fn object(pairs: &[(&str, &str)], out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (name, value)) in pairs.iter().enumerate() {
        separate(at, out);
        string(name, out);
        out.push(b':');
        string(value, out);
    }
    out.push(b'}');
}

fn string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing a string to memory cannot fail");
}
