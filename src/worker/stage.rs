//! A worker's stages, from before its promotion until it drains, and how to wait for one.
//!
//! It must not know how the words of the master arrive.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;

use super::Worker;

/// Where a worker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Its generation is not promoted: new connections go elsewhere.
    Waiting,
    /// Its generation serves.
    Serving,
    /// It serves on, but should ask its clients to leave.
    LameDuck {
        /// How long an idle connection may stay open.
        linger: Duration,
    },
    /// It should stop to accept, finish what it holds, and exit.
    Draining {
        /// How long until whoever asked for it loses patience.
        grace: Duration,
    },
    /// The channel has ended without a word; what then was chosen with [`Worker::on_master_death`].
    MasterGone,
}

/// What a worker does when its master is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMasterDeath {
    /// It goes on serving, in [`Stage::MasterGone`].
    #[default]
    Serve,
    /// It drains.
    Drain,
    /// The process exits at once, with status 1.
    Exit,
}

/// The stages of a worker, one after the other.
#[derive(Debug, Clone)]
pub struct Stages {
    receiver: watch::Receiver<Stage>,
    /// Keeps the sender, so that the end of a stage is never the end of them all.
    _worker: Worker,
}

impl Stage {
    /// Whether it should finish what it holds, and exit.
    pub fn is_draining(self) -> bool {
        matches!(self, Self::Draining { .. })
    }
}

#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there is no master to say anything"))]
impl Stage {
    /// The stage after the master's word that this worker's generation serves.
    pub(super) fn promoted(self) -> Self {
        match self {
            Self::Waiting => Self::Serving,
            stage @ (Self::Serving | Self::LameDuck { .. } | Self::Draining { .. } | Self::MasterGone) => stage,
        }
    }

    /// The stage after the master's word that another generation serves.
    pub(super) fn lame(self, linger: Duration) -> Self {
        match self {
            Self::Waiting | Self::Serving | Self::LameDuck { .. } | Self::MasterGone => Self::LameDuck { linger },
            stage @ Self::Draining { .. } => stage,
        }
    }

    /// The stage after the master's word that this worker's generation serves again.
    pub(super) fn resumed(self) -> Self {
        match self {
            Self::LameDuck { .. } => Self::Serving,
            stage @ (Self::Waiting | Self::Serving | Self::Draining { .. } | Self::MasterGone) => stage,
        }
    }

    /// The stage after the end of the channel, for a worker that goes on.
    pub(super) fn orphaned(self) -> Self {
        match self {
            Self::Waiting | Self::Serving | Self::LameDuck { .. } | Self::MasterGone => Self::MasterGone,
            stage @ Self::Draining { .. } => stage,
        }
    }
}

impl Stages {
    pub(super) fn of(worker: &Worker, receiver: watch::Receiver<Stage>) -> Self {
        Self { receiver, _worker: worker.clone() }
    }

    /// The stage that the worker is in; [`Stages::changed`] waits for another one.
    pub fn now(&mut self) -> Stage {
        *self.receiver.borrow_and_update()
    }

    /// Waits for a stage that was not seen here yet.
    pub async fn changed(&mut self) -> Stage {
        self.receiver.changed().await.expect("the sender lives as long as the worker");
        self.now()
    }
}

impl Worker {
    /// Waits until the worker's generation serves; a worker that is alone serves from the start.
    ///
    /// The moment for what must run only once in the service: jobs, timers, migrations.
    pub async fn promoted(&self) {
        self.until(|stage| match stage {
            Stage::Serving | Stage::LameDuck { .. } | Stage::Draining { .. } => Some(()),
            Stage::Waiting | Stage::MasterGone => None,
        })
        .await;
    }

    /// Waits until the clients should be asked to leave, and says how long an idle connection may stay open.
    ///
    /// Nothing, if the worker is to drain at once.
    pub async fn lame_duck(&self) -> Duration {
        self.until(|stage| match stage {
            Stage::LameDuck { linger } => Some(linger),
            Stage::Draining { .. } => Some(Duration::ZERO),
            Stage::Waiting | Stage::Serving | Stage::MasterGone => None,
        })
        .await
    }

    /// Waits until the worker should finish what it holds and exit, and says how long it may take.
    pub async fn draining(&self) -> Duration {
        self.until(|stage| match stage {
            Stage::Draining { grace } => Some(grace),
            Stage::Waiting | Stage::Serving | Stage::LameDuck { .. } | Stage::MasterGone => None,
        })
        .await
    }

    /// Waits for the next change of stage after this call; [`Worker::stages`] misses none in between.
    pub fn stage_changed(&self) -> impl Future<Output = Stage> + Send + 'static {
        let mut stages = self.stages();
        async move { stages.changed().await }
    }

    async fn until<T>(&self, wanted: impl Fn(Stage) -> Option<T>) -> T {
        let mut stages = self.stages();
        let mut stage = stages.now();
        loop {
            match wanted(stage) {
                Some(found) => return found,
                None => stage = stages.changed().await,
            }
        }
    }
}
