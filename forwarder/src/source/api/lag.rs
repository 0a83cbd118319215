//! Whether a stream that lags behind its container may have passed over a file.
//!
//! A kubelet that follows a log reads its file to the end and then goes over to the present one. Where two
//! files were put aside meanwhile, it never opens the one between, and says nothing. It can only be so slow
//! when the container writes faster than it is read: then the next line that comes was written long after
//! the one before it, and yet before that one came. A new stream tells whether there is a hole.

/// How long a file is the present one at least: the kubelet looks every 10 s which have to be put aside, and
/// can be told to look every 3 s.
const FILE: i64 = 2_000_000_000;
/// How much earlier than the kubelet went over a line may have come.
const SLACK: i64 = 1_000_000_000;

/// What is known of a stream's lines. Times are nanoseconds since 1970.
#[derive(Debug)]
pub(super) struct Lag {
    /// When the stream was asked for: what was put aside before that does not matter.
    asked: i64,
    /// When the bytes came that are read now.
    pub(super) now: i64,
    /// When the line before was written, and when it came.
    last: Option<(i64, i64)>,
    /// Whether a file may have been passed over.
    pub(super) lost: bool,
}

impl Lag {
    pub(super) fn new(asked: i64) -> Self {
        Self { asked, now: asked, last: None, lost: false }
    }

    /// Whether a line of this time follows the one before it, as far as anybody can tell.
    pub(super) fn follows(&mut self, ns: i64) -> bool {
        let is_passed =
            |(written, came): (i64, i64)| ns.saturating_sub(written) >= FILE && ns.saturating_sub(came) <= SLACK;
        self.lost = ns.saturating_sub(self.asked) >= FILE && self.last.is_some_and(is_passed);
        self.last = Some((ns, self.now));
        !self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// Whether lines, each written and come at these seconds, follow each other in a stream asked for at 0.
    fn follow(lines: &[(i64, i64)]) -> Vec<bool> {
        let mut lag = Lag::new(0);
        let line = |&(written, came): &(i64, i64)| {
            lag.now = came * SECOND;
            lag.follows(written * SECOND)
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_line_written_before_the_one_before_it_came_may_have_passed_a_file() {
        assert_eq!(follow(&[(1, 14), (2, 15), (13, 15)]), [true, true, false]);
        // Just after the next file came.
        assert_eq!(follow(&[(2, 12), (13, 13)]), [true, false]);
    }

    #[test]
    fn a_silent_container_is_no_reason() {
        assert_eq!(follow(&[(1, 1), (60, 60), (61, 61)]), [true; 3]);
        // It lags, and no file can have come and gone between the lines.
        assert_eq!(follow(&[(1, 14), (2, 15), (3, 16)]), [true; 3]);
    }

    #[test]
    fn what_was_there_before_is_read_from_one_file() {
        assert_eq!(follow(&[(-100, 1), (-50, 1), (0, 1), (1, 2)]), [true; 4]);
    }
}
