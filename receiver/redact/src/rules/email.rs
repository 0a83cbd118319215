//! E-mail addresses.
//!
//! **Matches** a local part of letters, digits and `._%+-`, an `@` or its URL-encoding `%40`, and a host of
//! labels of letters, digits and dashes, of which the last is at least two letters (or starts with
//! `xn--`). Letters of other alphabets count, except those of scripts that are written without spaces
//! (U+2E80 and above), where a word before the address would be taken for its local part. The host ends
//! after the last label that can be a top-level domain: a full stop behind is not part of the address.
//!
//! **Excludes** hosts that end in what is no top-level domain but a file name or a systemd unit:
//! `logo@2x.png`, `user@1000.service` (see [`NOT_DOMAINS`]). `git@github.com` is matched, as is the
//! password before the `@` of a URL with credentials. A word glued to the host (`x@example.com.Thanks`)
//! is taken along, as it could be a top-level domain.

/// Last labels of names with an `@` that are not addresses. None of them is in the root zone.
pub const NOT_DOMAINS: [&str; 32] = [
    "service",
    "socket",
    "timer",
    "target",
    "scope",
    "slice",
    "mount",
    "automount",
    "swap",
    "device",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "ico",
    "js",
    "mjs",
    "css",
    "map",
    "json",
    "yaml",
    "yml",
    "xml",
    "html",
    "txt",
    "log",
    "conf",
    "tgz",
    "gz",
    "jar",
];

/// The address around the `@` or `%40` at `sign`, with nothing of it before `floor`.
pub(crate) fn at(text: &str, floor: usize, sign: usize) -> Option<(usize, usize)> {
    let rest = text.get(sign..)?;
    let width = if rest.starts_with('@') {
        1
    } else if rest.starts_with("%40") {
        3
    } else {
        return None;
    };
    // The host first: it is what is missing most often, and costs less to see.
    let end = host_end(text, sign + width)?;
    let start = local_start(text, floor, sign)?;
    Some((start, end))
}

fn local_start(text: &str, floor: usize, sign: usize) -> Option<usize> {
    let before = text.get(floor..sign)?;
    let local = before
        .char_indices()
        .rev()
        .take_while(|&(_, c)| is_letter_or_digit(c) || matches!(c, '.' | '_' | '%' | '+' | '-'))
        .last()
        .map_or("", |(at, _)| &before[at..])
        .trim_start_matches('.');
    (local.contains(is_letter_or_digit) && !local.ends_with('.')).then_some(sign - local.len())
}

fn host_end(text: &str, start: usize) -> Option<usize> {
    let mut end = None;
    let mut at = start;
    let mut labels = 0;
    loop {
        let label = label_at(&text[at..]);
        if label.is_empty() {
            break;
        }
        labels += 1;
        let domain = top_level(label);
        if labels > 1 && !domain.is_empty() {
            end = Some((at + domain.len(), domain));
        }
        at += label.len();
        if label.ends_with('-') || text.as_bytes().get(at) != Some(&b'.') {
            break;
        }
        at += 1;
    }
    end.filter(|(_, last)| !NOT_DOMAINS.iter().any(|no| last.eq_ignore_ascii_case(no))).map(|(end, _)| end)
}

fn label_at(text: &str) -> &str {
    if text.starts_with('-') {
        return "";
    }
    let len = text.find(|c| !(is_letter_or_digit(c) || c == '-')).unwrap_or(text.len());
    &text[..len]
}

/// The part of `label`, from its start, that can be a top-level domain; empty if there is none. What is
/// glued to it must not depend on whether another rule takes that away.
fn top_level(label: &str) -> &str {
    if label.starts_with("xn--") {
        return label.trim_end_matches('-');
    }
    let len = label.find(|c: char| !c.is_alphabetic()).unwrap_or(label.len());
    let (letters, rest) = label.split_at(len);
    let ends = rest.is_empty() || rest.starts_with('-') || !letters.ends_with(|c: char| c.is_ascii());
    if ends && letters.chars().nth(1).is_some() { letters } else { "" }
}

fn is_letter_or_digit(c: char) -> bool {
    c.is_ascii_alphanumeric() || (!c.is_ascii() && c < '\u{2e80}' && c.is_alphanumeric())
}
