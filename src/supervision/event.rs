//! What may happen: one enum for all of it.
#![allow(missing_docs, reason = "the fields of a variant are what their names say")]

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CohortId, GenerationId, Plan, RequestId, Strategy, WorkerId};

/// Something happened: a command came in, a worker said something or died, or an action came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Somebody asks for something; exactly one [`super::Action::Answer`] follows.
    Asked { request: RequestId, command: Command, origin: Origin },
    /// The release of a generation has been resolved.
    Resolved { generation: GenerationId, plan: Plan },
    /// It could not be.
    Unresolved { generation: GenerationId, why: String },
    /// Each listener has a lane for the cohort.
    Allotted { cohort: CohortId },
    /// A listener has none yet, but will: who holds it.
    NoLaneYet { cohort: CohortId, why: String },
    /// A listener has none and never will.
    NotAllotted { cohort: CohortId, why: String },
    /// The worker's program runs.
    Started { worker: WorkerId },
    /// The worker says that it can serve.
    Ready { worker: WorkerId },
    /// The worker says that it can serve, but something is missing for that yet.
    Lacking { worker: WorkerId, what: String },
    /// The worker needs longer, and says so: for getting ready, or for draining.
    Extended { worker: WorkerId, by: Duration },
    /// The worker broke the protocol, or its watchdog's.
    Misbehaved { worker: WorkerId, what: String },
    /// A listener that the worker holds has been shut, and its program may never hear of a connection there again.
    LostHandle { worker: WorkerId, what: String },
    /// The worker is no more and has been reaped.
    Exited { worker: WorkerId, exit: Exit },
    /// New connections go to the generation.
    Steered { generation: GenerationId },
    /// They could not be steered to it; nothing has changed.
    NotSteered { generation: GenerationId, why: String },
    /// How a round of health checks went: what is wrong, if anything is.
    Checked { generation: GenerationId, failure: Option<String> },
    /// How many requests the worker has answered so far, and how many of them went wrong.
    Reported { worker: WorkerId, requests: u64, errors: u64 },
    /// Whether anything is left to be accepted of what was steered to the cohort.
    Looked { cohort: CohortId, settled: bool },
    /// How many processes the dead workers of the cohort have left behind.
    Swept { cohort: CohortId, survivors: u32 },
    /// A process that we did not start has ended as our child: what was left behind may have become less.
    StrangerReaped,
    /// A deadline may have passed.
    Tick,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Raise a new generation from a freshly resolved release; in this way, if one is named, and not before somebody
    /// promotes it, if `hold`.
    Reload { strategy: Option<Strategy>, hold: bool },
    /// Give up the generation that rises.
    Abort,
    /// Let the generation go on that is held; give all to the one that has a share.
    Promote,
    /// Go back to the generation that served before, or to this one.
    Rollback { to: Option<GenerationId> },
    /// Stop the clocks of the rollout.
    Pause,
    /// Let them go on.
    Resume,
    /// So many workers more, or less, for the generation that serves.
    Scale(i32),
    /// Exactly so many workers for the generation that serves.
    ScaleTo(u32),
    /// Drain the workers of the generation that serves; keep listening.
    Dismiss,
    /// End everything; at once, if `fast`.
    Stop { fast: bool },
}

impl Command {
    /// A reload as the release has it.
    pub const RELOAD: Command = Command::Reload { strategy: None, hold: false };
}

/// Who asks, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// In words for the log: "SIGHUP from pid 812, uid 1000".
    pub by: String,
    /// In his own words, if he gave any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Origin {
    /// Somebody who gives no reason.
    pub fn new(by: impl Into<String>) -> Origin {
        Origin { by: by.into(), reason: None }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.by)?;
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exit {
    /// It exited with this status.
    Status(i32),
    /// A signal killed it.
    Signal(String),
    /// Its program could not be executed at all.
    NotStarted(String),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Status(status) => write!(f, "exited with status {status}"),
            Exit::Signal(name) => write!(f, "was killed by {name}"),
            Exit::NotStarted(why) => write!(f, "could not be started: {why}"),
        }
    }
}
