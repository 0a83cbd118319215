//! The built-in rules on labelled lines, at their edges, and exhaustively where that is possible.

use logtap_redact::{Builtin, Config, Redactor, corpus};

mod labelled;

fn redactor(rules: &[Builtin]) -> Redactor {
    Redactor::new(Config { builtins: rules.to_vec(), ..Config::default() }).expect("built-in rules are valid")
}

fn redacted(rules: &[Builtin], text: &str) -> String {
    let mut out = String::new();
    if redactor(rules).redact(text, &mut out, &mut []) { out } else { text.to_owned() }
}

fn all(text: &str) -> String {
    redacted(&Builtin::ALL, text)
}

#[test]
fn error_rates_on_the_corpus_are_within_bounds() {
    let redactor = redactor(&Builtin::ALL);
    for (rule, lines) in labelled::positives().unwrap() {
        let rates = corpus::measure(&redactor, &lines, None);
        assert!(rates.positives >= 60, "{rule}: only {} positives", rates.positives);
        assert!(rates.leak_rate() <= 0.005 && rates.over_beside == 0, "{rule}: {:#?}", rates.wrong);
    }
    let negatives = labelled::negatives().unwrap();
    let rates = corpus::measure(&redactor, &negatives, None);
    assert!(rates.negatives >= 200 && rates.over_rate() <= 0.01, "{:#?}", rates.wrong);
    for (name, lines) in labelled::generated() {
        let rates = corpus::measure(&redactor, &lines, None);
        assert!(rates.leak_rate() <= 0.005, "{name}: {:#?}", rates.wrong);
        assert!(rates.over_rate() <= 0.01, "{name}: {:#?}", rates.wrong);
    }
}

#[test]
fn rules_alone_find_what_they_find_together() {
    for (rule, lines) in labelled::positives().unwrap() {
        if matches!(rule, Builtin::Jwt | Builtin::Bearer) {
            continue; // They share credentials that are web tokens.
        }
        let rates = corpus::measure(&redactor(&[rule]), &lines, Some(rule));
        assert_eq!(rates.leaks, 0, "{rule}: {:#?}", rates.wrong);
    }
}

#[test]
fn every_area_group_and_serial_is_decided_right() {
    let ssn = redactor(&[Builtin::Ssn]);
    let found = |text: &str| !ssn.spans(text).is_empty();
    for area in 0..1000 {
        let valid = area != 0 && area != 666 && area < 900;
        assert_eq!(found(&format!("n {area:03}-12-3456 n")), valid, "area {area:03}");
    }
    for group in 0..100 {
        assert_eq!(found(&format!("123-{group:02}-3456")), group != 0, "group {group:02}");
    }
    for serial in 0..10_000 {
        assert_eq!(found(&format!("123-12-{serial:04}")), serial != 0, "serial {serial:04}");
    }
}

#[test]
fn every_octet_is_decided_right_in_every_place() {
    let ip = redactor(&[Builtin::IpV4]);
    for place in 0..4 {
        for value in 0..1000 {
            let mut octets = ["10".to_owned(), "2".into(), "33".into(), "4".into()];
            octets[place] = value.to_string();
            let text = format!("ip {} x", octets.join("."));
            assert_eq!(!ip.spans(&text).is_empty(), value < 256, "{text}");
        }
    }
}

#[test]
fn values_are_found_at_every_place_of_a_block() {
    let values = [
        "4111111111111111",
        "4111 1111 1111 1111",
        "3782 822463 10005",
        "123-45-6789",
        "10.20.30.40",
        "555-123-4567",
        "+1 555 123 4567",
        "(555) 123-4567",
        "bob@example.com",
        "bob%40example.com",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    ];
    let redactor = redactor(&Builtin::ALL);
    for value in values {
        for before in 0..150 {
            for after in [0, 1, 40, 100] {
                let text = format!("{}{value}{}", " ".repeat(before), " ".repeat(after));
                let spans = redactor.spans(&text);
                assert!(
                    matches!(spans[..], [s] if s.start == before && s.end == before + value.len()),
                    "{value} after {before} of {} bytes: {spans:?}",
                    text.len(),
                );
            }
        }
    }
}

#[test]
fn a_value_cut_anywhere_is_not_a_panic() {
    let text = "«Jörg» Bearer abc123def456== j.ö@ex.com +44 (0)20 7946 0958 x9 4111%201111%201111%201111";
    for (at, _) in text.char_indices() {
        all(&text[..at]);
        all(&text[at..]);
    }
}

#[test]
fn tokens_are_spelled_as_in_version_1() {
    assert_eq!(
        all("4111111111111111 a@b.co 10.0.0.1 123-45-6789 555-123-4567"),
        "[REDACTED:cc] [REDACTED:email] [REDACTED:ip] [REDACTED:ssn] [REDACTED:phone]"
    );
    assert_eq!(all("Authorization: Bearer abcdef123456=="), "Authorization: Bearer [REDACTED:bearer]");
    assert_eq!(all("Bearer eyJhbGci.eyJzdWIi.sig"), "Bearer [REDACTED:jwt]");
    assert_eq!(redacted(&[Builtin::Bearer], "Bearer eyJhbGci.eyJzdWIi.sig"), "Bearer [REDACTED:bearer]");
}

#[test]
fn hits_count_values_by_rule() {
    let redactor = Redactor::new(Config {
        builtins: vec![Builtin::Email, Builtin::IpV4],
        patterns: logtap_redact::parse_patterns("- {name: key, pattern: 'k-\\d+'}").unwrap(),
        hash_key: None,
    })
    .unwrap();
    assert_eq!(redactor.names(), ["email", "ip_v4", "key"]);
    let (mut out, mut hits) = (String::from("old"), [0; 3]);
    assert!(redactor.redact("a@b.co 1.1.1.1 2.2.2.2 k-1", &mut out, &mut hits));
    assert_eq!(out, "[REDACTED:email] [REDACTED:ip] [REDACTED:ip] [REDACTED:key]");
    assert_eq!(hits, [1, 2, 1]);
    assert!(!redactor.redact("nothing", &mut out, &mut hits));
    assert_eq!((out.as_str(), hits), ("", [1, 2, 1]));
}

#[test]
fn hashes_know_a_value_in_every_spelling() {
    let with = |key| {
        Redactor::new(Config { builtins: Builtin::ALL.to_vec(), hash_key: Some([key; 32]), ..Config::default() })
            .unwrap()
    };
    let run = |redactor: &Redactor, text: &str| {
        let mut out = String::new();
        assert!(redactor.redact(text, &mut out, &mut []), "{text}");
        out
    };
    let keyed = with(7);
    for same in [
        ["4111111111111111", "4111 1111 1111 1111", "4111%201111%201111%201111"],
        ["Bob@Example.com", "bob@example.com", "bob%40example.com"],
        ["555-123-4567", "(555) 123-4567", "555.123.4567"],
    ] {
        let tokens = same.map(|value| run(&keyed, value));
        assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
        assert_ne!(tokens[0], run(&with(8), same[0]));
        assert!(!keyed.redact(&tokens[0], &mut String::new(), &mut []));
    }
    // HMAC-SHA256 with 32 bytes of 7 over "bob@example.com".
    assert_eq!(run(&keyed, "bob@example.com"), "[REDACTED:email:d8c0c775]");
}
