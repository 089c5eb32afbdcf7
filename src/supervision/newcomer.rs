//! The generation that rises, as the rules remember it: how far it has come, and how long its present step lasts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{GenerationId, RequestId, Strategy, Uptime};

/// The generation that rises: there is one at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rising {
    pub(super) generation: GenerationId,
    pub(super) step: Step,
    /// How it is to take over, as far as somebody said so.
    pub(super) wish: Wish,
    /// When it, or its present cohort, began to rise.
    pub(super) since: Uptime,
    /// The number of the cohort that is being raised.
    pub(super) cohort: u32,
    /// When the step ends by itself, of those that last: held, or with a share.
    pub(super) clock: Clock,
    /// Whose answer is the outcome.
    pub(super) asked: Vec<RequestId>,
}

/// What was asked for beside a new generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wish {
    /// The release's own strategy, if none is named.
    pub(super) strategy: Option<Strategy>,
    /// Nobody meets it before somebody promotes it.
    pub(super) hold: bool,
    /// It is to run what this generation ran.
    pub(super) of: Option<GenerationId>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    Resolving,
    /// `waited`: there was none at first.
    Allotting {
        waited: bool,
    },
    /// There is no lane yet: look again, since an empty queue is no event.
    NoLane {
        look: Uptime,
    },
    Starting,
    /// All are ready: its health is checked, and no client meets it.
    Checking,
    /// It is proved, and waits.
    Held,
    /// It has, or is about to have, the share of this step of its canary.
    Sharing {
        step: usize,
        phase: Phase,
    },
    /// A cohort of it is proved, and others are still to be raised: it takes over from as many workers, and room is made.
    Rolling {
        steered: bool,
    },
    Steering,
}

/// How far a step of a canary has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Shared by workers: more of them are being started.
    Growing,
    /// The share is being steered.
    Steering,
    /// It has its share.
    Resting,
}

/// The time that a step still has; none: it does not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Clock {
    Running { until: Option<Uptime> },
    Paused { left: Option<Duration> },
}

impl Rising {
    pub(super) fn new(generation: GenerationId, wish: Wish, asked: Vec<RequestId>, since: Uptime) -> Rising {
        Rising {
            generation,
            step: Step::Resolving,
            wish,
            since,
            cohort: 0,
            clock: Clock::Running { until: None },
            asked,
        }
    }
}

impl Step {
    /// Whether it is not proved yet.
    pub(super) fn is_unproved(self) -> bool {
        match self {
            Step::Resolving | Step::Allotting { .. } | Step::NoLane { .. } | Step::Starting | Step::Checking => true,
            Step::Held | Step::Sharing { .. } | Step::Rolling { .. } | Step::Steering => false,
        }
    }

    /// Whether its workers run, and may still be too few, or fail it.
    pub(super) fn is_tried(self) -> bool {
        match self {
            Step::Allotting { .. }
            | Step::NoLane { .. }
            | Step::Starting
            | Step::Checking
            | Step::Held
            | Step::Sharing { .. }
            | Step::Rolling { .. } => true,
            Step::Resolving | Step::Steering => false,
        }
    }

    /// Whether all workers are ready, and its health is watched.
    pub(super) fn is_checked(self) -> bool {
        match self {
            Step::Checking | Step::Held | Step::Sharing { .. } | Step::Rolling { .. } => true,
            Step::Resolving | Step::Allotting { .. } | Step::NoLane { .. } | Step::Starting | Step::Steering => false,
        }
    }

    /// Whether it is proved, and waits for its clock or for somebody's word.
    pub(super) fn waits(self) -> bool {
        matches!(self, Step::Held | Step::Sharing { phase: Phase::Resting, .. })
    }
}

impl Clock {
    /// The time of another step begins, or would if the clock ran.
    pub(super) fn wind(&mut self, time: Option<Duration>, now: Uptime) {
        *self = match self {
            Clock::Running { .. } => Clock::Running { until: time.map(|time| now + time) },
            Clock::Paused { .. } => Clock::Paused { left: time },
        };
    }

    pub(super) fn pause(&mut self, now: Uptime) {
        if let Clock::Running { until } = self {
            *self = Clock::Paused { left: until.map(|until| until - now) };
        }
    }

    pub(super) fn resume(&mut self, now: Uptime) {
        if let Clock::Paused { left } = self {
            *self = Clock::Running { until: left.map(|left| now + left) };
        }
    }

    pub(super) fn is_paused(self) -> bool {
        matches!(self, Clock::Paused { .. })
    }

    pub(super) fn until(self) -> Option<Uptime> {
        match self {
            Clock::Running { until } => until,
            Clock::Paused { .. } => None,
        }
    }
}
