//! The numbers that a sender gave to a stream's entries, on their way to the capture.

use std::sync::Arc;

use logtap_capture::labels::{END, GAP, LabelSet, MARK};
use logtap_capture::lost;
use logtap_capture::sequence::Kind;
use logtap_push::sequence::{Mark, Sequence};

use crate::identity::Pod;

/// What the next entry of the stream is.
#[derive(Debug, Default)]
pub(crate) enum Numbers {
    /// Not numbered.
    #[default]
    None,
    /// A line.
    Lines { source: Arc<str>, next: u64 },
    /// A mark, and the metadata it is kept with.
    Mark { source: Arc<str>, first: u64, numbers: u64, kind: Kind, meta: Vec<(&'static str, String)> },
}

impl Numbers {
    /// `pod` is who sent them: one pod's numbers are nothing to another's.
    /// `marks` are the stream's labels if they are those of a mark. A mark without them is no mark.
    pub(crate) fn new(sequence: &Sequence<'_>, pod: Option<&Pod>, marks: Option<&LabelSet>) -> Self {
        let source = match pod {
            Some(pod) => Arc::from(format!("{}/{}", pod.uid, sequence.source)),
            None => Arc::from(sequence.source),
        };
        let first = sequence.first;
        let is = |value| marks.and_then(|labels| labels.get(MARK)) == Some(value);
        match sequence.mark {
            None => Self::Lines { source, next: first },
            Some(Mark::Gap(gap)) if is(GAP) => {
                let (_, meta) = lost::describe(gap.lost, gap.reason, gap.from, gap.to);
                Self::Mark { source, first, numbers: gap.numbers, kind: Kind::Gap, meta: meta.into() }
            }
            Some(Mark::End) if is(END) => Self::Mark { source, first, numbers: 1, kind: Kind::End, meta: Vec::new() },
            Some(_) => Self::None,
        }
    }
}
