//! Several label matchers in one text, as 1.x takes them: `app=api,level!=debug`.
//!
//! A comma parts two matchers only where another one follows it, so that values and regular expressions
//! may hold commas; `\,` is a comma in any place.

use crate::query::{LabelMatcher, QueryError};

/// The matchers of texts of which each may hold several.
///
/// # Errors
/// If one is none.
pub fn parse_all<T: AsRef<str>>(texts: &[T]) -> Result<Vec<LabelMatcher>, QueryError> {
    texts.iter().flat_map(|text| split(text.as_ref())).map(|text| text.parse()).collect()
}

/// The texts of the matchers in a text.
#[must_use]
pub fn split(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut from = 0;
    for (at, _) in text.match_indices(',') {
        let escaped = text[from..at].ends_with('\\');
        let Some(last) = all.last_mut() else { break };
        if escaped {
            last.push_str(&text[from..at - 1]);
            last.push(',');
        } else if begins_matcher(&text[at + 1..]) {
            last.push_str(&text[from..at]);
            all.push(String::new());
        } else {
            last.push_str(&text[from..=at]);
        }
        from = at + 1;
    }
    if let Some(last) = all.last_mut() {
        last.push_str(&text[from..]);
    }
    all
}

/// A matcher as a text that [`split`] takes for one.
#[must_use]
pub fn escape(text: &str) -> String {
    if split(text) == [text] { text.to_owned() } else { text.replace(',', "\\,") }
}

/// True where a name and an operator stand.
fn begins_matcher(text: &str) -> bool {
    let text = text.trim_start();
    let in_name = |c: char| c.is_alphanumeric() || "_.-/".contains(c);
    let rest = text.trim_start_matches(in_name);
    let named = rest.len() < text.len() && !text.starts_with(|c: char| c.is_ascii_digit());
    named && ["=", "!=", "!~"].iter().any(|operator| rest.starts_with(operator))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commas_part_matchers_and_nothing_else() {
        for (text, wanted) in [
            ("app=api", &["app=api"][..]),
            ("app=api,pod=api-1", &["app=api", "pod=api-1"]),
            ("app=api, pod!=api-1,k8s.io/x!~y", &["app=api", " pod!=api-1", "k8s.io/x!~y"]),
            ("app=a,b", &["app=a,b"]),
            ("app=~a{1,3}", &["app=~a{1,3}"]),
            ("q=x,1=2", &["q=x,1=2"]),
            ("app=a\\,b=c", &["app=a,b=c"]),
            ("app=a\\,b=c,d=e", &["app=a,b=c", "d=e"]),
            ("app=,", &["app=,"]),
        ] {
            assert_eq!(split(text), wanted, "{text}");
        }
        assert!(parse_all(&["app=api, pod=x", "level!=debug"]).is_ok_and(|all| all.len() == 3));
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_one_matcher(text in "[a-z=,!~\\\\ ]{0,24}", other in "[a-z]{1,4}=[a-z]{0,4}") {
            prop_assert_eq!(split(&escape(&text)), [text.clone()]);
            prop_assume!(!text.ends_with('\\'));
            prop_assert_eq!(split(&format!("{},{other}", escape(&text))), [text, other]);
        }
    }
}
