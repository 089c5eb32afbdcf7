//! What all connections of one `serve` have in common: whether they should leave, and how many did what.
//!
//! It must not know what a connection is made of.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinError;
use tokio::time::{Instant, sleep, timeout};

use super::guest::Guest;
use super::listener::Client;
use crate::worker::{Stage, Worker};

/// How long an idle connection may stay open when a worker drains that never was a lame duck.
const IDLE: Duration = Duration::from_secs(1);
/// How long a connection may take to its first request, in that case.
const FRESH: Duration = Duration::from_secs(5);
/// However short `linger` is, who has just connected may speak.
const FRESH_AT_LEAST: Duration = Duration::from_secs(1);
/// What is left of a grace for the way out of `main`, at most.
const WAY_OUT: Duration = Duration::from_secs(1);
/// A status is not sent more often than this: for each, the master wakes up, and whatever serves then has cold caches.
const BETWEEN_STATUSES: Duration = Duration::from_secs(1);
/// Where something has failed, which may bring a generation down, it does not wait longer than this.
const BETWEEN_ERRORS: Duration = Duration::from_millis(250);

/// What was served until the worker had drained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Connections that came.
    pub connections: u64,
    /// Requests that were answered.
    pub requests: u64,
    /// Connections that were not finished when the grace was over.
    pub cut: u64,
}

/// Whether clients should leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Welcoming,
    Leaving(Leaving),
}

/// How long clients may take to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leaving {
    pub(super) since: Instant,
    /// How long an idle connection may be silent.
    pub(super) idle: Duration,
    /// How long after it was accepted the first request may come.
    pub(super) fresh: Duration,
    /// When all that is idle is closed.
    pub(super) until: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct House {
    worker: Worker,
    moods: watch::Sender<Mood>,
    guests: Mutex<HashMap<u64, Weak<Guest>>>,
    /// Told when a guest goes.
    pub(super) gone: Notify,
    /// Told when there is something to report.
    news: Notify,
    /// Told when there is something to report that should not wait.
    errors: Notify,
    connections: AtomicU64,
    requests: AtomicU64,
}

impl House {
    pub(super) fn of(worker: &Worker) -> Arc<Self> {
        Arc::new(Self {
            worker: worker.clone(),
            moods: watch::Sender::new(Mood::Welcoming),
            guests: Mutex::default(),
            gone: Notify::new(),
            news: Notify::new(),
            errors: Notify::new(),
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        })
    }

    /// Lets somebody in.
    pub(super) fn welcome(self: &Arc<Self>, client: Client) -> Arc<Guest> {
        let id = self.connections.fetch_add(1, Relaxed);
        let guest = Arc::new(Guest::new(Arc::clone(self), id, client));
        lock(&self.guests).insert(id, Arc::downgrade(&guest));
        self.worker.tally().came();
        self.news.notify_one();
        guest
    }

    pub(super) fn forget(&self, id: u64) {
        lock(&self.guests).remove(&id);
        self.worker.tally().went();
        self.gone.notify_one();
        self.news.notify_one();
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.guests).is_empty()
    }

    /// Whether an answer that is given now should ask its client to leave.
    pub(super) fn is_leaving(&self) -> bool {
        match self.worker.stage() {
            Stage::LameDuck { .. } | Stage::Draining { .. } => true,
            Stage::Waiting | Stage::Serving | Stage::MasterGone => false,
        }
    }

    pub(super) fn mood(&self) -> Mood {
        *self.moods.borrow()
    }

    pub(super) fn moods(&self) -> watch::Receiver<Mood> {
        self.moods.subscribe()
    }

    /// Changes the mood to what the stage asks for.
    pub(super) fn follow(&self, stage: Stage) {
        let now = Instant::now();
        self.moods.send_modify(|mood| *mood = mood.after(stage, now));
    }

    pub(super) fn count_answer(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.worker.tally().answered();
        self.news.notify_one();
    }

    pub(super) fn count_error(&self) {
        self.worker.tally().failed();
        self.errors.notify_one();
        self.news.notify_one();
    }

    /// Notes how the task of a connection ended: a panic has cut it.
    pub(super) fn note(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended {
            tracing::error!(%error, "a connection's task has failed");
            self.count_error();
        }
    }

    /// What was served; whoever is still busy has been cut.
    pub(super) fn served(&self) -> Served {
        let guests: Vec<_> = lock(&self.guests).values().filter_map(Weak::upgrade).collect();
        Served {
            connections: self.connections.load(Relaxed),
            requests: self.requests.load(Relaxed),
            cut: guests.iter().filter(|guest| guest.is_busy()).count() as u64,
        }
    }

    /// Tells the master how the worker does, whenever something has changed here.
    pub(super) async fn keep_reporting(&self) -> Infallible {
        loop {
            self.news.notified().await;
            self.worker.report_tally();
            let error = async {
                sleep(BETWEEN_ERRORS).await;
                self.errors.notified().await;
            };
            let _ = timeout(BETWEEN_STATUSES, error).await; // either is a reason to look again
        }
    }
}

impl Mood {
    fn after(self, stage: Stage, now: Instant) -> Self {
        match (stage, self) {
            (Stage::Waiting | Stage::Serving | Stage::MasterGone, _) => Self::Welcoming,
            (Stage::LameDuck { linger }, _) => {
                let fresh = linger.max(FRESH_AT_LEAST);
                Self::Leaving(Leaving { since: now, idle: linger, fresh, until: None })
            }
            (Stage::Draining { grace }, Self::Welcoming) => Self::Leaving(Leaving {
                since: now,
                idle: IDLE,
                fresh: FRESH,
                until: Some(now + grace - way_out(grace)),
            }),
            (Stage::Draining { grace }, Self::Leaving(leaving)) => {
                Self::Leaving(Leaving { until: Some(now + grace - way_out(grace)), ..leaving })
            }
        }
    }

    /// When whoever is still busy is cut.
    pub(super) fn end(self, stage: Stage) -> Option<Instant> {
        match (stage, self) {
            (Stage::Draining { grace }, Self::Leaving(Leaving { until: Some(until), .. })) => {
                Some(until + way_out(grace) / 2)
            }
            (Stage::Draining { .. }, Self::Welcoming | Self::Leaving(Leaving { until: None, .. })) => None,
            (Stage::Waiting | Stage::Serving | Stage::LameDuck { .. } | Stage::MasterGone, _) => None,
        }
    }
}

fn way_out(grace: Duration) -> Duration {
    WAY_OUT.min(grace / 5)
}

/// Locks a mutex whose value is whole even if somebody panicked while he held it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, requests, cut } = self;
        write!(f, "{requests} requests over {connections} connections, {cut} cut")
    }
}
