//! Content encodings: found by their bytes, bounded by the cap.

use std::io::Write;

use logtap_push::{DecodeError, Format, Headers, Limits, Route, unwrap};

use crate::support::*;

const JSON: &[u8] = br#"{"streams":[{"stream":{"a":"b"},"values":[["1570818238000000000","fizzbuzz"]]}]}"#;

fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut out = snap::write::FrameEncoder::new(Vec::new());
    out.write_all(bytes).expect("memory");
    out.into_inner().expect("memory")
}

#[test]
fn encodings_are_found_whatever_the_headers_say() {
    let proto = proto_plain("{a=\"b\"}", vec![proto_entry(b"fizzbuzz", &[])]);
    for body in [JSON, &proto] {
        let packed = [
            body.to_vec(),
            gzip(body),
            zlib(body),
            zstd(body),
            snappy(body),
            framed(body),
            gzip(&snappy(body)),
            zstd(&gzip(&snappy(body))),
        ];
        for (at, packed) in packed.iter().enumerate() {
            for kind in ["", "application/json", "application/x-protobuf", "text/plain"] {
                for encoding in ["", "gzip", "deflate", "snappy", "zstd", "identity", "br", "x"] {
                    let seen = push(packed, kind, encoding);
                    assert_eq!(seen.texts(), ["fizzbuzz"], "{at} {kind} {encoding}");
                    assert_eq!(seen.len, body.len());
                }
            }
        }
    }
}

#[test]
fn four_layers_are_too_many() {
    let body = gzip(&gzip(&gzip(&gzip(JSON))));
    let error = decode(&body, Route::Loki, "", "gzip").expect_err("too many");
    assert_eq!((error.status(), error), (400, DecodeError::TooManyLayers { limit: 3 }));
    assert_eq!(push(&gzip(&gzip(&gzip(JSON))), "", "").texts(), ["fizzbuzz"]);
}

#[test]
fn snappy_blocks_whose_length_looks_like_json_are_told_apart() {
    // The first byte of these blocks, their length, is `{`, `[`, or white space.
    for len in [0x7b_usize, 0x5b, 0x20] {
        let text = |n: usize| "x".repeat(n);
        let empty = proto_plain("{}", vec![proto_entry(b"x", &[])]).len();
        let line = text(len - empty + 1);
        let plain = proto_plain("{}", vec![proto_entry(line.as_bytes(), &[])]);
        assert_eq!(plain.len(), len);
        let packed = snappy(&plain);
        assert_eq!(usize::from(packed[0]), len);
        for kind in ["", "application/json", "application/x-protobuf"] {
            let seen = push(&packed, kind, "");
            assert_eq!((seen.format, seen.texts()), (Format::LokiProto, vec![&line[..]]), "{len}");
        }
    }
}

#[test]
fn bombs_are_refused_at_the_cap() {
    let zeros = vec![b' '; 8 << 20];
    let limits = Limits { decompressed: 1 << 20 };
    let mut claims = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    claims.extend_from_slice(&snappy(JSON)[1..]);
    let bombs = [
        gzip(&zeros),
        zlib(&zeros),
        zstd(&zeros),
        framed(&zeros),
        gzip(&gzip(&zeros)),
        claims,
        snappy(&[b"{\"", &zeros[..2 << 20]].concat()),
        zeros,
    ];
    for (at, bomb) in bombs.iter().enumerate() {
        for route in [Route::Loki, Route::Otlp] {
            let refused = unwrap(bomb, route, Headers::default(), &limits);
            let error = refused.map(|_| ()).expect_err("a bomb");
            assert_eq!(error, DecodeError::TooLarge { limit: 1 << 20 }, "bomb {at}");
            assert_eq!(error.status(), 413);
        }
    }
    let raw = Headers { content_encoding: Some("deflate"), content_type: None };
    let bomb = deflate(&vec![0; 8 << 20]);
    let refused = unwrap(&bomb, Route::Loki, raw, &limits);
    assert_eq!(refused.map(|_| ()), Err(DecodeError::TooLarge { limit: 1 << 20 }));
}

#[test]
fn a_body_of_exactly_the_cap_passes() {
    let limits = Limits { decompressed: JSON.len() };
    for body in [JSON.to_vec(), gzip(JSON), zstd(JSON), snappy(JSON)] {
        let payload = unwrap(&body, Route::Loki, Headers::default(), &limits).expect("fits");
        assert_eq!(payload.len(), JSON.len());
        let less = Limits { decompressed: JSON.len() - 1 };
        let error = unwrap(&body, Route::Loki, Headers::default(), &less).map(|_| ());
        assert_eq!(error, Err(DecodeError::TooLarge { limit: JSON.len() - 1 }));
    }
}
