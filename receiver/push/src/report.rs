//! What became of a body's lines: how many were handed over, how many were not, and what was changed on the way.

use std::fmt;
use std::marker::PhantomData;

/// More than any reason enum has members.
const SLOTS: usize = 16;

/// A closed set of reasons that can be counted in a [`Tally`].
pub trait Reason: Copy + fmt::Debug + 'static {
    /// Every reason, in declaration order.
    const ALL: &'static [Self];
    /// Position in [`Reason::ALL`].
    fn index(self) -> usize;
    /// Stable snake-case name for metrics and metadata.
    fn name(self) -> &'static str;
}

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$item_doc])* $item,)+ }

        impl Reason for $name {
            const ALL: &'static [Self] = &[$(Self::$item,)+];
            fn index(self) -> usize { self as usize }
            fn name(self) -> &'static str { match self { $(Self::$item => $text,)+ } }
        }

        impl $name {
            /// Stable snake-case name for metrics and metadata.
            #[must_use]
            pub fn name(self) -> &'static str { Reason::name(self) }
        }

        const _: () = assert!(<$name as Reason>::ALL.len() <= SLOTS);
    };
}

reasons! {
    /// Why a line, or a piece of a body that may have held lines, was not handed over.
    Reject {
        /// The body stops in the middle; counted once per body, since nobody knows how many lines followed.
        Truncated => "truncated",
        /// The piece is not well-formed, but its end was found and reading went on behind it.
        Malformed => "malformed",
        /// A well-formed value that is neither an array nor an object where an entry belongs.
        NotAnEntry => "not_an_entry",
        /// An entry without anything in the line's place.
        NoLine => "no_line",
        /// Nested deeper than [`crate::MAX_DEPTH`].
        TooDeep => "too_deep",
        /// A line of a raw body that does not begin a JSON object.
        NotJson => "not_json",
    }
}

reasons! {
    /// What was changed in a line that was handed over. Counted per string, not per character.
    Altered {
        /// Bytes that are no UTF-8 became U+FFFD.
        InvalidUtf8 => "invalid_utf8",
        /// NUL characters became U+FFFD.
        Nul => "nul",
        /// Escaped halves of surrogate pairs became U+FFFD.
        LoneSurrogate => "lone_surrogate",
        /// An escape that JSON does not know was kept as it stood.
        BadEscape => "bad_escape",
        /// The timestamp was in a unit other than nanoseconds.
        TimestampScaled => "timestamp_scaled",
        /// Digits below one nanosecond were cut.
        TimestampRounded => "timestamp_rounded",
        /// The timestamp carried no zone and was taken as UTC.
        TimestampZone => "timestamp_zone",
        /// There was no timestamp.
        TimestampMissing => "timestamp_missing",
        /// The timestamp cannot be read or does not fit 64-bit nanoseconds.
        TimestampUnusable => "timestamp_unusable",
        /// A label string broke the grammar and was read leniently.
        LabelSyntax => "label_syntax",
        /// A label string could not be read at all and was kept whole.
        LabelRaw => "label_raw",
        /// A label value was not a string and became its JSON text.
        LabelType => "label_type",
        /// A line was not a string and became its JSON text.
        LineType => "line_type",
        /// Metadata was not an object of strings; the odd values became their JSON text.
        MetadataType => "metadata_type",
    }
}

/// Counts by reason.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tally<R> {
    counts: [u64; SLOTS],
    reason: PhantomData<R>,
}

/// What became of one body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines handed to the sink.
    pub lines: u64,
    /// What was not handed over.
    pub rejected: Tally<Reject>,
    /// What was changed in the lines handed over. Changes to labels are not in here: labels are
    /// parsed by the sink's owner, see [`crate::ParsedLabels::altered`].
    pub altered: Tally<Altered>,
}

impl<R: Reason> Tally<R> {
    /// Adds `n` to a reason's count.
    pub fn add(&mut self, reason: R, n: u64) {
        self.counts[reason.index()] += n;
    }

    /// The count of one reason.
    #[must_use]
    pub fn get(&self, reason: R) -> u64 {
        self.counts[reason.index()]
    }

    /// The sum over all reasons.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds another tally's counts to this one's.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
    }

    /// The reasons that were counted at least once.
    pub fn iter(&self) -> impl Iterator<Item = (R, u64)> + '_ {
        R::ALL.iter().map(|&reason| (reason, self.get(reason))).filter(|&(_, n)| n > 0)
    }
}

impl<R> Default for Tally<R> {
    fn default() -> Self {
        Self { counts: [0; SLOTS], reason: PhantomData }
    }
}

impl<R: Reason> fmt::Debug for Tally<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(reason, n)| (reason.name(), n))).finish()
    }
}
