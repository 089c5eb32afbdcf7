//! What is to be done: one enum for all of it.
#![allow(missing_docs, reason = "the fields of a variant are what their names say")]

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CohortId, GenerationId, Notice, RequestId, Slot, WorkerId};

/// A deed for the master. When it fails, the failure comes back as an [`super::Event`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Find out what the generation is to run; answered by `Resolved` or `Unresolved`.
    Resolve { generation: GenerationId },
    /// The same, but it is to run what the generation `of` ran; answered alike.
    Recall { generation: GenerationId, of: GenerationId },
    /// Nobody waits any more for what is being resolved.
    CancelResolve { generation: GenerationId },
    /// Choose a free lane of each listener for the cohort; answered by `Allotted`, `NoLaneYet` or `NotAllotted`.
    Allot { cohort: CohortId },
    /// Start a worker; answered by `Started`, and some day by `Exited`.
    Spawn { worker: WorkerId, cohort: CohortId, slot: Slot },
    /// Send new connections to these cohorts, each its share, on every listener or on none; answered by `Steered` or
    /// `NotSteered` about the generation.
    Steer { generation: GenerationId, shares: Vec<Share>, sticky: bool },
    /// One round of health checks, on a way that leads to the generation alone; answered by `Checked`.
    Check { generation: GenerationId },
    /// Tell the worker that its generation serves now.
    Promote { worker: WorkerId },
    /// Tell the worker to ask its clients to leave, and to go on serving.
    LameDuck { worker: WorkerId, linger: Duration },
    /// Take that back.
    Resume { worker: WorkerId },
    /// Tell the worker to finish what it holds and to exit.
    Drain { worker: WorkerId, grace: Duration },
    /// End the worker at once.
    Kill { worker: WorkerId },
    /// See whether anything waits for the cohort, or will; answered by `Looked`.
    Look { cohort: CohortId },
    /// Nobody accepts in the cohort's lanes any more: whoever still arrives there must be served elsewhere.
    Rescue { cohort: CohortId },
    /// See what the dead workers of the cohort have left behind; answered by `Swept`.
    Sweep { cohort: CohortId },
    /// End what they have left behind.
    KillSurvivors { cohort: CohortId },
    /// Nothing of the cohort is left, and others of its generation are: its lanes may go.
    Vacate { cohort: CohortId },
    /// Nothing of the generation is left: its lanes and its release may go.
    Forget { generation: GenerationId },
    /// The one answer to a command.
    Answer { request: RequestId, outcome: Outcome },
    /// Tell the world.
    Tell(Notice),
    /// The last action.
    End(Ending),
}

/// How much of all new connections goes to a cohort: its weight among the weights of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub cohort: CohortId,
    pub weight: u32,
}

impl Action {
    /// All new connections go to the whole generation.
    pub fn steer_all(generation: GenerationId) -> Action {
        let all = Share { cohort: CohortId::whole(generation), weight: 1 };
        Action::Steer { generation, shares: vec![all], sticky: false }
    }
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The generation serves.
    Promoted(GenerationId),
    /// The generation was given up, for this reason; what served before still serves.
    Rejected { generation: GenerationId, why: String },
    /// So many workers are wanted now.
    Scaled(u32),
    /// It has been done.
    Done,
    /// It makes no sense now, for this reason.
    Refused(String),
}

/// How the master ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Somebody asked it to stop.
    Stopped,
    /// The first generation failed, for this reason.
    Failed(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Promoted(generation) => write!(f, "generation {generation} serves"),
            Outcome::Rejected { why, .. } => write!(f, "rejected: {why}"),
            Outcome::Scaled(workers) => write!(f, "{workers} workers"),
            Outcome::Done => f.write_str("done"),
            Outcome::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}
