//! What a receiver says about every line it was sent, read from its `/metrics`.

use std::io;

use crate::client::LokiClient;

/// Lines since the start, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sent by somebody.
    pub received: u64,
    /// In the capture.
    pub written: u64,
    /// Lost, whatever the reason.
    pub dropped: u64,
    /// Unreadable, whatever the reason.
    pub rejected: u64,
    /// Not decided yet.
    pub in_flight: u64,
}

impl Counters {
    /// Asks a receiver.
    ///
    /// # Errors
    /// When it does not answer with 200.
    pub fn read(client: &mut LokiClient) -> io::Result<Self> {
        let response = client.get("/metrics")?;
        if response.status != 200 {
            return Err(io::Error::other(format!("/metrics answers {}", response.status)));
        }
        Ok(Self::parse(&response.text()))
    }

    /// Takes the figures out of a text in the Prometheus format.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let sum = |name: &str| {
            text.lines()
                .filter_map(|line| line.strip_prefix(name))
                .filter(|rest| rest.starts_with([' ', '{']))
                .filter_map(|rest| rest.rsplit(' ').next()?.parse::<u64>().ok())
                .sum()
        };
        Self {
            received: sum("logtap_lines_received_total"),
            written: sum("logtap_lines_written_total"),
            dropped: sum("logtap_lines_dropped_total"),
            rejected: sum("logtap_lines_rejected_total"),
            in_flight: sum("logtap_lines_in_flight"),
        }
    }

    /// Whether every line is accounted for.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.received == self.written + self.dropped + self.rejected + self.in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_summed_and_longer_names_left_out() {
        let text = "# TYPE logtap_lines_dropped_total counter\nlogtap_lines_received_total 10\n\
            logtap_lines_written_total 4\nlogtap_lines_dropped_total{reason=\"a b\"} 2\n\
            logtap_lines_dropped_total{reason=\"c\"} 3\nlogtap_lines_dropped_by_service_total{service=\"x\"} 5\n\
            logtap_lines_rejected_total{reason=\"d\"} 1\nlogtap_lines_in_flight 0\n";
        let counters = Counters::parse(text);
        assert_eq!(counters, Counters { received: 10, written: 4, dropped: 5, rejected: 1, in_flight: 0 });
        assert!(counters.balances());
    }
}
