//! What every connection needs: the master, what it has told, and how much of everything there may be.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::sync::Semaphore;

use super::chronicle::Chronicle;
use crate::master::Handle;

/// So many callers may wait for the outcome of what they asked for.
const MOST_WAITING: usize = 160;
/// So many may follow events.
const MOST_FOLLOWING: usize = 32;
/// So many may ask for what takes a thread.
const MOST_LOOKING: usize = 4;

/// What every connection needs.
#[derive(Debug)]
pub(super) struct Office {
    /// What the master is called.
    pub(super) name: String,
    pub(super) started: SystemTime,
    pub(super) since: Instant,
    pub(super) master: Handle,
    pub(super) chronicle: Chronicle,
    pub(super) waiting: Arc<Semaphore>,
    pub(super) following: Arc<Semaphore>,
    pub(super) looking: Arc<Semaphore>,
}

impl Office {
    pub(super) fn new(name: String, master: Handle) -> Office {
        Office {
            name,
            started: SystemTime::now(),
            since: Instant::now(),
            master,
            chronicle: Chronicle::new(),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            following: Arc::new(Semaphore::new(MOST_FOLLOWING)),
            looking: Arc::new(Semaphore::new(MOST_LOOKING)),
        }
    }
}
