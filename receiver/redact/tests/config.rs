//! Selections and pattern files: what works, and that everything else is refused.

use logtap_redact::{Builtin, Config, CustomPattern, RedactError, Redactor, parse_patterns, parse_selection};

#[test]
fn selections() {
    for every in ["", "true", "all", " all "] {
        assert_eq!(parse_selection(every).unwrap(), Builtin::ALL);
    }
    assert_eq!(parse_selection("false").unwrap(), []);
    assert_eq!(parse_selection("jwt, email,jwt").unwrap(), [Builtin::Email, Builtin::Jwt]);
    for bad in ["emial", "email,", "email,all", ","] {
        let message = parse_selection(bad).unwrap_err().to_string();
        assert!(message.contains("credit_card, email, jwt, bearer, ip_v4, ssn, phone"), "{message}");
    }
    for rule in Builtin::ALL {
        assert_eq!(rule.name().parse::<Builtin>().unwrap(), rule);
    }
}

#[test]
fn files_of_version_1_work() {
    let file = "- name: api_key\n  pattern: 'api[_-]?key=(?P<k>\\w+)'\n  replacement: 'api_key=[${k}]'\n- name: b\n  pattern: bb\n  replacement: ''\n";
    let patterns = parse_patterns(file).unwrap();
    assert_eq!(patterns.len(), 2);
    assert_eq!(patterns[1].replacement, "");
    assert_eq!(parse_patterns(&format!("patterns:\n{file}")).unwrap(), patterns);
    let redactor = Redactor::new(Config { patterns, ..Config::default() }).unwrap();
    let mut out = String::new();
    assert!(redactor.redact("api-key=xyz bb", &mut out, &mut []));
    assert_eq!(out, "api_key=[xyz] ");
}

#[test]
fn doubtful_files_are_refused_and_the_entry_is_named() {
    type Check = fn(&RedactError) -> bool;
    let cases: [(&str, Check, &str); 12] = [
        ("", |e| matches!(e, RedactError::NoPatterns), ""),
        ("# nothing\n", |e| matches!(e, RedactError::NoPatterns), ""),
        ("[]", |e| matches!(e, RedactError::NoPatterns), ""),
        ("patterns: []", |e| matches!(e, RedactError::NoPatterns), ""),
        ("name: x", |e| matches!(e, RedactError::Yaml { .. }), "name"),
        ("just text", |e| matches!(e, RedactError::Yaml { .. }), ""),
        (
            "- {name: ok, pattern: a}\n- {pattern: b}",
            |e| matches!(e, RedactError::MissingKey { key: "name", .. }),
            "number 2",
        ),
        ("- {name: lone}", |e| matches!(e, RedactError::MissingKey { key: "pattern", .. }), "lone"),
        ("- {name: typo, patern: a, pattern: b}", |e| matches!(e, RedactError::UnknownKey { .. }), "typo"),
        ("- {name: open, pattern: '(a'}", |e| matches!(e, RedactError::BadRegex { .. }), "open"),
        ("- {name: wide, pattern: '\\d*'}", |e| matches!(e, RedactError::MatchesEmpty { .. }), "wide"),
        (
            "- {name: two, pattern: a}\n- {name: two, pattern: b}",
            |e| matches!(e, RedactError::DuplicateName { .. }),
            "two",
        ),
    ];
    for (file, expected, named) in cases {
        let error = parse_patterns(file).unwrap_err();
        assert!(expected(&error) && error.to_string().contains(named), "{file:?}: {error:?}");
    }
}

#[test]
fn bad_patterns_are_refused_however_they_come() {
    let pattern = CustomPattern { name: "x".into(), pattern: r"\b".into(), replacement: String::new() };
    let config = Config { patterns: vec![pattern], ..Config::default() };
    assert!(matches!(Redactor::new(config), Err(RedactError::MatchesEmpty { .. })));
}
