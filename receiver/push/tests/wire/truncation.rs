//! Bodies cut at every byte: what was complete is kept, and the cut is counted once.

use logtap_push::Reject;
use logtap_push::Route;
use logtap_push::encode::{self, Line, Stream};

use crate::support::*;

fn sample<T>(encode: impl Fn(&[Stream<'_>]) -> T) -> T {
    let lines: Vec<String> = (0..6).map(|n| format!("line {n} \"quoted\" \\ ünï")).collect();
    let meta = [("k", "v\n")];
    let lines: Vec<Line<'_>> =
        lines.iter().map(|text| Line { ns: 1_795_342_423_000_000_000, text, meta: &meta }).collect();
    let one = [("app", "a"), ("x.y", "z")];
    encode(&[
        Stream { labels: &one, lines: &lines[..3], sequence: None },
        Stream { labels: &[], lines: &lines[3..], sequence: None },
    ])
}

/// Cuts at every byte; the lines kept must be a growing prefix of all lines.
fn cut_everywhere(body: &[u8], route: Route, kind: &str, encoding: &str) -> usize {
    let whole = decode(body, route, kind, encoding).expect("whole");
    let mut kept = 0;
    let mut salvaged = 0;
    for end in 1..body.len() {
        let Ok(seen) = decode(&body[..end], route, kind, encoding) else {
            continue;
        };
        assert_eq!(seen.lines, whole.lines[..seen.lines.len()], "cut at {end}");
        assert!(seen.lines.len() >= kept, "cut at {end}");
        assert!(seen.report.rejected.get(Reject::Truncated) <= 1);
        if seen.lines.len() < whole.lines.len() && !seen.lines.is_empty() {
            salvaged += 1;
        }
        kept = seen.lines.len();
    }
    assert!(kept >= whole.lines.len() - 1);
    salvaged
}

#[test]
fn json_is_salvaged_up_to_the_cut() {
    for body in [sample(encode::json_v1), sample(encode::json_v0)] {
        let salvaged = cut_everywhere(&body, Route::Loki, "application/json", "");
        assert!(salvaged > body.len() / 2);
        let cut = push(&body[..body.len() - 20], "application/json", "");
        assert_eq!((cut.lines.len(), cut.report.rejected.get(Reject::Truncated)), (5, 1));
    }
}

#[test]
fn protobuf_is_salvaged_up_to_the_cut() {
    let body = sample(encode::protobuf);
    assert!(cut_everywhere(&body, Route::Loki, "application/x-protobuf", "") > body.len() / 2);
    let packed = sample(encode::snappy);
    assert!(cut_everywhere(&packed, Route::Loki, "application/x-protobuf", "") > 10);
}

#[test]
fn packed_bodies_are_salvaged_as_far_as_they_unpack() {
    let lines: Vec<String> = (0u64..20_000).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let lines: Vec<Line<'_>> =
        lines.iter().map(|text| Line { ns: 1_795_342_423_000_000_000, text, meta: &[] }).collect();
    let body = encode::json_v1(&[Stream { labels: &[("a", "b")], lines: &lines, sequence: None }]);
    for packed in [gzip(&body), zlib(&body), zstd(&body), snappy(&body)] {
        let seen = push(&packed[..packed.len() * 3 / 4], "application/json", "");
        assert!((10_000..19_000).contains(&seen.lines.len()), "{}", seen.lines.len());
        assert_eq!(seen.report.rejected.get(Reject::Truncated), 1);
        let texts: Vec<&str> = lines[..seen.lines.len()].iter().map(|line| line.text).collect();
        assert_eq!(seen.texts(), texts);
    }
}

#[test]
fn values_before_their_labels_are_kept_when_the_labels_are_cut() {
    let body = r#"{"streams":[{"values":[["1795342423272000000","m"]],"stream":{"a":"#;
    let seen = json(body);
    assert_eq!((seen.texts(), seen.lines[0].labels.len()), (vec!["m"], 0));
    let body = r#"{"streams":[{"values":[["1795342423272000000","m"],["17953"#;
    assert_eq!(json(body).texts(), ["m"]);
}

#[test]
fn otlp_is_salvaged_up_to_the_cut() {
    let body = crate::otlp::sample();
    cut_everywhere(&body, Route::Otlp, "application/x-protobuf", "");
    // Here the resource stands behind its records: a cut takes it along.
    let body = crate::otlp::SAMPLE_JSON;
    let cut = body.find("\"scope\":").expect("in the sample") - 3;
    let seen = decode(&body.as_bytes()[..cut], Route::Otlp, "application/json", "").expect("two");
    assert_eq!(seen.texts(), ["failed", r#"{"k":[1,true]}"#]);
    assert_eq!(seen.report.rejected.get(Reject::Truncated), 1);
    for end in 1..body.len() {
        let seen = decode(&body.as_bytes()[..end], Route::Otlp, "application/json", "");
        let lines = seen.map_or(0, |seen| seen.lines.len());
        let complete = body[..end].matches("observed").count();
        assert!(lines <= complete.max(1) && (end < cut || lines == 2), "cut at {end}");
    }
}

#[test]
fn raw_is_salvaged_up_to_the_cut() {
    let body = b"{\"msg\":\"a\"}\n{\"msg\":\"b\"}\n{\"msg\":\"c\"}\n";
    assert!(cut_everywhere(body, Route::Raw, "", "") > 10);
}
