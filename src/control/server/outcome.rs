//! Waiting for what becomes of what was asked for, and the answer to it.

use std::time::Duration;

use super::answer::Refusal;
use super::commands::{Answered, Asked, Asking, within};
use super::proving::doors;
use crate::control::model::{Answer, Outcome, Wait};
use crate::observe::{Attempt, Fate, History};
use crate::supervision::{self, GenerationId, Origin};

/// The history hears of an outcome a moment after whoever asked.
const A_MOMENT: Duration = Duration::from_secs(5);

impl Asking<'_> {
    /// What becomes of a generation, as far as somebody waits for it.
    pub(super) async fn outcome(&self, asked: Asked, wait: Wait, patience: Option<Duration>) -> Answered {
        if wait == Wait::None {
            return self.asked_for(asked).await;
        }
        let Asked { outcome, origin, before } = asked;
        let known = async {
            let outcome = tokio::select! {
                biased;
                outcome = outcome => outcome,
                Some(attempt) = self.proven(&origin), if wait == Wait::Proven => return self.is_proven(&attempt).await,
            };
            match outcome.map_err(|_| Refusal::master_has_ended())? {
                supervision::Outcome::Promoted(generation) => Ok(self.promoted(generation, before, wait).await),
                supervision::Outcome::Rejected { generation, why } => Ok(self.rejected(generation, why).await),
                other => Ok(self.told(other)),
            }
        };
        match within(patience, known).await {
            Some(answer) => answer,
            None => self.going_on().await,
        }
    }

    /// Nobody waits for anything but for a no that comes at once.
    async fn asked_for(&self, mut asked: Asked) -> Answered {
        let answer = self.going_on().await?;
        Ok(match asked.outcome.try_recv() {
            Ok(refused @ supervision::Outcome::Refused(_)) => self.told(refused),
            Ok(_) | Err(_) => answer,
        })
    }

    /// The generation of whoever asked, when it has proved itself; none if it will not, or its outcome is known.
    async fn proven(&self, origin: &Origin) -> Option<Attempt> {
        let rising = self.office.master.snapshot().await?.view.rising?;
        let ours = |history: &History| {
            // The one that rises is ours, or the one for which we have to wait.
            let first = history.attempt(rising)?;
            let next = || history.attempts().find(|it| it.generation > rising);
            let ours = if first.origin == *origin { first } else { next()? };
            ours.is_proven().then(|| ours.clone())
        };
        self.office.chronicle.wait_for(ours).await
    }

    async fn is_proven(&self, attempt: &Attempt) -> Answered {
        let snapshot = self.snapshot().await?;
        Ok(Answer {
            generation: Some(attempt.generation.0),
            serving: snapshot.view.serving.map(|id| id.0),
            why: Some(attempt.stand()),
            doors: doors(&snapshot, attempt.generation),
            ..self.answer(Outcome::Proven)
        })
    }

    /// The generation serves. Whoever wants to, waits until nothing is left of the one before, or it comes back.
    async fn promoted(&self, generation: GenerationId, before: Option<GenerationId>, wait: Wait) -> Answer {
        let is_known = |history: &History| {
            let attempt = history.attempt(generation).filter(|it| it.fate != Fate::Rising)?;
            let previous = before.or(attempt.previous).and_then(|previous| history.attempt(previous));
            let drained = previous.is_none_or(|previous| previous.gone.is_some());
            let known = wait != Wait::Drained || drained || attempt.fate == Fate::RolledBack;
            known.then(|| attempt.clone())
        };
        match self.office.chronicle.wait_for(is_known).await {
            Some(mut attempt) => {
                attempt.previous = before.or(attempt.previous);
                self.about(&attempt, wait == Wait::Drained)
            }
            None => Answer { generation: Some(generation.0), ..self.answer(Outcome::Promoted) },
        }
    }

    async fn rejected(&self, generation: GenerationId, why: String) -> Answer {
        let given_up = self
            .office
            .chronicle
            .wait_for(|history| history.attempt(generation).filter(|attempt| attempt.fate != Fate::Rising).cloned());
        let mut answer = match within(Some(A_MOMENT), given_up).await.flatten() {
            Some(attempt) => self.about(&attempt, false),
            None => Answer { generation: Some(generation.0), why: Some(why), ..self.answer(Outcome::Rejected) },
        };
        answer.serving = self.office.master.snapshot().await.and_then(|snapshot| Some(snapshot.view.serving?.0));
        answer
    }

    /// A generation whose fate is known.
    fn about(&self, attempt: &Attempt, drained: bool) -> Answer {
        let (outcome, serving) = match attempt.fate {
            Fate::Rising => (Outcome::GoingOn, None),
            Fate::Promoted if drained => (Outcome::Drained, Some(attempt.generation)),
            Fate::Promoted => (Outcome::Promoted, Some(attempt.generation)),
            Fate::Rejected | Fate::Aborted => (Outcome::Rejected, None),
            Fate::RolledBack => (Outcome::RolledBack, attempt.previous),
        };
        Answer {
            generation: Some(attempt.generation.0),
            previous: attempt.previous.map(|id| id.0),
            serving: serving.map(|id| id.0),
            why: attempt.why.clone(),
            slot: attempt.slot.map(|slot| slot.0),
            last_lines: attempt.last_lines.clone(),
            ..self.answer(outcome)
        }
    }

    pub(super) fn told(&self, outcome: supervision::Outcome) -> Answer {
        match outcome {
            supervision::Outcome::Promoted(generation) => {
                Answer { generation: Some(generation.0), serving: Some(generation.0), ..self.answer(Outcome::Promoted) }
            }
            supervision::Outcome::Rejected { generation, why } => {
                Answer { generation: Some(generation.0), why: Some(why), ..self.answer(Outcome::Rejected) }
            }
            supervision::Outcome::Scaled(workers) => Answer { workers: Some(workers), ..self.answer(Outcome::Done) },
            supervision::Outcome::Done => self.answer(Outcome::Done),
            supervision::Outcome::Refused(why) => Answer { why: Some(why), ..self.answer(Outcome::Refused) },
        }
    }

    /// What is known of what goes on.
    pub(super) async fn going_on(&self) -> Answered {
        let snapshot = self.snapshot().await?;
        let view = &snapshot.view;
        let rising = view.rising.and_then(|id| self.office.chronicle.told().history.attempt(id).cloned());
        let why = match (&rising, view.stopping) {
            (_, true) => Some("workers finish what they hold".into()),
            (Some(rising), false) if view.reload_waits => {
                Some(format!("it waits for the outcome of generation {}", rising.generation))
            }
            (Some(rising), false) => Some(rising.stand()),
            (None, false) => None,
        };
        Ok(Answer {
            generation: rising.filter(|_| !view.reload_waits).map(|rising| rising.generation.0),
            serving: view.serving.map(|id| id.0),
            why,
            ..self.answer(Outcome::GoingOn)
        })
    }
}
