//! One test per logging library: the body, headers and quirks it is known for.

use logtap_push::{Format, Route, TsFix};

use crate::support::*;

#[test]
fn pino_loki_sends_one_stream_per_line_with_typed_labels_and_fractions() {
    let body = r#"{"streams":[
        {"stream":{"level":"info","pid":26934,"ok":true,"obj":{"a":1}},"values":[["17953424232721.234","one"]]},
        {"stream":{"level":"info","pid":26934,"ok":true,"obj":{"a":1}},"values":[["1795342423272000000","two"]]}]}"#;
    let seen = json(body);
    let labels = pairs(&[("level", "info"), ("obj", r#"{"a":1}"#), ("ok", "true"), ("pid", "26934")]);
    assert_eq!(seen.lines[1].labels, labels);
    // The library multiplied 1795342423272.1234 ms by ten: the instant it meant is found again.
    assert_eq!(seen.lines[0].ns, Some(1_795_342_423_272_123_400));
    assert_eq!(seen.lines[0].fix, Some(TsFix::Scaled));
    assert_eq!(seen.lines[0].original.as_deref(), Some("17953424232721.234"));
}

#[test]
fn winston_loki_protobuf_comes_without_headers_that_say_so_and_unescaped() {
    let labels = r#"{level="info",app="a "q" b",path="C:\temp"}"#;
    let body = proto_snappy(labels, &["m"]);
    for kind in ["application/x-protobuf", ""] {
        let seen = push(&body, kind, "");
        let expected = pairs(&[("app", r#"a "q" b"#), ("level", "info"), ("path", r"C:\temp")]);
        assert_eq!(seen.lines[0].labels, expected);
    }
}

#[test]
fn winston_loki_json_has_null_labels_and_any_metadata() {
    let body = r#"{"streams":[{"stream":{"job":"j","zero":0,"nul":null},"values":[
        ["1795342423272000000","m",{"n":1,"deep":{"a":[1,2]},"u":null,"s":"x"}],
        ["1795342423272000000","m2",null],["1795342423272000000","m3","text"],["1795342423272000000","m4",[1]]]}]}"#;
    let seen = json(body);
    assert_eq!(seen.lines[0].labels, pairs(&[("job", "j"), ("nul", "null"), ("zero", "0")]));
    let meta = pairs(&[("n", "1"), ("deep", r#"{"a":[1,2]}"#), ("u", "null"), ("s", "x")]);
    assert_eq!(seen.lines[0].meta, meta);
    assert_eq!(seen.lines[1].meta, []);
    assert_eq!(seen.lines[2].meta, pairs(&[("metadata", "text")]));
    assert_eq!(seen.lines[3].meta, pairs(&[("metadata", "[1]")]));
}

#[test]
fn python_logging_loki_sends_v0_with_half_escaped_labels() {
    let body = r#"{"streams": [{"labels": "{severity=\"info\",app=\"my \\\"app\\\" \\x\",logger=\"root\"}", "entries": [{"ts": "2026-11-22T16:53:43.272123+00:00", "line": "hello"}]}]}"#;
    let seen = json(body);
    let labels = pairs(&[("app", r#"my "app" \x"#), ("logger", "root"), ("severity", "info")]);
    assert_eq!(seen.lines[0].labels, labels);
    assert_eq!(seen.lines[0].ns, Some(1_795_366_423_272_123_000));
    seen.untouched();
}

#[test]
fn python_logging_loki_v1_has_typed_labels() {
    let body = r#"{"streams": [{"stream": {"n": 5, "flag": true}, "values": [["1795342423272123400", "m"]]}]}"#;
    assert_eq!(json(body).lines[0].labels, pairs(&[("flag", "true"), ("n", "5")]));
}

#[test]
fn loki_logger_handler_sends_gzipped_json() {
    let body = br#"{"streams":[{"stream":{"app":"x"},"values":[["1795342423272123400","m",{"k":"v"}]]}]}"#;
    let seen = push(&gzip(body), "application/json", "gzip");
    seen.untouched();
    assert_eq!(seen.lines[0].meta, pairs(&[("k", "v")]));
}

#[test]
fn tracing_loki_names_odd_types_and_writes_rust_escapes() {
    let body = proto_snappy(r#"{host="a\u{200b}b\u{7f}",nul="x\0y"}"#, &["{\"message\":\"m\"}"]);
    for (kind, encoding) in [("application/x-protobuf", "snappy"), ("application/x-snappy", ""), ("", "")] {
        let seen = push(&body, kind, encoding);
        let labels = pairs(&[("host", "a\u{200b}b\u{7f}"), ("nul", "x\u{fffd}y")]);
        assert_eq!((seen.format, &seen.lines[0].labels), (Format::LokiProto, &labels));
    }
}

#[test]
fn loki4j_escapes_quotes_but_not_backslashes() {
    let labels = r#"{app="x",path="C:\Users \"me\""}"#;
    let seen = push(&proto_snappy(labels, &["m"]), "application/x-protobuf", "snappy");
    assert_eq!(seen.lines[0].labels, pairs(&[("app", "x"), ("path", r#"C:\Users "me""#)]));
    let body = r#"{"streams":[{"stream":{"app":"x"},"values":[["1795342423272000000","m",{"t":"1"}]]}]}"#;
    json(body).untouched();
}

#[test]
fn otlp_exporters_gzip_protobuf() {
    let body = crate::otlp::sample();
    for (packed, encoding) in [(gzip(&body), "gzip"), (zstd(&body), "zstd"), (body.clone(), "")] {
        let seen = decode(&packed, Route::Otlp, "application/x-protobuf", encoding).expect("read");
        assert_eq!((seen.format, seen.lines.len()), (Format::OtlpProto, 2));
    }
}
