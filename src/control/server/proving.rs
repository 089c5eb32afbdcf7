//! A newcomer between ready and promoted, as it is shown.

use std::time::SystemTime;

use super::assemble::{generation_state, left};
use crate::control::model::{Door, Rollout, SharedBy, Step, Time};
use crate::master::snapshot::Snapshot;
use crate::observe::{Attempt, Shared};
use crate::supervision::{self, GenerationId, Stage};

/// How the generation fares that rises, once there is something to tell beside its workers.
pub(super) fn rollout(snapshot: &Snapshot, attempts: &[Attempt]) -> Option<Rollout> {
    let view = &snapshot.view;
    let rising = view.generations.iter().find(|it| Some(it.id) == view.rising)?;
    let (step, steps) = match rising.stage {
        Stage::Sharing { step, steps } => (Some(step), Some(steps)),
        Stage::Checking | Stage::Held => (None, None),
        _ if view.paused => (None, None),
        _ => return None,
    };
    let attempt = attempts.iter().find(|attempt| attempt.generation == rising.id);
    let shared = attempt.and_then(|attempt| attempt.steps.last()).filter(|_| step.is_some());
    Some(Rollout {
        generation: rising.id.0,
        state: generation_state(rising.stage),
        percent: rising.share,
        by: shared.map(|(shared, _)| by(shared)),
        step,
        steps,
        paused: view.paused,
        until_seconds: left(rising.until, snapshot.now),
        failed_check: attempt.and_then(|attempt| attempt.failed_check.clone()),
        doors: doors(snapshot, rising.id),
    })
}

/// Where the generation, and nobody else, can be looked at.
pub(super) fn doors(snapshot: &Snapshot, generation: GenerationId) -> Vec<Door> {
    let its = snapshot.doors.iter().filter(|door| door.generation == generation);
    its.map(|door| Door { listener: door.listener.clone(), address: door.address.to_string() }).collect()
}

/// A share that a generation had.
pub(super) fn step((shared, since): &(Shared, SystemTime)) -> Step {
    Step { percent: shared.percent, by: by(shared), since: Time(*since) }
}

fn by(shared: &Shared) -> SharedBy {
    match shared.by {
        supervision::SharedBy::Connections => SharedBy::Connections,
        supervision::SharedBy::Workers => SharedBy::Workers,
    }
}
