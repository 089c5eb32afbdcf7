//! How long a slot waits for its next worker: at once, then 100 ms doubling to 30 s, forgotten after 60 s of quiet.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Uptime;

const FIRST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_secs(60);
const LOOP: u32 = 3;

/// The failures of a slot that are not forgotten yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Backoff {
    failures: u32,
    latest: Uptime,
}

impl Backoff {
    /// Notes a failure and says how long to wait after it.
    pub(super) fn fail(&mut self, now: Uptime) -> Duration {
        if now.since(self.latest) >= QUIET {
            self.failures = 0;
        }
        self.latest = now;
        self.failures = self.failures.saturating_add(1);
        match self.failures {
            1 => Duration::ZERO,
            n => FIRST.saturating_mul(1 << (n - 2).min(20)).min(MOST),
        }
    }

    /// Whether it failed so often in a row that the program is to blame, and not an accident.
    pub(super) fn is_a_loop(&self) -> bool {
        self.failures >= LOOP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_waits_longer_after_each_failure_and_never_longer_than_half_a_minute() {
        let mut backoff = Backoff::default();
        let now = Uptime(Duration::from_secs(100));
        let waits: Vec<u128> = (0..12).map(|_| backoff.fail(now).as_millis()).collect();
        assert_eq!(waits, [0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
    }

    #[test]
    fn a_minute_of_quiet_is_forgiveness() {
        let mut backoff = Backoff::default();
        let now = Uptime(Duration::from_secs(100));
        backoff.fail(now);
        backoff.fail(now);
        assert_eq!(backoff.fail(now + QUIET), Duration::ZERO);
    }
}
