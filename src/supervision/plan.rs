//! What the rules need to know of a release, and of the master as a whole.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Rollout;

/// The numbers of one release: how many workers, and how long we wait for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// How many slots the generation has.
    pub workers: u32,
    /// The first worker has to be ready before the others are started: what proves one proves their program.
    pub first_alone: bool,
    /// At least so long after steering away from a generation, before it is drained.
    pub settle: Duration,
    /// At most so long, whatever is still in its queue.
    pub settle_most: Duration,
    /// How long a settled generation stands by, so that one can go back to it at once.
    pub warm: Duration,
    /// How long a lame duck keeps an idle connection open.
    pub linger: Duration,
    /// A worker that is not ready by then is given up.
    pub ready_grace: Duration,
    /// A worker that has not finished draining by then is killed.
    pub drain_grace: Duration,
    /// How a newcomer takes over, and how it is judged.
    #[serde(default)]
    pub rollout: Rollout,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            workers: 1,
            first_alone: false,
            settle: Duration::from_secs(1),
            settle_most: Duration::from_secs(5),
            warm: Duration::from_secs(10),
            linger: Duration::from_secs(5),
            ready_grace: Duration::from_secs(30),
            drain_grace: Duration::from_secs(30),
            rollout: Rollout::default(),
        }
    }
}

/// What becomes of a reload that is asked for while a generation rises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coalescing {
    /// It is remembered (however many ask) and starts when the outcome of the first is known.
    #[default]
    Remember,
    /// The one that rises is given up at once: the newest wins.
    NewestWins,
}

/// What a failed first generation means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FirstStart {
    /// The master ends with a failure.
    #[default]
    Fail,
    /// The master keeps listening and waits for the next reload.
    Wait,
}

/// How this master behaves, whatever the release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Reloads that come while one is under way.
    pub coalescing: Coalescing,
    /// A first generation that fails.
    pub first_start: FirstStart,
}
