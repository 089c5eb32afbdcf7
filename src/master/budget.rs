//! How much a worker may say. Talking costs time, which passes by itself: whoever owes too much talks too fast.
//!
//! It reads no clock.

use std::time::Duration;

use crate::dialects::Said;

/// A worker that goes on for longer than this talks faster than what follows.
const MOST_OWED: Duration = Duration::from_secs(8);
const PACKETS_A_SECOND: u32 = 512;
/// A query makes more work than other messages.
const QUERIES_A_SECOND: u32 = 128;
const KIB_A_SECOND: u32 = 1024;

/// What a worker has left to say.
#[derive(Debug, Default)]
pub(super) struct Budget {
    owed: Duration,
    at: Duration,
}

impl Budget {
    /// Charges for a packet of so many bytes that came `now`; the error is what the worker did, in words.
    pub(super) fn charge(&mut self, said: &Said, bytes: usize, now: Duration) -> Result<(), String> {
        self.owed = self.owed.saturating_sub(now.saturating_sub(self.at)) + price(said, bytes);
        self.at = now;
        match self.owed > MOST_OWED {
            false => Ok(()),
            true => Err(format!(
                "it talks faster than {PACKETS_A_SECOND} packets, {QUERIES_A_SECOND} queries or {KIB_A_SECOND} KiB a second"
            )),
        }
    }
}

fn price(said: &Said, bytes: usize) -> Duration {
    let second = Duration::from_secs(1);
    let packet = match said {
        Said::Query { .. } => second / QUERIES_A_SECOND,
        // It is as many as the master passes.
        Said::Connection { .. } => Duration::ZERO,
        Said::Hello { .. } | Said::Close { .. } | Said::Ready | Said::Draining | Said::Status(_) => {
            second / PACKETS_A_SECOND
        }
        Said::Unknown { .. } => second / PACKETS_A_SECOND,
    };
    let kib = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
    packet.max(second / KIB_A_SECOND * kib)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Address, Query};

    const NOW: Duration = Duration::from_secs(1000);

    fn most(said: &Said, bytes: usize) -> usize {
        let mut budget = Budget::default();
        (0..).find(|_| budget.charge(said, bytes, NOW).is_err()).unwrap()
    }

    fn query() -> Said {
        Said::Query { ack: 1, query: Query::from(&Address::from(8000)) }
    }

    #[test]
    fn a_worker_may_talk_a_lot_at_once() {
        assert_eq!(most(&Said::Ready, 100), 4096);
        assert_eq!(most(&query(), 100), 1024);
        assert_eq!(most(&Said::Ready, 64 * 1024), 128);
    }

    #[test]
    fn a_worker_may_talk_for_ever_if_it_takes_its_time() {
        let mut budget = Budget::default();
        for second in 0..100_000 {
            for _ in 0..PACKETS_A_SECOND {
                budget.charge(&Said::Draining, 100, NOW + Duration::from_secs(second)).unwrap();
            }
        }
    }

    #[test]
    fn a_worker_that_talked_too_much_is_told_what_is_too_much() {
        let mut budget = Budget::default();
        let error = (0..).find_map(|_| budget.charge(&query(), 100, NOW).err()).unwrap();
        assert_eq!(error, "it talks faster than 512 packets, 128 queries or 1024 KiB a second");
    }

    #[test]
    fn the_answers_to_what_the_master_passes_cost_nothing() {
        let mut budget = Budget::default();
        for ack in 0..100_000 {
            budget.charge(&Said::Connection { ack, accepted: true }, 30, NOW).unwrap();
        }
    }
}
