//! What naive receivers fail on, one test each.

use logtap_push::{Altered, Format, Reject};

use crate::support::*;

#[test]
fn label_values_of_any_type_become_text() {
    let seen = json(
        r#"{"streams":[{"stream":{"n":5,"f":1.50,"b":false,"z":null,"o":{"a":[1]},"l":["x"]},"values":[["1795342423272000000","m"]]}]}"#,
    );
    let expected = [("b", "false"), ("f", "1.50"), ("l", r#"["x"]"#), ("n", "5"), ("o", r#"{"a":[1]}"#), ("z", "null")];
    assert_eq!(seen.lines[0].labels, pairs(&expected));
}

#[test]
fn elements_after_the_third_are_ignored() {
    let seen = json(r#"{"streams":[{"stream":{},"values":[["1795342423272000000","m",{"a":"b"},{"c":1},5]]}]}"#);
    seen.untouched();
    assert_eq!(seen.lines[0].meta, pairs(&[("a", "b")]));
}

#[test]
fn bodies_of_the_other_version_and_mixtures_are_understood() {
    let v0_labels_v1_values = r#"{"streams":[{"labels":"{a=\"b\"}","values":[["1795342423272000000","m"]]}]}"#;
    let v1_stream_v0_entries =
        r#"{"streams":[{"stream":{"a":"b"},"entries":[{"ts":"1795342423272000000","line":"m"}]}]}"#;
    for body in [v0_labels_v1_values, v1_stream_v0_entries] {
        let seen = json(body);
        seen.untouched();
        assert_eq!(seen.lines[0].labels, pairs(&[("a", "b")]));
        assert_eq!(seen.lines[0].ns, Some(1_795_342_423_272_000_000));
    }
}

#[test]
fn values_may_come_before_their_labels_and_unknown_keys_anywhere() {
    let seen = json(
        r#"{"x":[{"streams":1}],"streams":[{"q":{"values":[]},"values":[["1795342423272000000","m"]],"stream":{"a":"b"},"z":1}],"y":{}}"#,
    );
    seen.untouched();
    assert_eq!((seen.texts(), &seen.lines[0].labels), (vec!["m"], &pairs(&[("a", "b")])));
}

#[test]
fn duplicate_and_internal_labels_are_kept_and_the_last_wins() {
    let seen = json(
        r#"{"streams":[{"stream":{"job":"undefined","job":"null","__tenant_id__":"t","foo-bar":"1"},"values":[["1795342423272000000","m"]]}]}"#,
    );
    let expected = pairs(&[("__tenant_id__", "t"), ("foo-bar", "1"), ("job", "null")]);
    assert_eq!(seen.lines[0].labels, expected);
}

#[test]
fn nul_control_bytes_and_lone_surrogates_are_replaced_and_counted() {
    let seen = json(
        r#"{"streams":[{"stream":{},"values":[["1795342423272000000","a\u0000b"],["1795342423272000000","\ud800x\udc00"],["1795342423272000000","\ud83d\ude00\u0007"],["1795342423272000000","C:\dir \u12"]]}]}"#,
    );
    let expected = ["a\u{fffd}b", "\u{fffd}x\u{fffd}", "\u{1f600}\u{7}", r"C:\dir \u12"];
    assert_eq!(seen.texts(), expected);
    let altered = seen.report.altered;
    assert_eq!(format!("{altered:?}"), r#"{"nul": 1, "lone_surrogate": 1, "bad_escape": 1}"#);

    let entries = vec![proto_entry(b"a\0b\xff", &[("k\u{0}", "v")]), proto_entry(b"\x1b[0m", &[])];
    let seen = push(&snappy(&proto_plain("{}", entries)), "application/x-protobuf", "");
    assert_eq!(seen.texts(), ["a\u{fffd}b\u{fffd}", "\u{1b}[0m"]);
    assert_eq!(seen.report.altered.get(Altered::InvalidUtf8), 1);
    assert_eq!(seen.report.altered.get(Altered::Nul), 2);
}

#[test]
fn long_lines_and_empty_lines_are_legal() {
    let long = "x".repeat(3 << 20);
    let body = format!(
        r#"{{"streams":[{{"stream":{{}},"values":[["1795342423272000000","{long}"],["1795342423272000000",""]]}}]}}"#
    );
    let seen = json(&body);
    seen.untouched();
    assert_eq!((seen.lines[0].line.len(), seen.lines[1].line.len()), (3 << 20, 0));
}

#[test]
fn one_bad_entry_does_not_cost_its_batch() {
    let seen = json(
        r#"{"streams":[{"stream":{},"values":[["1795342423272000000","a"],["1795342423272000000" "no comma": 1],17,"text",null,[],["1795342423272000000"],["1795342423272000000","b"]]},{"oops" "values"},5,{"stream":{},"values":[["1795342423272000000","c"]]}]}"#,
    );
    assert_eq!(seen.texts(), ["a", "b", "c"]);
    let rejected = seen.report.rejected;
    assert_eq!((rejected.get(Reject::Malformed), rejected.get(Reject::NotAnEntry)), (2, 3));
    assert_eq!(rejected.get(Reject::NoLine), 2);
}

#[test]
fn one_bad_protobuf_entry_does_not_cost_its_batch() {
    let good = prost::Message::encode_to_vec(&proto_entry(b"ok", &[]));
    let bad = [0x12, 0x7f, b'x'];
    let mut stream = b"\x0a\x02{}".to_vec();
    for entry in [&good[..], &bad, &good] {
        stream.extend_from_slice(&[0x12, entry.len() as u8]);
        stream.extend_from_slice(entry);
    }
    let mut request = vec![0x0a, stream.len() as u8];
    request.extend_from_slice(&stream);
    let seen = push(&snappy(&request), "application/x-protobuf", "");
    assert_eq!(seen.texts(), ["ok", "ok"]);
    assert_eq!(seen.report.rejected.get(Reject::Malformed), 1);
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let body = format!(
        r#"{{"a":{deep},"streams":[{{"stream":{{"d":{deep}}},"values":[["1795342423272000000",{deep},{{"m":{deep}}}]]}}]}}"#
    );
    let seen = json(&body);
    assert_eq!(seen.lines[0].line, deep);
    assert_eq!(seen.lines[0].meta[0].1, deep);
    let open = format!(r#"{{"streams":{}"#, "[".repeat(1_000_000));
    assert!(decode(open.as_bytes(), logtap_push::Route::Loki, "", "").is_err());
}

#[test]
fn the_order_of_entries_and_equal_timestamps_are_kept() {
    let seen = json(
        r#"{"streams":[{"stream":{},"values":[["1795342423272000002","b"],["1795342423272000001","a"],["1795342423272000001","a"]]}]}"#,
    );
    seen.untouched();
    assert_eq!(seen.texts(), ["b", "a", "a"]);
}

#[test]
fn a_byte_order_mark_and_blank_space_before_json_are_skipped() {
    for start in ["\u{feff}", "\u{feff}\r\n", "\n\n  \t"] {
        let body = format!(r#"{start}{{ "streams":[{{"stream":{{}},"values":[["1795342423272000000","m"]]}}]}}"#);
        let seen = push(body.as_bytes(), "", "");
        assert_eq!((seen.format, seen.texts()), (Format::LokiJson, vec!["m"]));
    }
}
