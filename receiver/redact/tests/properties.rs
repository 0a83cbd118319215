//! What must hold for any text: idempotence, spared surroundings, no planted value left, linear work.

use logtap_redact::{Builtin, Config, Redactor, rules::ip::VERSION_WORDS};
use proptest::prelude::*;

fn redactor(key: Option<[u8; 32]>) -> Redactor {
    Redactor::new(Config { builtins: Builtin::ALL.to_vec(), patterns: Vec::new(), hash_key: key })
        .expect("built-in rules are valid")
}

fn run(redactor: &Redactor, text: &str) -> String {
    let mut out = String::new();
    if redactor.redact(text, &mut out, &mut []) { out } else { text.to_owned() }
}

/// Pieces of values and of what stands around them, glued in every order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "4111111111111111",
        "4111 1111 1111 1111",
        "3782-822463-10005",
        "123-45-6789",
        "10.0.0.1",
        "1.2.3",
        "555-123-4567",
        "555 123 4567",
        "(555) 123-4567",
        "(020) 7946 0958",
        "+1 555 123 4567",
        "+442079460958",
        "+",
        "(",
        ")",
        "1",
        "12",
        "200",
        "1234",
        "bob",
        "@",
        "%40",
        "example.com",
        ".com",
        "a@b.co",
        "eyJ",
        "eyJhbGci",
        "eyJhbGci.eyJzdWI.sig",
        ".",
        "..",
        "-",
        "_",
        " ",
        "  ",
        "x",
        "x12",
        " ext 5",
        "/",
        ":",
        "=",
        "\"",
        "\\",
        "\\n",
        "\n",
        "Bearer ",
        "bearer%20",
        "Authorization: Bearer ",
        "abcdef123456",
        "==",
        "version ",
        "v",
        "phone",
        "card",
        "Chrome/",
        "]",
        "[",
        "[REDACTED:phone]",
        "é",
        "界",
        "\u{a0}",
        "0",
        "beef",
        "dead",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

fn check(text: &str) -> Result<(), TestCaseError> {
    for key in [None, Some([1; 32])] {
        let redactor = redactor(key);
        let spans = redactor.spans(text);
        let once = run(&redactor, text);
        prop_assert_eq!(run(&redactor, &once), once.clone(), "not idempotent on {:?}", text);
        let mut rest = once.as_str();
        let mut at = 0;
        for span in spans {
            let kept = &text[at..span.start];
            prop_assert!(rest.starts_with(kept), "{:?} changed beside values", text);
            rest = &rest[kept.len()..];
            prop_assert!(rest.starts_with("[REDACTED:"));
            rest = &rest[rest.find(']').expect("a token ends") + 1..];
            at = span.end;
        }
        prop_assert_eq!(rest, &text[at..]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn glued_pieces_are_redacted_once_and_for_all(text in pieces()) {
        check(&text)?;
    }

    #[test]
    fn any_text_is_redacted_once_and_for_all(text in "[0-9 .+()@%eyJBbear\\-/:=é]{0,120}") {
        check(&text)?;
    }

    #[test]
    fn planted_values_never_stay(
        before in "[a-z ,:]{0,80} ",
        after in "( [a-zA-Z0-9 ,.:@-]{0,80})?",
        value in prop::sample::select(vec![
            "4111111111111111", "4111-1111-1111-1111", "bob.smith@example.com", "123-45-6789", "203.0.113.77",
            "+1-555-123-4567", "eyJhbGciOi.eyJzdWIi.c2lnbmF0", "(555) 123-4567",
        ]),
    ) {
        let word = before.trim_end_matches([' ', ':', ',']);
        prop_assume!(!VERSION_WORDS.iter().any(|version| word.ends_with(version)));
        let out = run(&redactor(None), &format!("{before}{value}{after}"));
        prop_assert!(!out.contains(value), "{}", out);
    }
}

/// What stands right of a number decides whether it is one; a token there decides again.
#[test]
fn a_token_on_the_right_makes_no_value_of_what_was_none() {
    for text in [
        "+423333)4-34223.4.3-122.2.2.4,",
        "+423333)4-34223.4.3-+423333)4-34223.4.3-122.2.2.4,",
        "@+11242V223-@+423333+11242V223-@+423333)4-34223.4.3-122.2.2.4,\0.1\u{1}\n2+42223-@+242)4-2222422216334223.4.3-122.2.2.4.1\u{1}\n2+42223-@+242 442221,\0, .",
    ] {
        check(text).expect("redaction of a redacted text changes nothing");
    }
}

/// Quadratic work on 4 MiB would take hours, so finishing is the assertion.
#[test]
fn adversarial_texts_take_linear_work() {
    const LEN: usize = 4 << 20;
    let redactor = redactor(None);
    for unit in [
        "1",
        "4",
        "1 ",
        "4111 ",
        "4111-",
        "1.",
        "10.0.0.",
        "1.1.1.1.1-",
        "@",
        "a@",
        "a@b.",
        "@a.",
        "%40",
        "a%40",
        "eyJ",
        "eyJ.",
        "eyJa.",
        "eyJa.eyJ.",
        "-eyJ",
        "-eyJa.",
        "Bearer ",
        "bearer",
        "Bearer%20",
        "Bearer x%3D",
        "+1",
        "+1 ",
        "(1",
        "(555) ",
        "555 123 ",
        "555-123-4567-",
        "123-45-6789-",
        "é",
        "a.",
        "x@1.",
        "..........@",
    ] {
        let text = unit.repeat(LEN / unit.len());
        run(&redactor, &text);
    }
    run(&redactor, &format!("{}122.2.2.4", "+423333)4-34223.4.3-".repeat(LEN / 20)));
    for (head, unit, tail) in [("x@", "a", ".com"), ("", "a", "@b.com"), ("Bearer ", "a", "=\""), ("eyJ", "a", "")] {
        run(&redactor, &format!("{head}{}{tail}", unit.repeat(LEN)));
    }
}
