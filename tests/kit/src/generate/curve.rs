//! The rate of lines over time: straight pieces, repeated from the start after the last.

/// One straight piece.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Phase {
    /// Length in seconds.
    pub seconds: f64,
    /// Lines per second at the start.
    pub from: f64,
    /// Lines per second at the end.
    pub to: f64,
}

/// Lines per second over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The pieces in order.
    pub phases: Vec<Phase>,
}

impl Curve {
    /// The same rate for ever.
    #[must_use]
    pub fn flat(rate: f64) -> Self {
        Self { phases: vec![Phase { seconds: 1.0, from: rate, to: rate }] }
    }

    /// Lines per second at `elapsed` seconds after the start.
    #[must_use]
    pub fn rate(&self, elapsed: f64) -> f64 {
        let total: f64 = self.phases.iter().map(|phase| phase.seconds).sum();
        let mut at = if total > 0.0 { elapsed % total } else { 0.0 };
        for phase in &self.phases {
            if at < phase.seconds {
                return phase.from + (phase.to - phase.from) * at / phase.seconds;
            }
            at -= phase.seconds;
        }
        self.phases.last().map_or(0.0, |phase| phase.to)
    }
}

impl Default for Curve {
    /// A load test of nine minutes: ramp to 5,000 lines per second, plateau, spike to 15,000,
    /// second plateau, ramp down.
    fn default() -> Self {
        let phase = |seconds, from, to| Phase { seconds, from, to };
        Self {
            phases: vec![
                phase(60.0, 400.0, 5_000.0),
                phase(240.0, 5_000.0, 5_000.0),
                phase(10.0, 5_000.0, 15_000.0),
                phase(20.0, 15_000.0, 15_000.0),
                phase(10.0, 15_000.0, 5_000.0),
                phase(140.0, 5_000.0, 5_000.0),
                phase(60.0, 5_000.0, 400.0),
            ],
        }
    }
}
