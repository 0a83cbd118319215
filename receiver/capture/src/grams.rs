//! The content filter: which 6-byte grams a frame's messages contain, so that
//! a search for a rare literal skips frames that cannot hold it.
//!
//! Messages are looked at as they stand on disk (JSON-escaped), ASCII case
//! folded. Grams start at every byte; of each aligned pair of neighbours only
//! the one with the smaller hash is kept. A literal of 13 bytes has eight
//! grams, of which at least three pairs are whole whatever its alignment; all
//! of them must be in the filter. One bit per hash: under a size budget more
//! grams with fewer bits each exclude better than few grams with many, because
//! a literal asks for several at once.

/// Bytes of one gram.
pub const GRAM: usize = 6;

/// A literal shorter than this many bytes is never excluded.
pub const MIN_LITERAL: usize = GRAM + 3;

/// U+212A and U+017F, which a search that ignores case takes for `k` and `s`.
const FOLDS: [&[u8]; 2] = ["\u{212a}".as_bytes(), "\u{17f}".as_bytes()];

/// Slots of a filter while its frame is being filled (2^21 bits, 256 KiB).
const SLOTS_LOG2: u32 = 21;

/// Grams of the frame that is being filled.
#[derive(Debug)]
pub struct Grams {
    bits: Vec<u64>,
    folds: bool,
}

impl Default for Grams {
    fn default() -> Self {
        Self { bits: vec![0; 1 << (SLOTS_LOG2 - 6)], folds: false }
    }
}

impl Grams {
    /// Adds the grams of one message, given as it stands on disk.
    pub fn add(&mut self, message: &[u8]) {
        pair_minima(message, |hash| self.set(hash));
        if !self.folds && !message.is_ascii() {
            self.folds = FOLDS.iter().any(|letter| memchr::memmem::find(message, letter).is_some());
        }
    }

    /// True if a message had a letter outside ASCII that folds into ASCII; reset by asking.
    pub fn take_folds(&mut self) -> bool {
        std::mem::take(&mut self.folds)
    }

    fn set(&mut self, hash: u32) {
        let slot = hash >> (32 - SLOTS_LOG2);
        self.bits[(slot >> 6) as usize] |= 1 << (slot & 63);
    }

    /// The filter in at most `budget` bytes, and the set is empty again.
    pub fn take(&mut self, budget: usize) -> Vec<u8> {
        let slots = (budget as u64 * 8).min(1 << SLOTS_LOG2);
        let mut filter = vec![0u8; slots.div_ceil(8) as usize];
        for (at, word) in self.bits.iter_mut().enumerate() {
            let mut rest = std::mem::take(word);
            while rest != 0 {
                let slot = (at as u64) << 6 | u64::from(rest.trailing_zeros());
                rest &= rest - 1;
                let to = narrow(slot, slots);
                filter[(to >> 3) as usize] |= 1 << (to & 7);
            }
        }
        filter
    }
}

/// Maps a slot of the wide set to one of `slots`, the same way when asking.
fn narrow(slot: u64, slots: u64) -> u64 {
    (slot * slots) >> SLOTS_LOG2
}

/// What a filter is asked for one literal; made once per search.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Wide slots that must all be present, for each of the two alignments.
    alignments: [Vec<u64>; 2],
}

impl Probe {
    /// `None` if the literal is too short to exclude anything. `literal` must
    /// be spelled as on disk (see [`crate::text::escaped`]).
    #[must_use]
    pub fn new(literal: &[u8]) -> Option<Self> {
        if literal.len() < MIN_LITERAL {
            return None;
        }
        let alignments = [0, 1].map(|start| {
            let mut slots = Vec::new();
            pair_minima(&literal[start..], |hash| slots.push(u64::from(hash >> (32 - SLOTS_LOG2))));
            if (literal.len() - start - (GRAM - 1)) % 2 == 1 {
                slots.pop();
            }
            slots
        });
        Some(Self { alignments })
    }

    /// False only if no message of the frame contains the literal, in any ASCII case.
    #[must_use]
    pub fn may_match(&self, filter: &[u8]) -> bool {
        let slots = filter.len() as u64 * 8;
        slots == 0
            || self.alignments.iter().any(|wanted| {
                wanted.iter().all(|&slot| {
                    let at = narrow(slot, slots);
                    filter[(at >> 3) as usize] & (1 << (at & 7)) != 0
                })
            })
    }
}

/// The smaller hash of each aligned pair of neighbouring grams; an odd last gram stands alone.
fn pair_minima(text: &[u8], mut emit: impl FnMut(u32)) {
    let mut at = 0;
    while let Some(bytes) = text.get(at..at + 8) {
        let word = load(bytes);
        emit(hash(word).min(hash(word >> 8)));
        at += 2;
    }
    let rest = &text[at.min(text.len())..];
    if rest.len() >= GRAM {
        let mut padded = [0u8; 8];
        padded[..rest.len()].copy_from_slice(rest);
        let word = load(&padded);
        let first = hash(word);
        emit(if rest.len() > GRAM { first.min(hash(word >> 8)) } else { first });
    }
}

fn load(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(bytes);
    u64::from_le_bytes(word) | 0x2020_2020_2020_2020
}

/// Upper half of a multiplication by an odd constant, of the lowest six bytes.
fn hash(word: u64) -> u32 {
    ((word << 16).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_contained_literal_is_never_excluded(
            messages in proptest::collection::vec("[a-zA-Z0-9 =/{}:\"-]{0,80}", 1..20),
            pick in any::<prop::sample::Index>(),
            cut in any::<(prop::sample::Index, prop::sample::Index)>(),
            budget in 1usize..4096,
            upper in any::<bool>(),
        ) {
            let mut grams = Grams::default();
            for message in &messages {
                grams.add(message.as_bytes());
            }
            let filter = grams.take(budget);
            let message = pick.get(&messages);
            if message.is_empty() { return Ok(()); }
            let (a, b) = (cut.0.index(message.len()), cut.1.index(message.len()));
            let mut literal = message[a.min(b)..=a.max(b)].to_owned();
            if upper { literal.make_ascii_uppercase(); }
            if let Some(probe) = Probe::new(literal.as_bytes()) {
                prop_assert!(probe.may_match(&filter), "{literal:?} in {message:?}");
            }
            prop_assert!(grams.bits.iter().all(|word| *word == 0));
        }
    }

    #[test]
    fn excludes_what_is_not_there() {
        let mut grams = Grams::default();
        for n in 0..2000u64 {
            grams.add(format!("request {:016x} took {} ms", n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n % 90).as_bytes());
        }
        let filter = grams.take(8192);
        let wrong = (0..1000u64)
            .filter(|n| {
                let literal = format!("{:013x}", n.wrapping_mul(0xd1b5_4a32_d192_ed03) >> 12);
                Probe::new(literal.as_bytes()).unwrap().may_match(&filter)
            })
            .count();
        assert!(wrong < 60, "{wrong} of 1000 absent literals not excluded");
    }

    #[test]
    fn short_literals_exclude_nothing() {
        assert!(Probe::new(b"12345678").is_none());
        assert!(Probe::new(b"1234567890123").is_some());
    }
}
