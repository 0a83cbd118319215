//! Sorts the bytes of a block into classes, one bit mask per class.
//!
//! A table gives the classes of a byte as one bit in each byte of a word. Eight of these words,
//! shifted by their place and joined, hold eight bits of every mask; a transposition of eight such
//! words puts the masks together. This needs no instructions of a particular machine.

/// Bytes per block: one bit of a mask each.
pub(super) const BLOCK: usize = 64;

/// One bit per byte of a block, for each class.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Masks {
    /// `0`-`9`.
    pub(super) digit: u64,
    /// What may separate groups of digits: space and `%&'()*+,-.`.
    pub(super) mark: u64,
    /// `.`
    pub(super) dot: u64,
    /// `+` and `(`, which may open a telephone number.
    pub(super) lead: u64,
    /// `@`, `%` (which may be `%40`) and `J` (which may end `eyJ`).
    pub(super) sign: u64,
    /// `b` and `B`.
    pub(super) b: u64,
    /// `r` and `R`.
    pub(super) r: u64,
}

/// The masks of `block`.
#[inline]
pub(super) fn of(block: &[u8; BLOCK]) -> Masks {
    let mut rows = [0_u64; 8];
    for (row, bytes) in rows.iter_mut().zip(block.as_chunks::<8>().0) {
        let [a, b, c, d, e, f, g, h] = bytes.map(|byte| CLASSES[usize::from(byte)]);
        *row = (a | b << 1 | (c | d << 1) << 2) | (e | f << 1 | (g | h << 1) << 2) << 4;
    }
    let [digit, mark, dot, lead, sign, b, r, _] = transpose(rows);
    Masks { digit, mark, dot, lead, sign, b, r }
}

/// Byte `i` of word `j` of the result is byte `j` of word `i`.
#[inline]
fn transpose(mut rows: [u64; 8]) -> [u64; 8] {
    const STAGES: [(usize, u64); 3] =
        [(4, 0x0000_0000_ffff_ffff), (2, 0x0000_ffff_0000_ffff), (1, 0x00ff_00ff_00ff_00ff)];
    for (distance, low) in STAGES {
        for i in (0..8).filter(|i| i & distance == 0) {
            let (x, y) = (rows[i], rows[i + distance]);
            let shift = 8 * distance;
            rows[i] = (x & low) | ((y & low) << shift);
            rows[i + distance] = ((x >> shift) & low) | (y & !low);
        }
    }
    rows
}

/// The classes of every byte: bit 0 of byte `k` is class `k`, in the order of the fields of [`Masks`].
static CLASSES: [u64; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        table[i] = b.is_ascii_digit() as u64
            | (matches!(b, b' ' | b'%'..=b'.') as u64) << 8
            | ((b == b'.') as u64) << 16
            | (matches!(b, b'+' | b'(') as u64) << 24
            | (matches!(b, b'@' | b'%' | b'J') as u64) << 32
            | (matches!(b, b'b' | b'B') as u64) << 40
            | (matches!(b, b'r' | b'R') as u64) << 48;
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::{BLOCK, CLASSES, of};

    #[test]
    fn every_byte_at_every_place_gets_its_classes() {
        for byte in 0..=255_u8 {
            for place in 0..BLOCK {
                let mut block = [b'x'; BLOCK];
                block[place] = byte;
                let m = of(&block);
                let masks = [m.digit, m.mark, m.dot, m.lead, m.sign, m.b, m.r];
                for (class, mask) in masks.into_iter().enumerate() {
                    let expected = CLASSES[usize::from(byte)] >> (8 * class) & 1;
                    assert_eq!(mask, expected << place, "byte {byte} at {place}, class {class}");
                }
            }
        }
    }
}
