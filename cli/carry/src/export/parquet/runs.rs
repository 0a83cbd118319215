//! Small numbers as Parquet packs them: runs of one number, and between them groups of eight in as few bits as
//! the greatest needs.
//!
//! The `parquet` crate does this for a column value by value, after it has looked each of them up in a dictionary.
//! Whoever has the numbers already gets them packed here in a tenth of the time.

/// Numbers in a group.
const GROUP: usize = 8;
/// Groups in one stretch of packed numbers, so that its head is one byte.
const STRETCH: usize = 63;
/// A run this long pays for a head of its own.
const RUN: usize = 16;

/// Bits that numbers below `count` need, at least one.
pub(super) fn width(count: usize) -> u8 {
    (usize::BITS - count.saturating_sub(1).leading_zeros()).max(1) as u8
}

/// Appends the numbers, each below 2 to the power of `width`.
pub(super) fn pack(numbers: &[u32], width: u8, out: &mut Vec<u8>) {
    let mut rest = numbers;
    while let Some(&first) = rest.first() {
        let run = rest.iter().take_while(|&&number| number == first).count();
        if run >= RUN || run == rest.len() {
            head(run << 1, out);
            out.extend_from_slice(&first.to_le_bytes()[..usize::from(width).div_ceil(8)]);
            rest = &rest[run..];
            continue;
        }
        let mut length = GROUP.min(rest.len());
        while length < rest.len() && length < STRETCH * GROUP && !begins_a_run(&rest[length..]) {
            length = (length + GROUP).min(rest.len());
        }
        let (stretch, behind) = rest.split_at(length);
        head(length.div_ceil(GROUP) << 1 | 1, out);
        pack_stretch(stretch, width, out);
        rest = behind;
    }
}

fn begins_a_run(numbers: &[u32]) -> bool {
    numbers.get(..RUN).is_some_and(|numbers| numbers.iter().all(|number| *number == numbers[0]))
}

fn head(value: usize, out: &mut Vec<u8>) {
    let mut rest = value;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Whole groups; what the last lacks is filled with zeros.
fn pack_stretch(numbers: &[u32], width: u8, out: &mut Vec<u8>) {
    let end = out.len() + numbers.len().div_ceil(GROUP) * usize::from(width);
    let (mut held, mut bits) = (0_u64, 0);
    for number in numbers {
        held |= u64::from(*number) << bits;
        bits += u32::from(width);
        if bits >= 32 {
            out.extend_from_slice(&(held as u32).to_le_bytes());
            held >>= 32;
            bits -= 32;
        }
    }
    out.extend_from_slice(&held.to_le_bytes()[..bits.div_ceil(8) as usize]);
    out.resize(end, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By the grammar of the format's specification.
    fn unpack(mut packed: &[u8], width: u8, count: usize) -> Vec<u32> {
        let mut numbers = Vec::new();
        let mut next = |length: usize| {
            let (taken, rest) = packed.split_at(length);
            packed = rest;
            taken
        };
        while numbers.len() < count {
            let (mut head, mut shift) = (0_usize, 0);
            loop {
                let byte = next(1)[0];
                head |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            if head & 1 == 0 {
                let mut bytes = [0; 4];
                let taken = next(usize::from(width).div_ceil(8));
                bytes[..taken.len()].copy_from_slice(taken);
                numbers.extend(std::iter::repeat_n(u32::from_le_bytes(bytes), head >> 1));
            } else {
                let bytes = next((head >> 1) * usize::from(width));
                let bit = |at: usize| u32::from(bytes[at / 8] >> (at % 8) & 1);
                let number = |at: usize| (0..usize::from(width)).map(|n| bit(at * usize::from(width) + n) << n).sum();
                numbers.extend((0..(head >> 1) * GROUP).map(number).collect::<Vec<u32>>());
            }
        }
        assert!(packed.is_empty());
        numbers.truncate(count);
        numbers
    }

    proptest! {
        #[test]
        fn comes_back(width in 1_u8..=32, runs in proptest::collection::vec((any::<u32>(), 1_usize..40), 0..200)) {
            let numbers: Vec<u32> = runs
                .iter()
                .flat_map(|(number, length)| std::iter::repeat_n(number & (u32::MAX >> (32 - width)), *length * usize::from(number % 3 != 0) + 1))
                .collect();
            let mut out = Vec::new();
            pack(&numbers, width, &mut out);
            prop_assert_eq!(unpack(&out, width, numbers.len()), numbers);
        }
    }

    #[test]
    fn as_few_bits_as_needed() {
        assert_eq!([0, 1, 2, 3, 4, 5, 256, 257].map(width), [1, 1, 1, 2, 2, 3, 8, 9]);
    }
}
