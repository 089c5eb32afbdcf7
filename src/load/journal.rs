//! What became of each single request, and when: so that a test can say who answered after an instant.
//! It is bounded, and it says what it left out.

use std::time::{Duration, Instant};

use super::outcome::Outcome;

/// How many requests a journal can hold.
const MOST_ENTRIES: usize = 1_000_000;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When the client began: before it connected, or before it sent on a connection that it had.
    pub started: Instant,
    /// When the outcome was known.
    pub ended: Instant,
    /// The first line of the answer's body, at most 64 bytes of it; empty when there was none.
    pub answer: String,
    /// How it ended.
    pub outcome: Outcome,
}

impl Entry {
    /// How long it took.
    pub fn took(&self) -> Duration {
        self.ended - self.started
    }
}

/// The requests of a load, in the order in which they ended.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// The first million requests.
    pub entries: Vec<Entry>,
    /// How many more there were.
    pub left_out: u64,
}

impl Journal {
    /// The requests that were started at `instant` or later.
    pub fn started_from(&self, instant: Instant) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.started >= instant)
    }

    pub(super) fn write(&mut self, entry: Entry) {
        if self.entries.len() < MOST_ENTRIES {
            self.entries.push(entry);
        } else {
            self.left_out += 1;
        }
    }
}
