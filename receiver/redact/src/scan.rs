//! The single pass over a line that finds where values could start, and asks the rules there.
//!
//! Bit masks of a block (see [`masks`]) are combined with shifts so that bit `i` of a candidate mask
//! says "the shape of a card number starts at byte `i`". Shapes look at most 13 bytes ahead, blocks
//! overlap by 16, so no shape is missed at an edge. Most lines have no candidate at all.
//!
//! Numbers look at what stands behind them. A number that was refused because more digits follow may
//! be one once these digits are replaced by a token: see [`Position::settle`].

mod masks;

use crate::{Builtin, rules, view::View};
use masks::{BLOCK, Masks};

/// How far a block advances: the rest of it is looked at again as the start of the next one.
const STEP: usize = BLOCK - 16;

/// A value that must be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte of the value.
    pub start: usize,
    /// First byte behind the value.
    pub end: usize,
    /// The rule that found it.
    pub rule: Builtin,
}

/// Which rules are on, as a set of [`Builtin::bit`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Enabled(u8);

impl Enabled {
    pub(crate) fn new(rules: &[Builtin]) -> Self {
        Enabled(rules.iter().fold(0, |set, rule| set | rule.bit()))
    }

    #[inline]
    pub(crate) fn has(self, rule: Builtin) -> bool {
        self.0 & rule.bit() != 0
    }

    #[inline]
    fn mask(self, rule: Builtin) -> u64 {
        if self.has(rule) { u64::MAX } else { 0 }
    }
}

/// Candidate starts in one block, one bit per byte.
struct Candidates {
    card: u64,
    ssn: u64,
    phone: u64,
    lead: u64,
    ip: u64,
    sign: u64,
    bearer: u64,
}

impl Candidates {
    #[inline]
    fn new(m: &Masks, on: Enabled) -> Self {
        let digit2 = m.digit & (m.digit >> 1);
        let digit3 = digit2 & (m.digit >> 2);
        let digit4 = digit2 & (digit2 >> 2);
        let digit8 = digit4 & (digit4 >> 4);
        let near = |x: u64| (x >> 2) | (x >> 3) | (x >> 4);
        let dotted = m.digit & (m.dot >> 1) & (m.digit >> 2);
        Candidates {
            card: ((digit8 & (digit8 >> 5)) | (digit4 & (m.mark >> 4) & (digit4 >> 5))) & on.mask(Builtin::CreditCard),
            ssn: (digit3 & (m.mark >> 3) & (digit2 >> 4) & (m.mark >> 6) & (digit4 >> 7)) & on.mask(Builtin::Ssn),
            phone: (digit3 & (m.mark >> 3) & (digit3 >> 4) & (m.mark >> 7) & (digit4 >> 8)) & on.mask(Builtin::Phone),
            lead: m.lead & (m.digit >> 1) & on.mask(Builtin::Phone),
            ip: dotted & near(dotted & near(dotted)) & on.mask(Builtin::IpV4),
            sign: m.sign & (on.mask(Builtin::Email) | on.mask(Builtin::Jwt)),
            bearer: m.b & (m.r >> 3) & (m.r >> 5) & on.mask(Builtin::Bearer),
        }
    }

    #[inline]
    fn any(&self) -> u64 {
        self.card | self.ssn | self.phone | self.lead | self.ip | self.sign | self.bearer
    }
}

/// Where the rules stand in the current line.
struct Position<'t> {
    view: View<'t>,
    text: &'t str,
    on: Enabled,
    /// Starts of web tokens before this byte are known to be none.
    no_jwt_before: usize,
    /// The byte behind the last candidate that was no value.
    refused: usize,
}

impl<'t> Position<'t> {
    fn new(text: &'t str, floor: usize, on: Enabled) -> Self {
        Position { view: View { bytes: text.as_bytes(), floor }, text, on, no_jwt_before: 0, refused: 0 }
    }

    /// Calls `hit` for `span`, and before that for every value left of it that is one only because the
    /// token of `span` ends it. No number looks further than a block ahead, so the last block before the
    /// span is all that can change, and the work stays linear.
    fn settle(&mut self, span: Span, mut hit: impl FnMut(Span)) {
        if self.refused > self.view.floor.max(span.start.saturating_sub(BLOCK)) {
            let mut open = vec![span];
            while let Some(right) = open.pop() {
                match self.last_block_before(right.start) {
                    Some(left) => open.extend([right, left]),
                    None => {
                        hit(right);
                        self.view.floor = right.end;
                    }
                }
            }
        } else {
            hit(span);
            self.view.floor = span.end;
        }
    }

    /// The first value in the last block of the text that ends at `end`.
    #[cold]
    fn last_block_before(&self, end: usize) -> Option<Span> {
        let mut cut = Position::new(&self.text[..end], self.view.floor, self.on);
        let from = end.saturating_sub(BLOCK).max(self.view.floor);
        let mut block = [0; BLOCK];
        block[..end - from].copy_from_slice(&self.view.bytes[from..end]);
        let found = Candidates::new(&masks::of(&block), self.on);
        let mut todo = found.any();
        while todo != 0 {
            let offset = todo.trailing_zeros() as usize;
            todo &= todo - 1;
            if let Some(span) = cut.try_at(from + offset, 1 << offset, &found) {
                return Some(span);
            }
        }
        None
    }

    /// Asks the rules whose shape starts at `at`, most specific first.
    fn try_at(&mut self, at: usize, bit: u64, found: &Candidates) -> Option<Span> {
        let view = &self.view;
        let span = |rule, (start, end): (usize, usize)| Span { start, end, rule };
        if found.sign & bit != 0 {
            return self.try_sign(at);
        }
        if found.bearer & bit != 0 {
            let (start, end) = rules::bearer::at(view, at)?;
            if self.on.has(Builtin::Jwt) && view.has(start, b"eyJ") && rules::jwt::at(view, start).ok() == Some(end) {
                return Some(span(Builtin::Jwt, (start, end)));
            }
            return Some(span(Builtin::Bearer, (start, end)));
        }
        if found.lead & bit != 0 {
            return rules::phone::after_lead(view, at).map(|range| span(Builtin::Phone, range));
        }
        let mut hit = None;
        if found.card & bit != 0 {
            hit = rules::card::at(view, at).map(|range| span(Builtin::CreditCard, range));
        }
        if hit.is_none() && found.ssn & bit != 0 {
            hit = rules::ssn::at(view, at).map(|range| span(Builtin::Ssn, range));
        }
        if hit.is_none() && found.phone & bit != 0 {
            hit = rules::phone::grouped(view, at).map(|range| span(Builtin::Phone, range));
        }
        if hit.is_none() && found.ip & bit != 0 {
            hit = rules::ip::at(view, at).map(|range| span(Builtin::IpV4, range));
        }
        // A number at the left of an `@` is the name of a mailbox, if a mailbox is there.
        hit.filter(|hit| {
            !(self.on.has(Builtin::Email)
                && view.at(hit.end) == b'@'
                && rules::email::at(self.text, view.floor, hit.end).is_some())
        })
    }

    fn try_sign(&mut self, at: usize) -> Option<Span> {
        if self.view.at(at) == b'J' {
            let start = at.checked_sub(2).filter(|&s| s >= self.no_jwt_before)?;
            if !self.on.has(Builtin::Jwt) || start < self.view.floor || !self.view.has(start, b"ey") {
                return None;
            }
            return match rules::jwt::at(&self.view, start) {
                Ok(end) => Some(Span { start, end, rule: Builtin::Jwt }),
                Err(known) => {
                    self.no_jwt_before = known;
                    None
                }
            };
        }
        if !self.on.has(Builtin::Email) {
            return None;
        }
        let (start, end) = rules::email::at(self.text, self.view.floor, at)?;
        Some(Span { start, end, rule: Builtin::Email })
    }
}

/// Calls `hit` for every value in `text`, from left to right, without overlaps.
#[inline]
pub(crate) fn scan(text: &str, on: Enabled, mut hit: impl FnMut(Span)) {
    let bytes = text.as_bytes();
    let mut position = Position::new(text, 0, on);
    let mut base = 0;
    while base < bytes.len() {
        let rest = &bytes[base..];
        let (masks, step) = match rest.first_chunk::<BLOCK>() {
            Some(block) if rest.len() > BLOCK => (masks::of(block), STEP),
            Some(block) => (masks::of(block), BLOCK),
            None => {
                let mut block = [0; BLOCK];
                block[..rest.len()].copy_from_slice(rest);
                (masks::of(&block), BLOCK)
            }
        };
        let found = Candidates::new(&masks, on);
        let mut todo = found.any() & (u64::MAX >> (BLOCK - step));
        let mut next = base + step;
        while todo != 0 {
            let offset = todo.trailing_zeros() as usize;
            todo &= todo - 1;
            let Some(span) = position.try_at(base + offset, 1 << offset, &found) else {
                position.refused = base + offset + 1;
                continue;
            };
            position.settle(span, &mut hit);
            if span.end >= next {
                next = span.end;
                break;
            }
            todo &= u64::MAX << (span.end - base);
        }
        base = next;
    }
}
