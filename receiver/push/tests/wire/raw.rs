//! The raw route: JSON objects, usually one a line.

use logtap_push::{Format, Reject, Route, TsFix};

use crate::support::*;

fn raw(body: &str) -> Seen {
    decode(body.as_bytes(), Route::Raw, "application/x-ndjson", "").expect("readable")
}

#[test]
fn all_fields_are_optional() {
    let seen = raw(
        "{\"ts\":\"2026-11-22T16:53:43.5Z\",\"labels\":{\"app\":\"x\",\"n\":1},\"msg\":\"one\",\"meta\":{\"k\":\"v\"}}\n\n{\"msg\":\"two\"}\r\n{}\n{\"ts\":1795366423,\"labels\":null,\"msg\":{\"a\":1}}",
    );
    assert_eq!(seen.format, Format::Raw);
    assert_eq!(seen.texts(), ["one", "two", "", "{\"a\":1}"]);
    assert_eq!(seen.lines[0].labels, pairs(&[("app", "x"), ("n", "1")]));
    assert_eq!(seen.lines[0].meta, pairs(&[("k", "v")]));
    assert_eq!((seen.lines[0].ns, seen.lines[0].fix), (Some(1_795_366_423_500_000_000), None));
    assert_eq!((seen.lines[1].labels.len(), seen.lines[1].fix), (0, Some(TsFix::Missing)));
    assert_eq!(seen.lines[3].ns, Some(1_795_366_423_000_000_000));
    assert_eq!(seen.report.rejected.total(), 0);
}

#[test]
fn objects_need_no_newline_between_them() {
    assert_eq!(raw("{\"msg\":\"a\"}{\"msg\":\"b\"} {\n \"msg\":\n\"c\"}").texts(), ["a", "b", "c"]);
}

#[test]
fn bad_lines_cost_only_themselves() {
    let seen = raw(
        "plain text\n{\"msg\":\"a\"}\n{\"msg\":\"open\n{\"msg\":\"b\"}\n[1]\n\"s\"\n{\"msg\" 5}\n{\"msg\":\"c\"}\n",
    );
    assert_eq!(seen.texts(), ["a", "b", "c"]);
    assert_eq!(seen.report.rejected.get(Reject::NotJson), 3);
    assert_eq!(seen.report.rejected.get(Reject::Malformed), 2);
}

#[test]
fn a_body_made_to_be_read_again_and_again_is_not() {
    for line in ["{\"a\":[\n", "{\"a\":\"\\\n"] {
        let body = line.repeat(200_000) + "{\"msg\":\"last\"}\n";
        let seen = raw(&body);
        assert_eq!(seen.texts().last(), Some(&"last"));
    }
    let nested = "{\"a\":[\n".repeat(100_000) + &"]}\n".repeat(99_999) + "] x\n{\"msg\":\"last\"}\n";
    assert_eq!(raw(&nested).texts().last(), Some(&"last"));
}

#[test]
fn a_body_without_one_object_is_refused_and_an_empty_one_is_not() {
    let error = decode(b"plain\ntext\n", Route::Raw, "", "").expect_err("no object");
    assert_eq!(error.status(), 400);
    assert_eq!(raw(" \n\n").lines, []);
}

#[test]
fn packed_raw_bodies_are_unpacked() {
    let body = b"{\"msg\":\"a\"}\n";
    for packed in [gzip(body), zstd(body), zlib(body)] {
        assert_eq!(decode(&packed, Route::Raw, "", "").expect("readable").texts(), ["a"]);
    }
}
