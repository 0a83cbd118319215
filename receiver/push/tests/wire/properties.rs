//! Properties over random bodies: nothing panics, what is encoded is decoded, and the hand-written
//! readers agree with serde_json and prost.

use logtap_push::encode::{self, Line, Stream};
use logtap_push::{LabelForm, Labels, Route, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

/// Text that needs no repair: no NUL.
fn clean() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[^\0]{0,40}").expect("a valid pattern")
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_][a-z0-9_]{0,8}", clean().prop_filter("not empty", |name| !name.is_empty())]
}

type Encode = fn(&[Stream<'_>]) -> Vec<u8>;
type OwnedLine = (i64, String, Vec<(String, String)>);
type OwnedStream = (Vec<(String, String)>, Vec<OwnedLine>);

fn streams() -> impl Strategy<Value = Vec<OwnedStream>> {
    let value = clean().prop_filter("empty labels are dropped", |value| !value.is_empty());
    let labels = proptest::collection::btree_map(name(), value, 0..4);
    // Magnitudes that are read as nanoseconds.
    let ns = prop_oneof![100_000_000_000_000_000..i64::MAX, i64::MIN..-100_000_000_000_000_000];
    let line = (ns, clean(), vec((name(), clean()), 0..3));
    vec((labels.prop_map(|map| map.into_iter().collect()), vec(line, 0..5)), 0..4)
}

/// Runs `encode` on borrowed views of owned streams.
fn encoded(streams: &[OwnedStream], encode: Encode) -> Vec<u8> {
    fn view(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
        pairs.iter().map(|(k, v)| (&k[..], &v[..])).collect()
    }
    let metas: Vec<Vec<Vec<_>>> =
        streams.iter().map(|(_, lines)| lines.iter().map(|(_, _, meta)| view(meta)).collect()).collect();
    let lines: Vec<Vec<Line<'_>>> = streams
        .iter()
        .zip(&metas)
        .map(|((_, lines), metas)| {
            lines.iter().zip(metas).map(|((ns, text, _), meta)| Line { ns: *ns, text, meta }).collect()
        })
        .collect();
    let labels: Vec<Vec<_>> = streams.iter().map(|(labels, _)| view(labels)).collect();
    let streams: Vec<Stream<'_>> =
        labels.iter().zip(&lines).map(|(labels, lines)| Stream { labels, lines, sequence: None }).collect();
    encode(&streams)
}

fn expected(streams: &[OwnedStream], with_meta: bool) -> Vec<Got> {
    let mut out = Vec::new();
    for (labels, lines) in streams {
        for (ns, text, meta) in lines {
            out.push(Got {
                labels: labels.clone(),
                ns: Some(*ns),
                fix: None,
                original: None,
                line: text.clone(),
                meta: if with_meta { meta.clone() } else { Vec::new() },
            });
        }
    }
    out
}

/// Bytes near a body: real ones with a few changes.
fn damaged(body: Vec<u8>, changes: Vec<(prop::sample::Index, u8)>) -> Vec<u8> {
    let mut body = body;
    for (at, byte) in changes {
        if !body.is_empty() {
            let at = at.index(body.len());
            body[at] = byte;
        }
    }
    body
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(streams in streams()) {
        let all: [(Encode, &str, bool); 4] = [
            (encode::snappy, "application/x-protobuf", true),
            (encode::protobuf, "application/x-protobuf", true),
            (encode::json_v1, "application/json", true),
            (encode::json_v0, "application/json", false),
        ];
        for (encode, kind, with_meta) in all {
            let mut expected = expected(&streams, with_meta);
            for got in expected.iter_mut().filter(|_| kind.contains("protobuf")) {
                got.meta.retain(|(name, value)| !(name.is_empty() && value.is_empty()));
            }
            let seen = push(&encoded(&streams, encode), kind, "");
            prop_assert_eq!(seen.lines, expected);
            prop_assert_eq!(seen.report.rejected.total() + seen.report.altered.total(), 0);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        for route in [Route::Loki, Route::Otlp, Route::Raw] {
            for (kind, encoding) in [("", ""), ("application/x-protobuf", "deflate")] {
                drop(decode(&bytes, route, kind, encoding));
            }
        }
        for form in [LabelForm::Json, LabelForm::Text] {
            let _ = Labels::new(form, &bytes).parse().pairs.len();
        }
    }

    #[test]
    fn damaged_bodies_never_panic(
        streams in streams(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for encode in [encode::snappy, encode::protobuf, encode::json_v1, encode::json_v0] {
            let body = damaged(encoded(&streams, encode), changes.clone());
            for route in [Route::Loki, Route::Otlp, Route::Raw] {
                drop(decode(&body, route, "", ""));
            }
        }
        for body in [crate::otlp::sample(), crate::otlp::SAMPLE_JSON.into()] {
            drop(decode(&damaged(body, changes.clone()), Route::Otlp, "", ""));
        }
    }

    #[test]
    fn label_soup_never_panics(text in "[{}\"'`\\\\,= abux0-9\n]{0,40}") {
        let parsed = Labels::new(LabelForm::Text, text.as_bytes()).parse();
        prop_assert!(parsed.pairs.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let _ = Labels::new(LabelForm::Json, text.as_bytes()).parse().pairs.len();
    }

    #[test]
    fn timestamps_never_panic_and_agree_with_integers(text in "[-+0-9.eETZ: ]{0,30}", ns in any::<i64>()) {
        let _ = Timestamp::parse(&text).ns;
        if ns.unsigned_abs() >= 100_000_000_000_000_000 {
            let text = ns.to_string();
            prop_assert_eq!(Timestamp::parse(&text), Timestamp::exact(ns));
        }
    }

    #[test]
    fn the_json_scanner_agrees_with_serde_json(
        lines in vec((clean(), tree()), 0..6),
        labels in proptest::collection::btree_map(clean(), tree(), 0..4),
        pretty in any::<bool>(),
    ) {
        let values: Vec<Value> = lines
            .iter()
            .map(|(text, extra)| json!(["1795342423272123400", text, {"extra": extra}]))
            .collect();
        let body = json!({"before": labels, "streams": [{"stream": labels, "values": values}]});
        let body = if pretty { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) };
        let seen = json(&body.expect("writable"));
        prop_assert_eq!(seen.lines.len(), lines.len());
        for (got, (text, extra)) in seen.lines.iter().zip(&lines) {
            prop_assert_eq!(&got.line, text);
            same(&got.meta[0].1, extra)?;
            prop_assert_eq!(got.labels.len(), labels.len());
            for ((name, value), (wanted_name, wanted)) in got.labels.iter().zip(&labels) {
                prop_assert_eq!(name, wanted_name);
                same(value, wanted)?;
            }
        }
    }

    #[test]
    fn the_protobuf_walker_agrees_with_prost(
        entries in vec((vec(any::<u8>(), 0..40), any::<i32>(), 0..2_000_000_000i64, any::<bool>()), 0..5),
        labels in vec(any::<u8>(), 0..30),
    ) {
        let entries: Vec<proto::Entry> = entries
            .into_iter()
            .map(|(line, nanos, seconds, stamped)| proto::Entry {
                timestamp: stamped.then_some(proto::Stamp { seconds, nanos }),
                metadata: vec![proto::Pair { name: line.clone(), value: b"v".to_vec() }],
                line,
                parsed: Vec::new(),
            })
            .collect();
        let stream = proto::Stream { labels: labels.clone(), entries: entries.clone(), hash: 0 };
        let body = prost::Message::encode_to_vec(&proto::Request { streams: vec![stream] });
        let seen = push(&snappy(&body), "application/x-protobuf", "");
        prop_assert_eq!(seen.lines.len(), entries.len());
        for (got, entry) in seen.lines.iter().zip(&entries) {
            let repaired = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}");
            prop_assert_eq!(&got.line, &repaired(&entry.line));
            prop_assert_eq!(&got.meta[0].0, &repaired(&entry.metadata[0].name));
            let ns = entry.timestamp.map(|at| at.seconds * 1_000_000_000 + i64::from(at.nanos));
            prop_assert_eq!(got.ns, ns);
        }
    }
}

/// Random JSON of modest size.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        clean().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((clean(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Whether handed-over text stands for a value: itself for strings, JSON text for the rest.
fn same(text: &str, value: &Value) -> Result<(), TestCaseError> {
    match value {
        Value::String(wanted) => prop_assert_eq!(text, wanted),
        other => {
            let read: Value = serde_json::from_str(text).expect("JSON text");
            prop_assert_eq!(&read, other);
        }
    }
    Ok(())
}
