//! The masked form of a message: its hash, which is all that most lines need,
//! and its text, which is built once per distinct form.

use super::token::{self, Sink};

/// Names that are compared one by one; further ones count as values.
pub const MAX_SOFT: usize = 8;

/// Opens a word in a key; [`END`] closes it.
pub const WORD: u8 = 4;
/// Opens a name with digits.
pub const SOFT: u8 = 2;
/// Closes a word or name.
pub const END: u8 = 5;
/// Stands for a value.
pub const VALUE: u8 = 1;

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const A: u64 = 0xa076_1d64_78bd_642f;
const B: u64 = 0xe703_7ed1_a0b4_28db;

/// Hash of a masked message and of the names in it. Equal on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// Hash of everything but values and names.
    pub hash: u64,
    /// Hashes of the names, in order.
    pub soft: [u32; MAX_SOFT],
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Hash of a text, going on from `state`. Most texts are words of a few letters: these take no loop.
#[inline]
#[must_use]
pub fn hash_bytes(mut state: u64, text: &[u8]) -> u64 {
    let length = text.len() as u64;
    let last = match text {
        [] => 0,
        [first, .., last] if text.len() < 4 => {
            u64::from(*first) | u64::from(text[text.len() / 2]) << 8 | u64::from(*last) << 16
        }
        [only] => u64::from(*only),
        _ => match (text.first_chunk(), text.last_chunk()) {
            (Some(first), Some(last)) if text.len() <= 8 => {
                u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
            }
            _ => {
                let mut rest = text;
                while let Some((chunk, tail)) = rest.split_first_chunk::<8>()
                    && !tail.is_empty()
                {
                    state = fold(state ^ u64::from_le_bytes(*chunk), A);
                    rest = tail;
                }
                // The last eight bytes, of which some were hashed before.
                text.last_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk))
            }
        },
    };
    fold(state ^ last, B ^ length)
}

struct Hashing {
    state: u64,
    soft: [u32; MAX_SOFT],
    names: usize,
}

impl Sink for Hashing {
    #[inline]
    fn word(&mut self, text: &[u8]) {
        self.state = hash_bytes(self.state, text);
    }

    #[inline]
    fn soft(&mut self, text: &[u8]) {
        match self.soft.get_mut(self.names) {
            Some(place) => {
                *place = hash_bytes(SEED, text) as u32;
                self.names += 1;
                self.punct(SOFT);
            }
            None => self.value(),
        }
    }

    #[inline]
    fn value(&mut self) {
        self.punct(VALUE);
    }

    #[inline]
    fn punct(&mut self, byte: u8) {
        self.state = (self.state.rotate_left(7) ^ u64::from(byte)).wrapping_mul(SEED);
    }

    #[inline]
    fn space(&mut self) {
        self.punct(b' ');
    }
}

/// The digest of a message.
#[inline]
#[must_use]
pub fn digest(text: &[u8]) -> Digest {
    let mut sink = Hashing { state: SEED, soft: [0; MAX_SOFT], names: 0 };
    token::scan(text, &mut sink);
    Digest { hash: fold(sink.state, A ^ SEED), soft: sink.soft }
}

#[derive(Default)]
struct Building {
    out: Vec<u8>,
    names: usize,
}

impl Sink for Building {
    fn word(&mut self, text: &[u8]) {
        self.out.push(WORD);
        self.out.extend_from_slice(text);
        self.out.push(END);
    }

    fn soft(&mut self, text: &[u8]) {
        if self.names == MAX_SOFT {
            return self.value();
        }
        self.names += 1;
        self.out.push(SOFT);
        self.out.extend_from_slice(text);
        self.out.push(END);
    }

    fn value(&mut self) {
        self.out.push(VALUE);
    }

    fn punct(&mut self, byte: u8) {
        self.out.push(byte);
    }

    fn space(&mut self) {
        self.out.push(b' ');
    }
}

/// The masked message: words between [`WORD`] or [`SOFT`] and [`END`], values
/// as [`VALUE`], separators as they are.
#[must_use]
pub fn build(text: &[u8]) -> Box<[u8]> {
    let mut sink = Building::default();
    token::scan(text, &mut sink);
    sink.out.into_boxed_slice()
}
