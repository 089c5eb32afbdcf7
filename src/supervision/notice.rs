//! What the world is told, by the rules. The master adds pid, time and the last lines of a failed worker.
#![allow(missing_docs, reason = "the fields of a variant are what their names say")]

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Ending, ErrorBudget, Exit, GenerationId, Origin, Slot, WorkerId};

/// Something that somebody may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// A new generation is wanted, and by whom.
    Rising { generation: GenerationId, origin: Origin },
    /// A reload has to wait for the outcome of the one that is under way.
    Remembered { generation: GenerationId, origin: Origin },
    /// The generation has to wait for a lane.
    WaitingForLane { generation: GenerationId, why: String },
    /// A worker's program runs.
    Started { generation: GenerationId, slot: Slot, worker: WorkerId },
    /// A worker can serve.
    Ready { generation: GenerationId, slot: Slot, worker: WorkerId },
    /// The generation's health is checked, before any client meets it.
    Checking { generation: GenerationId },
    /// The generation has proved itself and waits: until somebody promotes it, or for so long.
    Held {
        generation: GenerationId,
        #[serde(default, rename = "seconds", with = "some_seconds", skip_serializing_if = "Option::is_none")]
        most: Option<Duration>,
    },
    /// The generation has a share of new connections: until somebody promotes it, or for so long.
    Sharing {
        generation: GenerationId,
        /// What it is given.
        percent: u8,
        /// Which step this is, counted from 1.
        step: u32,
        /// Of how many.
        steps: u32,
        #[serde(default, rename = "seconds", with = "some_seconds", skip_serializing_if = "Option::is_none")]
        hold: Option<Duration>,
        by: SharedBy,
    },
    /// The rollout's clocks stand still.
    Paused { generation: GenerationId, origin: Origin },
    /// They go on.
    Resumed { generation: GenerationId, origin: Origin },
    /// A health check failed, after one that did not.
    Unhealthy { generation: GenerationId, why: String },
    /// New connections go to the generation.
    Promoted { generation: GenerationId, previous: Option<GenerationId> },
    /// The generation is ended before any client met it.
    GivenUp { generation: GenerationId, reason: Reason, serving: Option<GenerationId> },
    /// New connections go to the previous generation again.
    RolledBack { generation: GenerationId, to: GenerationId, why: String },
    /// New connections could not be steered; it will be tried again.
    NotSteered { generation: GenerationId, why: String },
    /// Nothing new reaches the generation; it can serve again at once.
    StandingBy {
        generation: GenerationId,
        #[serde(rename = "seconds", with = "seconds")]
        warm: Duration,
    },
    /// The generation finishes what it holds.
    Draining {
        generation: GenerationId,
        #[serde(rename = "seconds", with = "seconds")]
        grace: Duration,
    },
    /// A worker is no more. `wanted` tells whether we had asked for it.
    Exited { generation: GenerationId, slot: Slot, worker: WorkerId, exit: Exit, wanted: bool },
    /// A slot waits for its next worker.
    Respawning {
        generation: GenerationId,
        slot: Slot,
        #[serde(rename = "seconds", with = "seconds")]
        after: Duration,
    },
    /// A worker broke the protocol, or did not say that it lives, and is replaced.
    Misbehaved { generation: GenerationId, slot: Slot, worker: WorkerId, what: String },
    /// A worker is killed, because a grace is over.
    Killing { generation: GenerationId, slot: Slot, worker: WorkerId, why: String },
    /// Processes that dead workers left behind are ended.
    LeftBehind { generation: GenerationId, survivors: u32 },
    /// Nothing of the generation is left.
    Gone { generation: GenerationId },
    /// So many workers are wanted of the generation now.
    Scaled { generation: GenerationId, workers: u32, origin: Origin },
    /// The master is asked to end.
    Stopping { fast: bool, origin: Origin },
    /// The master ends.
    Ended { ending: Ending },
}

/// What a share is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedBy {
    /// The kernel gives it so many of the new connections.
    Connections,
    /// All generations accept from one lane: it has so many of the workers.
    Workers,
}

/// Why a generation was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// What to run could not be found out.
    Unresolved { why: String },
    /// There is no lane for it.
    NoLane { why: String },
    /// A worker ended before it was ready, or before all were.
    Exited { slot: Slot, exit: Exit },
    /// A worker was not ready within its grace.
    NotReady {
        slot: Slot,
        #[serde(rename = "seconds", with = "seconds")]
        grace: Duration,
        /// What was missing, if it said that it was ready.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lacking: Option<String>,
    },
    /// A worker broke the protocol, or did not say that it lives.
    Misbehaved { slot: Slot, what: String },
    /// New connections could not be steered to it.
    NotSteered { why: String },
    /// Its health checks failed, so often in a row.
    Unhealthy { why: String, failures: u32 },
    /// It was not proved in time.
    Overdue {
        #[serde(rename = "seconds", with = "seconds")]
        deadline: Duration,
        /// What was still wrong with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Its workers reported more errors than they may make.
    Errors { errors: u64, requests: u64, budget: ErrorBudget },
    /// A newer one is wanted.
    Superseded,
    /// Somebody asked for it.
    Aborted { origin: Origin },
    /// The master ends.
    Stopping,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Unresolved { why } | Reason::NoLane { why } | Reason::NotSteered { why } => f.write_str(why),
            Reason::Exited { slot, exit: exit @ Exit::NotStarted(_) } => write!(f, "the worker in slot {slot} {exit}"),
            Reason::Exited { slot, exit } => write!(f, "the worker in slot {slot} {exit} before it was promoted"),
            Reason::NotReady { slot, grace, lacking } => {
                let seconds = grace.as_secs_f64();
                write!(f, "the worker in slot {slot} was not ready within {seconds} s (ready_grace)")?;
                lacking.as_ref().map_or(Ok(()), |what| write!(f, ": {what}"))
            }
            Reason::Misbehaved { slot, what } => write!(f, "the worker in slot {slot} misbehaved: {what}"),
            Reason::Unhealthy { why, failures: 1 } => write!(f, "its health check failed: {why}"),
            Reason::Unhealthy { why, failures } => {
                write!(f, "its health check failed {failures} times in a row: {why}")
            }
            Reason::Overdue { deadline, why } => {
                write!(f, "not proved within {} s (progress_deadline)", deadline.as_secs_f64())?;
                why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
            }
            Reason::Errors { errors, requests, budget } => {
                write!(f, "{errors} of {requests} requests went wrong, more than {budget} (error_budget)")
            }
            Reason::Superseded => f.write_str("a newer one is wanted"),
            Reason::Aborted { origin } => write!(f, "aborted ({origin})"),
            Reason::Stopping => f.write_str("the master is asked to stop"),
        }
    }
}

/// Durations go out as seconds, with a fraction.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(wait: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(wait.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
    }
}

/// The same, where there may be none.
mod some_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(wait: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        wait.map(|wait| wait.as_secs_f64()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        seconds.map(Duration::try_from_secs_f64).transpose().map_err(serde::de::Error::custom)
    }
}
