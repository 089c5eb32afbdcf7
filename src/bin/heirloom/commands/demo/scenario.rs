//! The story: its steps as data, and where in it we are.
//!
//! A pure state machine: it hears what the master tells, is told the time since the start, and says what it wishes. It
//! must not know how a wish is fulfilled.

use std::time::Duration;

use super::cast::brief;
use super::release::Conduct;
use heirloom::supervision::{GenerationId, Notice, Reason};

/// Who asks the master, in the master's words.
pub(super) const ORIGIN: &str = "the demo";
/// How long a newcomer may take: long enough to see it wait.
pub(super) const READY_GRACE: Duration = Duration::from_secs(2);
/// Nothing that the story waits for takes so long, even on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Its name in a report.
    pub(super) name: &'static str,
    /// What it is called on the screen.
    pub(super) title: &'static str,
    /// What one sees while it lasts, and until the next.
    pub(super) caption: &'static str,
    wish: Option<Wish>,
    expected: Expected,
    /// How long one looks on afterwards.
    look: Duration,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Deploy a release that behaves like this, and reload.
    Deploy(Conduct),
    /// Kill a worker that serves.
    Kill,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Promoted,
    GivenUpBecauseItExited,
    GivenUpBecauseItIsLate,
    Replaced,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The generation serves.
    Promoted(GenerationId),
    /// The generation was given up, as it had to be.
    GivenUp(GenerationId, String),
    /// A killed worker of the generation has a successor.
    Replaced(GenerationId),
    /// Not as it should have.
    Unexpected(String),
}

/// A step that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) step: Step,
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
    pub(super) ended: Duration,
}

/// The story, as far as it has been told.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) told: Vec<Told>,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// The step's outcome is not known. Ours is the generation that it raises, or in which a worker has died.
    Going { since: Duration, ours: Option<GenerationId> },
    /// One looks on.
    Looking { until: Duration },
    /// That was all.
    Over,
}

/// The steps in their order.
pub(super) const STEPS: [Step; 6] = [
    Step {
        name: "start",
        title: "start",
        caption: "Two workers start. The port is open already: it belongs to the master.",
        wish: None,
        expected: Expected::Promoted,
        look: Duration::from_millis(2500),
    },
    Step {
        name: "reload",
        title: "reload",
        caption: "A reload: the old generation serves until the new one is ready, then leaves.",
        wish: Some(Wish::Deploy(Conduct::Good)),
        expected: Expected::Promoted,
        look: Duration::from_millis(3400),
    },
    Step {
        name: "crash",
        title: "a release that crashes",
        caption: "A bad release: it crashes at start and is given up. No client has met it.",
        wish: Some(Wish::Deploy(Conduct::Crashes)),
        expected: Expected::GivenUpBecauseItExited,
        look: Duration::from_millis(1800),
    },
    Step {
        name: "hang",
        title: "a release that hangs",
        caption: "Another one hangs at start. After two seconds it is given up. Nobody waited.",
        wish: Some(Wish::Deploy(Conduct::Hangs)),
        expected: Expected::GivenUpBecauseItIsLate,
        look: Duration::from_millis(1800),
    },
    Step {
        name: "kill",
        title: "kill -9 of a worker",
        caption: "A worker is killed. The other one serves until a new one has taken its seat.",
        wish: Some(Wish::Kill),
        expected: Expected::Replaced,
        look: Duration::from_millis(1800),
    },
    Step {
        name: "last_reload",
        title: "a last reload",
        caption: "A good release again. The generation before it stands by, drains, is gone.",
        wish: Some(Wish::Deploy(Conduct::Good)),
        expected: Expected::Promoted,
        look: Duration::from_millis(3600),
    },
];

impl Scenario {
    /// The first step goes on by itself: the master raises its first generation.
    pub(super) fn begin(now: Duration) -> Scenario {
        Scenario { told: Vec::new(), phase: Phase::Going { since: now, ours: None } }
    }

    /// The step of which one sees something.
    pub(super) fn step(&self) -> Option<&'static Step> {
        match self.phase {
            Phase::Going { .. } => STEPS.get(self.told.len()),
            Phase::Looking { .. } => self.told.len().checked_sub(1).and_then(|last| STEPS.get(last)),
            Phase::Over => None,
        }
    }

    /// Since when the present step waits for its outcome.
    pub(super) fn going_since(&self) -> Option<Duration> {
        match self.phase {
            Phase::Going { since, .. } => Some(since),
            Phase::Looking { .. } | Phase::Over => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Takes in what the master tells.
    pub(super) fn hear(&mut self, notice: &Notice, now: Duration) {
        let (Phase::Going { ours, since }, Some(step)) = (&mut self.phase, STEPS.get(self.told.len())) else { return };
        match (notice, step.expected) {
            (Notice::Exited { generation, wanted: false, .. }, Expected::Replaced) => {
                *ours = Some(*generation);
                *since = now;
            }
            (Notice::Rising { generation, origin }, _) if origin.by == ORIGIN || step.wish.is_none() => {
                *ours = Some(*generation);
            }
            _ => {}
        }
        if let Some(outcome) = ours.and_then(|ours| outcome(step.expected, notice, ours)) {
            self.close(outcome, now);
        }
    }

    /// It is `now`: perhaps there is something to be done.
    pub(super) fn tick(&mut self, now: Duration) -> Option<Wish> {
        match self.phase {
            Phase::Going { since, .. } if now >= since + PATIENCE => {
                self.close(Outcome::Unexpected(format!("nothing came of it within {} s", PATIENCE.as_secs())), now);
                None
            }
            Phase::Looking { until } if now >= until => self.turn_the_page(now),
            Phase::Going { .. } | Phase::Looking { .. } | Phase::Over => None,
        }
    }

    /// It cannot go on, for this reason.
    pub(super) fn break_off(&mut self, why: &str, now: Duration) {
        if let Phase::Going { .. } = self.phase {
            self.close(Outcome::Unexpected(why.to_owned()), now);
        }
        self.phase = Phase::Over;
    }

    fn turn_the_page(&mut self, now: Duration) -> Option<Wish> {
        let Some(step) = STEPS.get(self.told.len()) else {
            self.phase = Phase::Over;
            return None;
        };
        self.phase = Phase::Going { since: now, ours: None };
        step.wish
    }

    fn close(&mut self, outcome: Outcome, now: Duration) {
        let (Phase::Going { since, .. }, Some(step)) = (&self.phase, STEPS.get(self.told.len())) else { return };
        self.told.push(Told { step: *step, outcome, took: now.saturating_sub(*since), ended: now });
        self.phase = Phase::Looking { until: now + step.look };
    }
}

/// What the notice means to a step that waits for the fate of one generation; none, if nothing is known yet.
fn outcome(expected: Expected, notice: &Notice, ours: GenerationId) -> Option<Outcome> {
    match (notice, expected) {
        (Notice::Promoted { generation, .. }, _) if *generation != ours => None,
        (Notice::GivenUp { generation, .. }, _) if *generation != ours => None,
        (Notice::Ready { generation, .. }, Expected::Replaced) if *generation == ours => Some(Outcome::Replaced(ours)),
        (Notice::Promoted { .. }, Expected::Promoted) => Some(Outcome::Promoted(ours)),
        (Notice::Promoted { .. }, Expected::GivenUpBecauseItExited | Expected::GivenUpBecauseItIsLate) => {
            Some(Outcome::Unexpected(format!("generation {ours} serves, though it must not")))
        }
        (Notice::GivenUp { reason: reason @ Reason::Exited { .. }, .. }, Expected::GivenUpBecauseItExited)
        | (Notice::GivenUp { reason: reason @ Reason::NotReady { .. }, .. }, Expected::GivenUpBecauseItIsLate) => {
            Some(Outcome::GivenUp(ours, brief(reason)))
        }
        (Notice::GivenUp { reason, .. }, _) => {
            Some(Outcome::Unexpected(format!("generation {ours} is given up: {}", brief(reason))))
        }
        _ => None,
    }
}

impl Told {
    /// Whether it came as it should.
    pub(super) fn is_as_expected(&self) -> bool {
        match self.outcome {
            Outcome::Promoted(_) | Outcome::GivenUp(..) | Outcome::Replaced(_) => true,
            Outcome::Unexpected(_) => false,
        }
    }

    /// The generation that it was about.
    pub(super) fn generation(&self) -> Option<GenerationId> {
        match &self.outcome {
            Outcome::Promoted(generation) | Outcome::GivenUp(generation, _) | Outcome::Replaced(generation) => {
                Some(*generation)
            }
            Outcome::Unexpected(_) => None,
        }
    }

    /// One sign for it.
    pub(super) fn mark(&self) -> char {
        match self.outcome {
            Outcome::Promoted(_) | Outcome::Replaced(_) => '✔',
            Outcome::GivenUp(..) => '↩',
            Outcome::Unexpected(_) => '✘',
        }
    }
}

#[cfg(test)]
mod tests;
