//! Walking a file of zstd frames block by block, without trusting it: which
//! frames are whole, where the last whole block of a torn frame ends.
//!
//! Repair needs this because a decoder only says "truncated"; the places where
//! a file may be cut so that every reader accepts it are block boundaries.

/// Decoded blocks are at most this large.
const MAX_BLOCK: usize = 128 << 10;

/// The longest frame header there is.
pub(crate) const MAX_HEADER: usize = 18;

/// What the first bytes of something say about it.
pub(crate) enum Start {
    /// A frame with a header of this length, with or without checksum behind its blocks.
    Frame { header: usize, checksum: bool },
    /// A skippable frame of this length.
    Skippable(usize),
    /// Too few bytes to tell.
    Short,
    /// Not the start of a frame.
    Garbage,
}

/// One step of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A whole zstd frame of this many bytes.
    Frame(usize),
    /// A whole skippable frame of this many bytes.
    Skippable(usize),
    /// The start of a frame whose end is missing: bytes up to the end of its
    /// last whole block (0 if not even the header is whole).
    Torn(usize),
    /// Not the start of a frame.
    Garbage,
}

/// What stands at the start of `bytes`.
#[must_use]
pub fn next(bytes: &[u8]) -> Part {
    match start(bytes) {
        Start::Frame { header, checksum } => blocks(bytes, header, checksum, |_| ()),
        Start::Skippable(whole) if bytes.len() >= whole => Part::Skippable(whole),
        Start::Skippable(_) | Start::Short => Part::Torn(0),
        Start::Garbage => Part::Garbage,
    }
}

/// What begins here, from at most [`MAX_HEADER`] bytes.
pub(crate) fn start(bytes: &[u8]) -> Start {
    let Some(magic) = u32_at(bytes, 0) else {
        return if is_prefix_of_magic(bytes) { Start::Short } else { Start::Garbage };
    };
    if magic & 0xffff_fff0 == 0x184D_2A50 {
        return u32_at(bytes, 4).map_or(Start::Short, |length| Start::Skippable(8 + length as usize));
    }
    if magic != 0xFD2F_B528 {
        return Start::Garbage;
    }
    match header_length(bytes) {
        Some((header, checksum)) => Start::Frame { header, checksum },
        None => Start::Short,
    }
}

/// Bytes behind a block's header and whether it is the last; `None` if it is no block.
pub(crate) fn block(header: [u8; 3]) -> Option<(usize, bool)> {
    let word = u32::from_le_bytes([header[0], header[1], header[2], 0]);
    let (last, kind, size) = (word & 1 == 1, word >> 1 & 3, (word >> 3) as usize);
    match kind {
        0 | 2 if size <= MAX_BLOCK => Some((size, last)),
        1 if size <= MAX_BLOCK => Some((1, last)),
        _ => None,
    }
}

/// Ends of the whole blocks of the frame that starts `bytes`, header included as the first.
#[must_use]
pub fn block_ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    if let Some((header, checksum)) = header_length(bytes) {
        ends.push(header);
        blocks(bytes, header, checksum, |end| ends.push(end));
    }
    ends
}

/// True if the frame that starts `bytes` has the header of ours: no checksum,
/// no content size, no dictionary. Only such a frame can be closed early by an
/// empty last block.
#[must_use]
pub fn is_own_form(bytes: &[u8]) -> bool {
    bytes.get(4) == Some(&0)
}

fn blocks(bytes: &[u8], header: usize, checksum: bool, mut seen: impl FnMut(usize)) -> Part {
    let mut at = header;
    loop {
        let Some(header) = bytes.get(at..at + 3) else {
            return Part::Torn(at);
        };
        let Some((length, last)) = block([header[0], header[1], header[2]]) else {
            return Part::Torn(at);
        };
        let end = at + 3 + length;
        if end > bytes.len() {
            return Part::Torn(at);
        }
        at = end;
        seen(end);
        if last {
            let end = at + if checksum { 4 } else { 0 };
            return if bytes.len() >= end { Part::Frame(end) } else { Part::Torn(at) };
        }
    }
}

/// Length of a frame header and whether a content checksum follows the blocks.
fn header_length(bytes: &[u8]) -> Option<(usize, bool)> {
    let descriptor = *bytes.get(4)?;
    let single = descriptor & 0x20 != 0;
    let content = match descriptor >> 6 {
        0 => usize::from(single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let length = 5 + usize::from(!single) + dictionary + content;
    (bytes.len() >= length).then_some((length, descriptor & 4 != 0))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
}

fn is_prefix_of_magic(bytes: &[u8]) -> bool {
    0xFD2F_B528_u32.to_le_bytes().starts_with(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{EMPTY_LAST_BLOCK, FrameEncoder, LEVEL};

    fn two_flushes() -> (Vec<u8>, usize) {
        let mut encoder = FrameEncoder::new(LEVEL).unwrap();
        encoder.write(b"one line\n").unwrap();
        encoder.flush().unwrap();
        let first = encoder.out().len();
        encoder.write(&b"another line\n".repeat(20_000)).unwrap();
        encoder.end().unwrap();
        (std::mem::take(encoder.out()), first)
    }

    #[test]
    fn whole_and_torn_at_every_byte() {
        let (file, first) = two_flushes();
        assert_eq!(next(&file), Part::Frame(file.len()));
        for cut in 0..file.len() {
            let Part::Torn(good) = next(&file[..cut]) else {
                panic!("cut at {cut} is {:?}", next(&file[..cut]));
            };
            assert!(good <= cut);
            assert_eq!(good >= first, cut >= first, "cut at {cut}");
            if good > 0 {
                let mut closed = file[..good].to_vec();
                closed.extend_from_slice(&EMPTY_LAST_BLOCK);
                assert_eq!(next(&closed), Part::Frame(closed.len()));
                let mut out = Vec::with_capacity(1 << 20);
                crate::decode::Decoder::default().piece(&closed, &mut out, usize::MAX).unwrap();
                assert!(out.starts_with(&b"one line\n"[..if cut >= first { 9 } else { 0 }]));
            }
        }
    }

    #[test]
    fn garbage_and_skippable() {
        assert_eq!(next(b"{\"ts\""), Part::Garbage);
        assert_eq!(next(&[0; 16]), Part::Garbage);
        assert_eq!(next(&[0x5C, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9, 9, 7]), Part::Skippable(10));
        assert_eq!(next(&[0x5C, 0x2A, 0x4D, 0x18, 2, 0, 0, 0, 9]), Part::Torn(0));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64), magic in proptest::prelude::any::<bool>()) {
            let mut bytes = bytes;
            if magic { bytes.splice(0..0, [0x28, 0xb5, 0x2f, 0xfd]); }
            if let Part::Frame(length) | Part::Skippable(length) | Part::Torn(length) = next(&bytes) {
                proptest::prop_assert!(length <= bytes.len());
            }
        }
    }
}
