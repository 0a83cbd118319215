//! The content filter: which 6-byte grams a frame's messages contain, so that
//! a search for a rare literal skips frames that cannot hold it.
//!
//! Messages are looked at as they stand on disk (JSON-escaped), ASCII case
//! folded. Each gram sets one bit. A literal of 13 bytes has eight grams, and
//! all of them must be in the filter. Under a size budget, every gram with one
//! bit excludes better than a selection with more bits each, because a literal
//! asks for many at once. (Tried: winnowing with window 8, and the smaller of
//! each pair; for 13 bytes they let through two to four times as many frames.)

/// Bytes of one gram.
pub const GRAM: usize = 6;

/// A literal shorter than this many bytes is never excluded.
pub const MIN_LITERAL: usize = 9;

/// U+212A and U+017F, which a search that ignores case takes for `k` and `s`.
const FOLDS: [&[u8]; 2] = ["\u{212a}".as_bytes(), "\u{17f}".as_bytes()];

/// Bits of the largest filter: 64 KiB, about what the first cache holds. A frame
/// of 4 MiB that compresses eightfold has room for three quarters of it.
const SLOTS: usize = 1 << 19;

/// Grams of the frame that is being filled.
#[derive(Debug)]
pub struct Grams {
    words: Vec<u64>,
    folded: Vec<u8>,
    folds: bool,
}

impl Default for Grams {
    fn default() -> Self {
        Self { words: vec![0; SLOTS / 64], folded: Vec::new(), folds: false }
    }
}

impl Grams {
    /// Adds the grams of one message, given as it stands on disk.
    pub fn add(&mut self, message: &[u8]) {
        fold(message, &mut self.folded);
        each_slot(&self.folded, |slot| self.words[slot / 64] |= 1 << (slot % 64));
        if !self.folds && !message.is_ascii() {
            self.folds = FOLDS.iter().any(|letter| memchr::memmem::find(message, letter).is_some());
        }
    }

    /// True if a message had a letter outside ASCII that folds into ASCII; reset by asking.
    pub fn take_folds(&mut self) -> bool {
        std::mem::take(&mut self.folds)
    }

    /// The filter in at most `budget` bytes (at least 8), and the set is empty again.
    pub fn take(&mut self, budget: usize) -> Vec<u8> {
        let words = (budget / 8).clamp(1, self.words.len());
        let (folded, rest) = self.words.split_at_mut(words);
        for part in rest.chunks_mut(words) {
            for (word, more) in folded.iter_mut().zip(part) {
                *word |= std::mem::take(more);
            }
        }
        let filter = folded.iter().flat_map(|word| word.to_le_bytes()).collect();
        folded.fill(0);
        filter
    }
}

/// What a filter is asked for one literal; made once per search.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Slots that must all be present.
    wanted: Vec<usize>,
}

impl Probe {
    /// `None` if the literal is too short to exclude anything. `literal` must
    /// be spelled as on disk (see [`crate::text::escaped`]).
    #[must_use]
    pub fn new(literal: &[u8]) -> Option<Self> {
        if literal.len() < MIN_LITERAL {
            return None;
        }
        let (mut folded, mut wanted) = (Vec::new(), Vec::new());
        fold(literal, &mut folded);
        each_slot(&folded, |slot| wanted.push(slot));
        Some(Self { wanted })
    }

    /// False only if no message of the frame contains the literal, in any ASCII case.
    #[must_use]
    pub fn may_match(&self, filter: &[u8]) -> bool {
        let bits = filter.len() * 8;
        bits == 0
            || self.wanted.iter().all(|slot| {
                let at = slot % bits;
                filter[at / 8] & (1 << (at % 8)) != 0
            })
    }
}

/// The slot of each gram. `text` is folded.
fn each_slot(text: &[u8], mut emit: impl FnMut(usize)) {
    let mut rest = text;
    while let Some(block) = rest.first_chunk::<16>() {
        for at in 0..8 {
            emit(slot(load(block, at)));
        }
        rest = &rest[8..];
    }
    let mut padded = [0u8; 32];
    padded[..rest.len()].copy_from_slice(rest);
    for at in 0..(rest.len() + 1).saturating_sub(GRAM) {
        if let Some(block) = padded[at..].first_chunk::<16>() {
            emit(slot(load(block, 0)));
        }
    }
}

fn load(block: &[u8; 16], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&block[at..at + 8]);
    u64::from_le_bytes(word)
}

/// A multiple of 2^16, so that the two bytes behind the gram fall out of the product.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15 << 16;

/// Upper bits of a multiplication.
fn slot(word: u64) -> usize {
    (word.wrapping_mul(FACTOR) >> (64 - SLOTS.ilog2())) as usize
}

/// Letters to lower case; some other bytes change too, which only makes grams collide.
fn fold(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend(text.iter().map(|byte| byte | 0x20));
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
            prop_assert!(grams.words.iter().all(|word| *word == 0));
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
