//! Time as the rules see it: how long the machine has been up. Nobody here reads a clock.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment, as the time since the machine booted (CLOCK_BOOTTIME), so that it means the same to a successor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Uptime(pub Duration);

impl Uptime {
    /// How long ago `earlier` was; nothing if it is still to come.
    pub fn since(self, earlier: Uptime) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Uptime {
    type Output = Uptime;

    fn add(self, wait: Duration) -> Uptime {
        Uptime(self.0.saturating_add(wait))
    }
}

impl Sub for Uptime {
    type Output = Duration;

    fn sub(self, earlier: Uptime) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}s", self.0.as_secs_f64())
    }
}
