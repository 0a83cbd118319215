//! IPv4 addresses.
//!
//! **Matches** four numbers from 0 to 255 with dots between, of one to three digits each. A port
//! (`:8080`), a prefix length (`/24`), a zone or the other end of a range may follow and stays.
//! Every range is a value, loopback, `0.0.0.0` and private networks included: inside a cluster,
//! private addresses are the ones that identify something, and one policy is easier to rely on.
//!
//! **Excludes**
//! - addresses glued to a letter, digit or underscore (`v1.2.3.4`), five groups, and a dot and a letter
//!   behind (`1.2.3.4.tar.gz`, `4.3.2.1.in-addr.arpa`);
//! - versions: a suffix `-beta`, `-1` or `+` and a word such as `build`; the words of [`VERSION_WORDS`] in front, alone or at
//!   the end of a longer one, with `=`, `:`, quotes or a space between; a product and a slash in front
//!   (`Chrome/120.0.0.0`). A host name and a slash in front, as Java prints addresses
//!   (`localhost/127.0.0.1:80`), is not a product: it starts with a small letter, or a port follows;
//! - a dash and three or more digits in front, which is the inside of a dashed identifier.

use crate::view::{View, is_word};

/// Words after which four numbers with dots are a version, in small letters.
pub const VERSION_WORDS: [&str; 12] =
    ["version", "versions", "ver", "release", "build", "rev", "revision", "firmware", "driver", "sdk", "upgrade", "v"];

/// What follows the `+` of a version. Elsewhere `+` is a space in an encoded URL.
const BUILD_WORDS: [&str; 6] = ["build", "git", "dfsg", "deb", "ubuntu", "nmu"];

/// Names of programs in small letters that print their version behind a slash.
const PROGRAMS: [&str; 10] = ["curl", "nginx", "node", "chrome", "java", "python", "php", "okhttp", "openssl", "wget"];

/// The address whose first number ends at `last`, where the shape digit, dot, digit is.
pub(crate) fn at(view: &View<'_>, last: usize) -> Option<(usize, usize)> {
    let start = last - view.run_before(last, 3, |b| b.is_ascii_digit());
    let mut end = start;
    for group in 0..4 {
        if group > 0 {
            if view.at(end) != b'.' {
                return None;
            }
            end += 1;
        }
        let len = view.run(end, 4, |b| b.is_ascii_digit());
        let value = view.bytes[end..end + len].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
        if !(1..=3).contains(&len) || value > 255 {
            return None;
        }
        end += len;
    }
    (left_is_free(view, start, end) && right_is_free(view, end)).then_some((start, end))
}

/// Whether a word that announces a version stands directly before `at`.
pub(crate) fn versioned(view: &View<'_>, at: usize) -> bool {
    let gap = view.run_before(at, 6, |b| matches!(b, b' ' | b'=' | b':' | b'"' | b'\'' | b'\\' | b'('));
    gap > 0 && ends_with_word(view, at - gap.min(at), &VERSION_WORDS)
}

fn ends_with_word(view: &View<'_>, at: usize, words: &[&str]) -> bool {
    const LONGEST: usize = 24;
    let len = view.run_before(at, LONGEST, |b| b.is_ascii_alphabetic()).min(at);
    let word = &view.bytes[at - len..at];
    words.iter().any(|w| word.eq_ignore_ascii_case(w.as_bytes()))
        || (len > 7 && word[len - 7..].eq_ignore_ascii_case(b"version"))
}

fn left_is_free(view: &View<'_>, start: usize, end: usize) -> bool {
    match view.left(start) {
        b'.' => false,
        b'-' => view.run_before(start - 1, 3, |b| b.is_ascii_digit()) < 3,
        b'/' => !is_product(view, start - 1, end),
        left if is_word(left) => false,
        _ => !versioned(view, start),
    }
}

/// Whether the word before the slash at `slash` is a product, so that what follows is its version.
fn is_product(view: &View<'_>, slash: usize, end: usize) -> bool {
    let len = view.run_before(slash, 32, is_word).min(slash);
    let word = &view.bytes[slash - len..slash];
    let port = view.at(end) == b':' && view.at(end + 1).is_ascii_digit();
    match word.first() {
        Some(first) if first.is_ascii_uppercase() => !port,
        Some(_) => ends_with_word(view, slash, &PROGRAMS) || ends_with_word(view, slash, &VERSION_WORDS),
        None => false,
    }
}

fn right_is_free(view: &View<'_>, end: usize) -> bool {
    let after = view.at(end + 1);
    match view.at(end) {
        b'.' => !after.is_ascii_alphanumeric(),
        b'+' => !BUILD_WORDS.iter().any(|word| view.has(end + 1, word.as_bytes())),
        b'-' if after.is_ascii_digit() => {
            let digits = view.run(end + 1, 4, |b| b.is_ascii_digit());
            view.at(end + 1 + digits) == b'.'
        }
        b'-' => !after.is_ascii_alphabetic(),
        next => !is_word(next),
    }
}
