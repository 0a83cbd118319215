//! One test per agent: the body, headers and quirks it is known for.

use logtap_push::Format;

use crate::support::*;

const NS: i64 = 1_795_342_423_272_123_400;

#[test]
fn promtail_sends_snappy_protobuf_without_an_encoding_header() {
    let labels = r#"{filename="/var/log/a\x01b.log", job="varlogs\u200b"}"#;
    let seen = push(&proto_snappy(labels, &["one", "two"]), "application/x-protobuf", "");
    seen.untouched();
    assert_eq!(seen.texts(), ["one", "two"]);
    assert_eq!(seen.lines[0].ns, Some(NS));
    let expected = pairs(&[("filename", "/var/log/a\u{1}b.log"), ("job", "varlogs\u{200b}")]);
    assert_eq!(seen.lines[0].labels, expected);
}

#[test]
fn alloy_and_the_docker_driver_name_snappy_in_the_header() {
    let body = proto_snappy(r#"{container_name="web", __internal__="x"}"#, &["hello"]);
    for encoding in ["snappy", "Snappy", ""] {
        let seen = push(&body, "application/x-protobuf", encoding);
        seen.untouched();
        assert_eq!(seen.lines[0].labels[1], ("container_name".into(), "web".into()));
    }
}

#[test]
fn vector_protobuf_does_not_escape_label_values() {
    let labels = r#"{app="a "q" b",dir="C:\temp",last="x"}"#;
    let seen = push(&proto_snappy(labels, &["l"]), "application/x-protobuf", "snappy");
    let expected = pairs(&[("app", r#"a "q" b"#), ("dir", r"C:\temp"), ("last", "x")]);
    assert_eq!(seen.lines[0].labels, expected);
}

#[test]
fn vector_json_sends_three_elements_always_in_any_compression() {
    let body = br#"{"streams":[{"stream":{"app":"v"},"values":[["1795342423272123400","m",{}]]}]}"#;
    let packings: [(&str, Vec<u8>); 4] =
        [("", body.to_vec()), ("gzip", gzip(body)), ("deflate", zlib(body)), ("zstd", zstd(body))];
    for (encoding, packed) in packings {
        let seen = push(&packed, "application/json", encoding);
        seen.untouched();
        assert_eq!((seen.texts(), &seen.lines[0].meta), (vec!["m"], &vec![]), "{encoding}");
    }
}

#[test]
fn fluent_bit_sends_json_perhaps_gzipped_with_metadata_and_repeated_streams() {
    let stream =
        r#"{"stream":{"job":"fluent-bit"},"values":[["1795342423272123400","{\"log\":\"x\\n\"}",{"trace":"t"}]]}"#;
    let body = format!(r#"{{"streams":[{stream},{stream}]}}"#);
    for (packed, encoding) in [(body.clone().into_bytes(), ""), (gzip(body.as_bytes()), "gzip")] {
        let seen = push(&packed, "application/json", encoding);
        seen.untouched();
        assert_eq!(seen.texts(), [r#"{"log":"x\n"}"#; 2]);
        assert_eq!(seen.lines[1].meta, pairs(&[("trace", "t")]));
    }
}

#[test]
fn fluentd_puts_anything_into_the_line_slot_and_raw_bytes_into_strings() {
    let mut body = br#"{"streams":[{"stream":{"a":"b"},"values":[["1795342423272123400",5],["1795342423272123400",{"k":[1]}],["1795342423272123400",null],["1795342423272123400",""],["1795342423272123400","bad "#.to_vec();
    body.extend_from_slice(b"\xff\xfe bytes\"]]}]}");
    let seen = push(&body, "application/json", "");
    assert_eq!(seen.texts(), ["5", r#"{"k":[1]}"#, "null", "", "bad \u{fffd}\u{fffd} bytes"]);
    assert_eq!(format!("{:?}", seen.report.altered), r#"{"invalid_utf8": 1, "line_type": 3}"#);
}

#[test]
fn logstash_sends_plain_json_with_a_charset() {
    let body = r#"{"streams":[{"stream":{"host":"h"},"values":[["1795342423272000000","m"]]}]}"#;
    let seen = push(body.as_bytes(), "Application/JSON; charset=utf-8", "");
    seen.untouched();
    assert_eq!(seen.lines[0].ns, Some(1_795_342_423_272_000_000));
}

#[test]
fn go_clients_send_either_form_and_load_generators_many_streams() {
    let labels = r#"{instance="vu1", format="logfmt"}"#;
    push(&proto_snappy(labels, &["x"]), "application/x-protobuf", "").untouched();
    let one = r#"{"stream":{"instance":"vu1"},"values":[["1795342423272123400","x"]]}"#;
    let seen = json(&format!(r#"{{"streams":[{}]}}"#, vec![one; 500].join(",")));
    seen.untouched();
    assert_eq!(seen.lines.len(), 500);
}

#[test]
fn afiskon_promtail_client_sends_nanoseconds_split_in_seconds_and_nanos() {
    let body = proto_snappy("{source=\"test\",job=\"job\"}", &["m"]);
    assert_eq!(push(&body, "application/x-protobuf", "").lines[0].ns, Some(NS));
}

#[test]
fn syslog_daemons_send_templates_by_hand() {
    // A template that forgets a comma, leaves a comma behind, and a raw tab in the text.
    let body = "{\"streams\": [{ \"stream\": {\"host\": \"h\"}, \"values\": [ [ \"1795342423272123400\", \"a\tb\" ] [ \"1795342423272123400\", \"c\" ], ] }]}\n";
    let seen = push(body.as_bytes(), "text/plain", "");
    assert_eq!((seen.format, seen.texts()), (Format::LokiJson, vec!["a\tb", "c"]));
}
