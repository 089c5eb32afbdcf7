//! What all that serve in this worker do together: several listeners, one status.
//!
//! It must not know what they serve.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Worker;
use crate::protocol::Status;

/// Counted since the worker was started, but for the connections: those that are open.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    connections: AtomicU64,
    requests: AtomicU64,
    errors: AtomicU64,
}

impl Tally {
    /// A connection came.
    pub(crate) fn came(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    /// One of those that came has gone.
    pub(crate) fn went(&self) {
        self.connections.fetch_sub(1, Relaxed);
    }

    /// A request was answered.
    pub(crate) fn answered(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// Something failed.
    pub(crate) fn failed(&self) {
        self.errors.fetch_add(1, Relaxed);
    }
}

impl Worker {
    /// What is counted for all who serve.
    pub(crate) fn tally(&self) -> &Tally {
        &self.shared.tally
    }

    /// Tells the master what was counted.
    pub(crate) fn report_tally(&self) {
        let Tally { connections, requests, errors } = self.tally();
        self.status(Status {
            text: None,
            connections: Some(connections.load(Relaxed)),
            requests: Some(requests.load(Relaxed)),
            errors: Some(errors.load(Relaxed)),
        });
    }
}
