//! What Loki itself takes and refuses, where it matters to clients.

use logtap_push::{Format, Route, TsFix};

use crate::support::*;

const BODY: &str = r#"{"streams":[{"stream":{"foo":"bar2"},"values":[["1570818238000000000","fizzbuzz"]]}]}"#;

#[test]
fn media_type_parameters_and_case_do_not_matter() {
    for kind in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "", "junk;;"] {
        assert_eq!(push(BODY.as_bytes(), kind, "").texts(), ["fizzbuzz"], "{kind}");
    }
}

#[test]
fn deflate_is_raw_in_loki_and_gzip_wraps_protobuf_too() {
    assert_eq!(push(&deflate(BODY.as_bytes()), "application/json", "deflate").texts(), ["fizzbuzz"]);
    let proto = proto_snappy("{a=\"b\"}", &["m"]);
    assert_eq!(push(&gzip(&proto), "application/x-protobuf", "gzip").texts(), ["m"]);
    assert_eq!(push(&deflate(&proto), "application/x-protobuf", "deflate").texts(), ["m"]);
}

#[test]
fn json_with_a_snappy_header_is_plain_json() {
    assert_eq!(push(BODY.as_bytes(), "application/json", "snappy").texts(), ["fizzbuzz"]);
}

#[test]
fn bytes_after_the_first_value_are_ignored() {
    assert_eq!(json(&format!("{BODY} trailing {{")).texts(), ["fizzbuzz"]);
}

#[test]
fn empty_pushes_are_fine() {
    for body in [
        "",
        " \n",
        "{}",
        "[]",
        r#"{"streams":[]}"#,
        r#"{"streams":null}"#,
        r#"{"streams":[{"stream":{"a":"b"},"values":null},null,{"stream":{},"values":[]}]}"#,
    ] {
        let seen = json(body);
        seen.untouched();
        assert_eq!(seen.lines, [], "{body}");
    }
    push(&snappy(b""), "application/x-protobuf", "").untouched();
    push(b"", "application/x-protobuf", "").untouched();
}

#[test]
fn streams_without_labels_have_none() {
    let seen = json(r#"{"streams":[{"values":[["1570818238000000000","m"]]}]}"#);
    assert_eq!((seen.lines[0].labels.len(), seen.texts()), (0, vec!["m"]));
}

#[test]
fn the_line_and_metadata_of_parsed_entries_are_kept_and_parsed_fields_ignored() {
    let mut entry = proto_entry(b"m", &[("a", "1"), ("a", "2")]);
    entry.parsed = entry.metadata.clone();
    let seen = push(&snappy(&proto_plain("{}", vec![entry])), "application/x-protobuf", "");
    assert_eq!(seen.lines[0].meta, pairs(&[("a", "1"), ("a", "2")]));
}

#[test]
fn protobuf_timestamps_absent_or_out_of_range_are_counted() {
    let mut absent = proto_entry(b"a", &[]);
    absent.timestamp = None;
    let mut zero_time = proto_entry(b"b", &[]);
    zero_time.timestamp = Some(crate::support::proto::Stamp { seconds: -62_135_596_800, nanos: 0 });
    let mut before = proto_entry(b"c", &[]);
    before.timestamp = Some(crate::support::proto::Stamp { seconds: -1, nanos: 999_999_999 });
    let body = snappy(&proto_plain("{}", vec![absent, zero_time, before]));
    let lines = push(&body, "application/x-protobuf", "").lines;
    assert_eq!((lines[0].ns, lines[0].fix), (None, Some(TsFix::Missing)));
    assert_eq!((lines[1].ns, lines[1].fix), (None, Some(TsFix::Unusable)));
    assert_eq!(lines[1].original.as_deref(), Some("-62135596800s 0ns"));
    assert_eq!((lines[2].ns, lines[2].fix), (Some(-1), None));
}

#[test]
fn fields_of_a_protobuf_stream_may_stand_in_any_order() {
    let entry = prost::Message::encode_to_vec(&proto_entry(b"m", &[]));
    let mut stream = vec![0x18, 5, 0x12, entry.len() as u8];
    stream.extend_from_slice(&entry);
    stream.extend_from_slice(b"\x0a\x07{a=\"b\"}");
    let mut body = vec![0x0a, stream.len() as u8];
    body.extend_from_slice(&stream);
    for packed in [snappy(&body), body] {
        let seen = push(&packed, "application/x-protobuf", "");
        assert_eq!((seen.format, &seen.lines[0].labels), (Format::LokiProto, &pairs(&[("a", "b")])));
    }
}

#[test]
fn garbage_is_400_in_one_line() {
    for body in [&b"hello"[..], b"\x00\x01\x02", b"<xml/>", b"{\"streams\":[{\"str", b"{nope}", b"123", &[0xff; 64]] {
        let error = decode(body, Route::Loki, "application/json", "br").expect_err("garbage");
        assert_eq!(error.status(), 400);
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let named = decode(b"\x0b\x02\x80hello\x03", Route::Loki, "application/json", "br");
    assert!(named.expect_err("brotli").to_string().contains("content-encoding br"));
}
