//! The content filter: which 6-byte grams a frame's messages contain, so that
//! a search for a rare literal skips frames that cannot hold it.
//!
//! Messages are looked at as they stand on disk (JSON-escaped), ASCII case
//! folded. Each gram sets one bit. A piece of an id of 13 bytes has eight
//! grams, and all of them must be in the filter. Under a size budget, every
//! gram with one bit excludes better than a selection with more bits each,
//! because a literal asks for many at once. (Tried: winnowing with window 8,
//! and the smaller of each pair; for 13 bytes they let through two to four
//! times as many frames.)
//!
//! Only grams that begin and end inside a word are taken. Each id and number
//! has up to ten grams that straddle its edges, as many as it has of its own,
//! and they tell little: without them a quarter as many frames are decoded in
//! vain for pieces of ids (1.3 % instead of 5 % for 13 bytes), and half as
//! many again for texts of several short words, which are seldom rare.

/// Bytes of one gram.
pub const GRAM: usize = 6;

/// A literal shorter than this many bytes is never excluded.
pub const MIN_LITERAL: usize = 9;

/// U+212A and U+017F, which a search that ignores case takes for `k` and `s`.
const FOLDS: [&[u8]; 2] = ["\u{212a}".as_bytes(), "\u{17f}".as_bytes()];

/// Bits of the largest filter, 128 KiB. A frame of 4 MiB that compresses eightfold has room for a
/// third of it; with fewer slots, bits that stand for two slots beside such that stand for one
/// let a third more frames through.
const SLOTS: usize = 1 << 20;

/// Grams of the frame that is being filled.
#[derive(Debug)]
pub struct Grams {
    words: Box<[u64; SLOTS / 64]>,
    text: Text,
    folds: bool,
}

impl Default for Grams {
    fn default() -> Self {
        Self { words: Box::new([0; SLOTS / 64]), text: Text::default(), folds: false }
    }
}

impl Grams {
    /// Adds the grams of one message, given as it stands on disk.
    pub fn add(&mut self, message: &[u8]) {
        self.text.fold(message);
        let words = &mut self.words;
        self.text.each_hash(|hash| words[slot(hash) / 64] |= 1 << (slot(hash) % 64));
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
        let (mut text, mut wanted) = (Text::default(), Vec::new());
        text.fold(literal);
        text.each_hash(|hash| wanted.push(slot(hash)));
        Some(Self { wanted })
    }

    /// False only if no message of the frame contains the literal, in any ASCII
    /// case. `byte` gives a byte of the frame's filter, which has `length` bytes.
    ///
    /// # Errors
    /// Those of `byte`.
    pub fn may_match<E>(&self, length: usize, mut byte: impl FnMut(usize) -> Result<u8, E>) -> Result<bool, E> {
        let bits = length * 8;
        if bits == 0 {
            return Ok(true);
        }
        for slot in &self.wanted {
            let at = slot % bits;
            if byte(at / 8)? & (1 << (at % 8)) == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A text in the form in which grams are taken.
#[derive(Debug, Default)]
struct Text {
    /// Letters in lower case; some other bytes change too, which only makes
    /// grams collide. Padded, so that eight bytes can be read at each gram.
    folded: Vec<u8>,
    /// For each byte 1 if it belongs to a word, otherwise 0; padded with 0.
    inside: Vec<u8>,
}

impl Text {
    fn fold(&mut self, text: &[u8]) {
        self.folded.clear();
        self.folded.extend(text.iter().map(|byte| byte | 0x20));
        self.folded.extend_from_slice(&[0; PIECE + 8]);
        self.inside.clear();
        self.inside.extend(self.folded.iter().map(|byte| inside(*byte)));
    }

    /// The hash of each gram that is taken.
    #[inline(always)]
    fn each_hash(&self, mut emit: impl FnMut(u64)) {
        let (mut rest, mut flags) = (&self.folded[..], &self.inside[..]);
        while let (Some(text), Some(inside)) = (rest.first_chunk(), flags.first_chunk()) {
            (rest, flags) = (&rest[PIECE..], &flags[PIECE..]);
            let mut taken = taken(inside);
            while taken != 0 {
                emit(hash(text, taken.trailing_zeros() as usize));
                taken &= taken - 1;
            }
        }
    }
}

/// A bit for each gram of a piece that begins and ends inside a word.
fn taken(inside: &[u8; PIECE + 8]) -> u64 {
    let bits = |at: usize| load(inside, at).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let begins = (0..8).fold(0, |all, at| all | bits(8 * at) << (8 * at));
    let behind = bits(PIECE);
    const LAST: usize = GRAM - 1;
    begins & (begins >> LAST | behind << (PIECE - LAST))
}

/// Grams that are looked at together.
const PIECE: usize = 64;

/// 1 for letters, digits and what ids are joined with, folded; so `\x7f` is `_`.
fn inside(byte: u8) -> u8 {
    let is = byte.is_ascii_digit() | byte.is_ascii_lowercase() | (byte >= 0x7f) | (byte == b'-') | (byte == b'.');
    u8::from(is)
}

/// The hash of the gram at a place with eight bytes behind it.
fn hash(text: &[u8; PIECE + 8], at: usize) -> u64 {
    load(text, at % PIECE).wrapping_mul(FACTOR)
}

fn load(text: &[u8; PIECE + 8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&text[at..at + 8]);
    u64::from_le_bytes(word)
}

/// A multiple of 2^16, so that the two bytes behind the gram fall out of the product.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15 << 16;

/// The slot of a hash: its upper bits.
fn slot(hash: u64) -> usize {
    (hash >> (64 - SLOTS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn may_match(probe: &Probe, filter: &[u8]) -> bool {
        probe.may_match(filter.len(), |at| Ok::<_, ()>(filter[at])).unwrap()
    }

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
                prop_assert!(may_match(&probe, &filter), "{literal:?} in {message:?}");
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
                may_match(&Probe::new(literal.as_bytes()).unwrap(), &filter)
            })
            .count();
        assert!(wrong < 20, "{wrong} of 1000 absent literals not excluded");
    }

    #[test]
    fn short_literals_exclude_nothing() {
        assert!(Probe::new(b"12345678").is_none());
        assert!(Probe::new(b"1234567890123").is_some());
    }
}
