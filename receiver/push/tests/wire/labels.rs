//! The label grammar, strict and lenient.

use logtap_push::encode::label_text;
use logtap_push::{Altered, LABELS_RAW, LabelForm, Labels};

use crate::support::*;

#[track_caller]
fn text(input: &[u8], expected: &[(&str, &str)], fixes: &[Altered]) {
    let parsed = Labels::new(LabelForm::Text, input).parse();
    assert_eq!(parsed.pairs, pairs(expected), "{}", input.escape_ascii());
    let counted: Vec<Altered> = parsed.altered.iter().map(|(kind, _)| kind).collect();
    assert_eq!(counted, fixes, "{}", input.escape_ascii());
}

#[test]
fn the_strict_grammar() {
    let table: &[(&str, &[(&str, &str)])] = &[
        ("", &[]),
        ("{}", &[]),
        (" { } ", &[]),
        (r#"{a="b"}"#, &[("a", "b")]),
        (r#"{ a = "b" , c="d" , }"#, &[("a", "b"), ("c", "d")]),
        (r#"{z="1",a="2"}"#, &[("a", "2"), ("z", "1")]),
        (r#"{a="1",a="2"}"#, &[("a", "2")]),
        (r#"{a="",b="x"}"#, &[("b", "x")]),
        (r"{a='it\'s',b=`raw \n`}", &[("a", "it's"), ("b", r"raw \n")]),
        ("{a=`x\ny`}", &[("a", "x\ny")]),
        (r#"{"utf8.näme"="v","x"='y'}"#, &[("utf8.näme", "v"), ("x", "y")]),
        (r#"{a="\a\b\f\n\r\t\v\\\""}"#, &[("a", "\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"")]),
        (r#"{a="\x41\u00e9\U0001F600\101"}"#, &[("a", "Aé😀A")]),
        (r#"{a="\xc3\xa9"}"#, &[("a", "é")]),
        (r#"{a="x}y,z=1"}"#, &[("a", "x}y,z=1")]),
        (r#"{_a1="1",__name__="n"}"#, &[("__name__", "n"), ("_a1", "1")]),
    ];
    for (input, expected) in table {
        text(input.as_bytes(), expected, &[]);
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    text(b"{a=\"x\xffy\"}", &[("a", "x\u{fffd}y")], &[Altered::InvalidUtf8]);
    text(b"{a=\"x\0y\"}", &[("a", "x\u{fffd}y")], &[Altered::Nul]);
    text(br#"{a="\xff"}"#, &[("a", "\u{fffd}")], &[Altered::InvalidUtf8]);
    text(br#"{a="\x00"}"#, &[("a", "\u{fffd}")], &[Altered::Nul]);
}

#[test]
fn the_lenient_reading() {
    let table: &[(&str, &[(&str, &str)])] = &[
        (
            r#"{level="info",app="a "q" b",path="C:\temp"}"#,
            &[("app", r#"a "q" b"#), ("level", "info"), ("path", r"C:\temp")],
        ),
        (r#"{app="my \"app\" \x",b="c"}"#, &[("app", r#"my "app" \x"#), ("b", "c")]),
        (r#"{app="my \"a\", x=\"1\" \q"}"#, &[("app", r#"my "a", x="1" \q"#)]),
        (r#"{a="x\u{200b}\u{7f}",b="\t"}"#, &[("a", "x\u{200b}\u{7f}"), ("b", "\t")]),
        (r#"{a="it\'s",b="x"}"#, &[("a", "it's"), ("b", "x")]),
        (r#"{path="C:\",b="y"}"#, &[("b", "y"), ("path", r"C:\")]),
        (r#"{msg="{"k":"v"}",b="y"}"#, &[("b", "y"), ("msg", r#"{"k":"v"}"#)]),
        ("{a=\"two\nlines\",b=\"x\"}", &[("a", "two\nlines"), ("b", "x")]),
        (r#"{foo-bar="1",k8s.pod="2"}"#, &[("foo-bar", "1"), ("k8s.pod", "2")]),
        (r#"{a="1" , b="2""#, &[("a", "1"), ("b", "2")]),
        (r#"{a="", b="\q"}"#, &[("b", r"\q")]),
    ];
    for (input, expected) in table {
        text(input.as_bytes(), expected, &[Altered::LabelSyntax]);
    }
    text(br#"{a="\0b"}"#, &[("a", "\u{fffd}b")], &[Altered::Nul, Altered::LabelSyntax]);
}

#[test]
fn what_cannot_be_read_is_kept_whole() {
    for input in ["a=b", "{", "{a}", "{a=b}", "{a=\"x}", "nonsense", "metric{a=\"b\"}", "{=\"x\"}"] {
        let expected: &[(&str, &str)] = if input == "{" { &[] } else { &[(LABELS_RAW, input)] };
        let fix = if input == "{" { Altered::LabelSyntax } else { Altered::LabelRaw };
        text(input.as_bytes(), expected, &[fix]);
    }
}

#[test]
fn json_objects() {
    let json = |input: &str| Labels::new(LabelForm::Json, input.as_bytes()).parse();
    let parsed = json(r#"{"b":"\u00e9\n","a":1,"b":"last","e":"","o":{"x":[1, 2]}}"#);
    let expected = [("a", "1"), ("b", "last"), ("e", ""), ("o", r#"{"x":[1, 2]}"#)];
    assert_eq!(parsed.pairs, pairs(&expected));
    assert_eq!(parsed.altered.get(Altered::LabelType), 2);
    assert_eq!(json("{}").pairs, []);
    assert_eq!(json("[1]").pairs, pairs(&[(LABELS_RAW, "[1]")]));
    assert_eq!(json(r#"{"a" 1}"#).pairs, pairs(&[(LABELS_RAW, r#"{"a" 1}"#)]));
}

#[test]
fn equal_bytes_have_equal_keys_and_forms_are_kept_apart() {
    let key = |form, bytes: &'static str| Labels::new(form, bytes.as_bytes()).key();
    assert_eq!(key(LabelForm::Text, "{}"), key(LabelForm::Text, "{}"));
    assert_ne!(key(LabelForm::Text, "{}"), key(LabelForm::Json, "{}"));
}

#[test]
fn written_labels_are_read_back() {
    let labels = [("a", "q\"\\\n\r\t\u{1}\u{7f}é😀`'"), ("dotted.name \"x\"", "v")];
    text(label_text(&labels).as_bytes(), &labels, &[]);
}
