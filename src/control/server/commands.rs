//! What is asked for, and waiting for what becomes of it.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::answer::Refusal;
use super::office::Office;
use crate::control::model::{Abort, Answer, Outcome, Reload, Scale, Stop, Wait};
use crate::master::shown;
use crate::observe::{Attempt, Fate};
use crate::supervision::{self, Command, GenerationId, Origin};
use crate::sys::files;

/// The history hears of an outcome a moment after whoever asked.
const A_MOMENT: Duration = Duration::from_secs(5);
/// Nobody waits longer than a year.
const LONGEST: Duration = Duration::from_secs(31_536_000);
/// More workers than this are a mistake.
const MOST_WORKERS: u64 = 10_000;
/// What a worker takes of our descriptors, with another generation beside it.
const DESCRIPTORS_A_WORKER: u64 = 16;

/// Somebody asks.
pub(super) struct Asking<'a> {
    pub(super) office: &'a Office,
    /// Who, in words.
    pub(super) by: &'a str,
    pub(super) since: Instant,
}

type Answered = Result<Answer, Refusal>;

impl Asking<'_> {
    pub(super) async fn reload(&self, reload: Reload) -> Answered {
        let patience = patience(reload.timeout_seconds)?;
        let outcome = self.ask(Command::RELOAD, "reload", reload.reason).await?;
        if reload.wait == Wait::None {
            return self.going_on().await;
        }
        let known = async {
            match outcome.await {
                Ok(supervision::Outcome::Promoted(generation)) => Some(self.promoted(generation, reload.wait).await),
                Ok(supervision::Outcome::Rejected { generation, why }) => Some(self.rejected(generation, why).await),
                Ok(other) => Some(self.told(other)),
                Err(_) => None,
            }
        };
        match within(patience, known).await {
            Some(Some(answer)) => Ok(answer),
            Some(None) => Err(Refusal::master_has_ended()),
            None => self.going_on().await,
        }
    }

    pub(super) async fn abort(&self, abort: Abort) -> Answered {
        self.ask_and_wait(Command::Abort, "abort", abort.reason).await
    }

    pub(super) async fn scale(&self, scale: Scale) -> Answered {
        let snapshot = self.office.master.snapshot().await.ok_or_else(Refusal::master_has_ended)?;
        let serving = snapshot.view.generations.iter().find(|view| Some(view.id) == snapshot.view.serving);
        let present = i64::from(serving.and_then(|view| view.wanted).unwrap_or(0));
        let (command, wanted) = match (scale.workers, scale.by) {
            (Some(workers), None) => (Command::ScaleTo(workers), i64::from(workers)),
            (None, Some(by)) => (Command::Scale(by), present + i64::from(by)),
            _ => return Err(Refusal::bad_request("say either how many `workers`, or how many more or less: `by`")),
        };
        let allowed = files::descriptor_limit().map_or(0, |(now, _)| now);
        let most = (allowed / DESCRIPTORS_A_WORKER).min(MOST_WORKERS);
        if u64::try_from(wanted).is_ok_and(|wanted| wanted > most) {
            let why = format!("{wanted} workers are too many: {most} are possible with {allowed} descriptors");
            return Err(Refusal::bad_request(why));
        }
        self.ask_and_wait(command, "scale", scale.reason).await
    }

    pub(super) async fn stop(&self, stop: Stop) -> Answered {
        let patience = patience(stop.timeout_seconds)?;
        let outcome = self.ask(Command::Stop { fast: stop.fast }, "stop", stop.reason).await?;
        if !stop.wait {
            return self.going_on().await;
        }
        match within(patience, outcome).await {
            Some(Ok(outcome)) => Ok(self.told(outcome)),
            Some(Err(_)) => Ok(self.answer(Outcome::Done)), // it has ended
            None => self.going_on().await,
        }
    }

    async fn ask(
        &self,
        command: Command,
        verb: &str,
        reason: Option<String>,
    ) -> Result<oneshot::Receiver<supervision::Outcome>, Refusal> {
        let reason = reason.map(|reason| shown(reason.trim())).filter(|reason| !reason.is_empty());
        let origin = Origin { by: format!("{verb} by {}", self.by), reason };
        self.office.master.start_asking(command, origin).await.ok_or_else(Refusal::master_has_ended)
    }

    async fn ask_and_wait(&self, command: Command, verb: &str, reason: Option<String>) -> Answered {
        let outcome = self.ask(command, verb, reason).await?.await.map_err(|_| Refusal::master_has_ended())?;
        Ok(self.told(outcome))
    }

    /// The generation serves. Whoever wants to, waits until nothing is left of the one before, or it comes back.
    async fn promoted(&self, generation: GenerationId, wait: Wait) -> Answer {
        let is_drained = |history: &crate::observe::History| {
            let attempt = history.attempt(generation).filter(|it| it.fate != Fate::Rising)?;
            let drained = attempt
                .previous
                .is_none_or(|previous| history.attempt(previous).is_none_or(|previous| previous.gone.is_some()));
            let known = wait != Wait::Drained || drained || attempt.fate == Fate::RolledBack;
            known.then(|| attempt.clone())
        };
        match self.office.chronicle.wait_for(is_drained).await {
            Some(attempt) => self.about(&attempt, wait == Wait::Drained),
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

    fn told(&self, outcome: supervision::Outcome) -> Answer {
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
    async fn going_on(&self) -> Answered {
        let snapshot = self.office.master.snapshot().await.ok_or_else(Refusal::master_has_ended)?;
        let view = &snapshot.view;
        let rising = view.rising.and_then(|id| self.office.chronicle.told().history.attempt(id).cloned());
        let why = match (&rising, view.stopping) {
            (_, true) => Some("workers finish what they hold".into()),
            (Some(rising), false) if view.reload_waits => {
                Some(format!("it waits for the outcome of generation {}", rising.generation))
            }
            (Some(rising), false) => {
                let waits = rising.waits_for.clone();
                Some(waits.unwrap_or_else(|| format!("generation {} is not ready yet", rising.generation)))
            }
            (None, false) => None,
        };
        Ok(Answer {
            generation: rising.filter(|_| !view.reload_waits).map(|rising| rising.generation.0),
            serving: view.serving.map(|id| id.0),
            why,
            ..self.answer(Outcome::GoingOn)
        })
    }

    fn answer(&self, outcome: Outcome) -> Answer {
        Answer {
            outcome,
            generation: None,
            previous: None,
            serving: None,
            why: None,
            slot: None,
            last_lines: Vec::new(),
            workers: None,
            took_seconds: self.since.elapsed().as_secs_f64(),
        }
    }
}

fn patience(seconds: Option<f64>) -> Result<Option<Duration>, Refusal> {
    let time = |seconds| {
        let time = Duration::try_from_secs_f64(seconds).ok().filter(|&time| time <= LONGEST);
        time.ok_or_else(|| Refusal::bad_request(format!("`timeout_seconds` is not from 0 to a year: {seconds}")))
    };
    seconds.map(time).transpose()
}

/// The answer, if it comes in time.
async fn within<T>(patience: Option<Duration>, answer: impl Future<Output = T>) -> Option<T> {
    match patience {
        Some(patience) => tokio::time::timeout(patience, answer).await.ok(),
        None => Some(answer.await),
    }
}
