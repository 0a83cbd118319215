//! Numbers and random identifiers, appended without allocating.

use super::rng::Rng;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends a decimal number.
pub(super) fn number(value: u64, out: &mut String) {
    padded(value, 1, out);
}

/// Appends a decimal number with at least `width` digits, at most 20.
pub(super) fn padded(mut value: u64, width: usize, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while value > 0 {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    let from = at.min(digits.len() - width);
    out.extend(digits[from..].iter().map(|&digit| char::from(digit)));
}

/// Appends `count` random hexadecimal digits.
pub(super) fn hex(count: usize, rng: &mut Rng, out: &mut String) {
    let mut left = count;
    while left > 0 {
        let some = left.min(16);
        hex_of(rng.next_u64(), some, out);
        left -= some;
    }
}

/// Appends the lowest `count` hexadecimal digits of `bits`, at most 16.
pub(super) fn hex_of(bits: u64, count: usize, out: &mut String) {
    for at in (0..count).rev() {
        out.push(char::from(HEX[(bits >> (4 * at) & 15) as usize]));
    }
}

/// Appends a random UUID of version 4.
pub(super) fn uuid(rng: &mut Rng, out: &mut String) {
    let (high, low) = (rng.next_u64(), rng.next_u64());
    hex_of(high >> 32, 8, out);
    out.push('-');
    hex_of(high >> 16, 4, out);
    out.push_str("-4");
    hex_of(high, 3, out);
    out.push('-');
    out.push(char::from(b"89ab"[(low >> 62) as usize]));
    hex_of(low >> 48, 3, out);
    out.push('-');
    hex_of(low, 12, out);
}

/// A duration in microseconds as services have them: mostly a few milliseconds, sometimes seconds.
pub(super) fn micros(rng: &mut Rng) -> u64 {
    let scale = 1_u64 << (8 + rng.below(4) + rng.below(4) + rng.below(5));
    scale + rng.below(scale)
}
