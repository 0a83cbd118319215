//! Social security numbers of the United States.
//!
//! **Matches** `ddd-dd-dddd`.
//!
//! **Excludes** what was never issued: area 000, 666 and 900-999, group 00, serial 0000; and numbers
//! glued on either side to a letter, digit or underscore, to a decimal point, or by a dash to more
//! digits. A name and a dash before the number (`ssn-123-45-6789`) do not protect it.
//!
//! Nine digits in a row, or with spaces, are not matched: nothing tells them from any other number.

use crate::view::{View, is_word};

/// The value that starts at `at`, where three digits are.
pub(crate) fn at(view: &View<'_>, at: usize) -> Option<(usize, usize)> {
    let value: &[u8; 11] = view.bytes.get(at..)?.first_chunk()?;
    let [a, b, c, b'-', d, e, b'-', serial @ ..] = value else {
        return None;
    };
    let area = [*a, *b, *c];
    if area == *b"000" || area == *b"666" || *a == b'9' {
        return None;
    }
    if [*d, *e] == *b"00" || serial == b"0000" {
        return None;
    }
    let left = match view.left(at) {
        b'-' => !view.before(at, 2).is_ascii_digit(),
        left => !(is_word(left) || (left == b'.' && view.before(at, 2).is_ascii_digit())),
    };
    (left && view.number_may_end(at + 11)).then_some((at, at + 11))
}
