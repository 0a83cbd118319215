//! Buckets of time.

use logtap_capture::time::SECOND;

/// Buckets of a grid, at most; enough for an hour in steps of 10 s, few enough for exact change points.
const MAX_BUCKETS: i64 = 480;
/// Widths of buckets in seconds.
const WIDTHS: [i64; 16] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200, 86_400];

/// Equal buckets from a start on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Start of bucket 0, nanoseconds since 1970.
    pub origin: i64,
    /// Width in nanoseconds, at least one second.
    pub width: i64,
    /// Number of buckets, at least 1.
    pub buckets: u32,
}

impl Grid {
    /// The finest grid over `from..=to`; `wanted` buckets at most.
    #[must_use]
    pub fn over(from: i64, to: i64, wanted: i64) -> Self {
        let wanted = wanted.clamp(1, MAX_BUCKETS);
        let span = |width: i64| to.div_euclid(width) - from.div_euclid(width) + 1;
        let mut width = WIDTHS.iter().map(|seconds| seconds * SECOND).find(|width| span(*width) <= wanted);
        let mut days = 2;
        while width.is_none() {
            width = Some(86_400 * SECOND * days).filter(|width| span(*width) <= wanted);
            days *= 2;
        }
        let width = width.unwrap_or(SECOND);
        let origin = from.div_euclid(width) * width;
        Self { origin, width, buckets: span(width).max(1) as u32 }
    }

    /// The bucket of an instant; the first or last for instants outside.
    #[inline]
    #[must_use]
    pub fn bucket(&self, ts: i64) -> u32 {
        let at = ts.saturating_sub(self.origin).max(0) / self.width;
        u32::try_from(at).unwrap_or(u32::MAX).min(self.buckets - 1)
    }

    /// Start of a bucket, nanoseconds since 1970.
    #[must_use]
    pub fn start(&self, bucket: u32) -> i64 {
        self.origin.saturating_add(i64::from(bucket).saturating_mul(self.width))
    }

    /// Width in whole seconds.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.width / SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finest_that_fits() {
        let grid = Grid::over(5 * SECOND, 3605 * SECOND, MAX_BUCKETS);
        assert_eq!((grid.seconds(), grid.buckets), (10, 361));
        assert_eq!((grid.bucket(0), grid.bucket(i64::MAX)), (0, 360));
        assert_eq!(grid.bucket(grid.start(7)), 7);
        let long = Grid::over(0, i64::MAX - 1, 100);
        assert!(long.buckets <= 100);
    }
}
