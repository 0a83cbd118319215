//! JSON web tokens.
//!
//! **Matches** three parts of the base64url alphabet with dots between, the first two starting with
//! `eyJ` (the encoding of `{"`) and at least four long. The third may be empty, as in unsigned tokens.
//!
//! **Excludes** an `eyJ` glued to a letter or digit, or by a dash or full stop to a digit, in front; and anything with
//! only two parts. A prefix such as `token_` or `jwt-` does not protect a token.

use crate::view::{View, is_base64url};

/// The end of the token that starts with the `eyJ` at `at`.
///
/// # Errors
/// The byte before which no token can start, because the run of characters was seen not to be one.
pub(crate) fn at(view: &View<'_>, at: usize) -> Result<usize, usize> {
    let left = match view.left(at) {
        b'-' | b'.' => !view.before(at, 2).is_ascii_digit(),
        left => !left.is_ascii_alphanumeric(),
    };
    if !left {
        return Err(at);
    }
    let part = |from: usize| from + view.run(from, usize::MAX, is_base64url);
    let first = part(at);
    if first < at + 4 || !view.has(first, b".eyJ") {
        return Err(first);
    }
    let second = part(first + 1);
    if second < first + 5 || view.at(second) != b'.' {
        // The second part may itself be the first part of a token.
        return Err(if view.at(second) == b'.' { first } else { second });
    }
    Ok(part(second + 1))
}
