//! All that has been told: history, and what happened last. A task follows the reports; everybody else reads here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::watch;

use super::metrics::durations;
use super::ring::Ring;
use crate::master::{Notices, Report, What};
use crate::observe::{History, json};
use crate::supervision::Notice;

/// What has been told so far.
#[derive(Debug)]
pub(super) struct Chronicle {
    told: Mutex<Told>,
    now: watch::Sender<Now>,
    /// How long reloads took.
    durations: Histogram,
}

/// The parts of it.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) history: History,
    pub(super) ring: Ring,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Now {
    pub(super) latest: u64,
    /// The master has ended: nothing more will come.
    pub(super) over: bool,
}

impl Chronicle {
    pub(super) fn new() -> Chronicle {
        Chronicle { told: Mutex::default(), now: watch::Sender::new(Now::default()), durations: durations() }
    }

    /// Follows the reports until the master ends.
    pub(super) async fn follow(&self, mut notices: Notices) {
        while let Some(report) = notices.next().await {
            self.take_in(&report);
        }
        self.now.send_modify(|now| now.over = true);
    }

    fn take_in(&self, report: &Report) {
        let mut told = self.told();
        told.history.take_in(report);
        told.ring.keep(report, json(report));
        if let What::Rules(Notice::Promoted { generation, .. }) = &report.what {
            let attempt = told.history.attempt(*generation);
            let took = attempt.and_then(|attempt| report.time.duration_since(attempt.started).ok());
            took.into_iter().for_each(|took| self.durations.observe(took.as_secs_f64()));
        }
        drop(told);
        self.now.send_modify(|now| now.latest = report.id);
    }

    /// For a look; not across a wait.
    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn durations(&self) -> &Histogram {
        &self.durations
    }

    /// Tells when there is more.
    pub(super) fn watch(&self) -> watch::Receiver<Now> {
        self.now.subscribe()
    }

    /// Waits until the question has an answer; none when the master has ended first.
    pub(super) async fn wait_for<T>(&self, question: impl Fn(&History) -> Option<T>) -> Option<T> {
        let mut watch = self.watch();
        loop {
            let now = *watch.borrow_and_update();
            if let Some(answer) = question(&self.told().history) {
                return Some(answer);
            }
            if now.over {
                return None;
            }
            watch.changed().await.ok()?;
        }
    }
}
