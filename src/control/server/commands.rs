//! What is asked for, and how it is asked of the master. What becomes of it is elsewhere.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::answer::Refusal;
use super::office::Office;
use crate::control::model::{Abort, Answer, Outcome, Pause, Promote, Reload, Resume, Rollback, Scale, Stop};
use crate::master::shown;
use crate::master::snapshot::Snapshot;
use crate::supervision::{self, Command, GenerationId, Origin};
use crate::sys::files;

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

/// It has been asked for.
pub(super) struct Asked {
    pub(super) outcome: oneshot::Receiver<supervision::Outcome>,
    pub(super) origin: Origin,
    /// The generation that served then, of whoever wants it to serve no more.
    pub(super) before: Option<GenerationId>,
}

pub(super) type Answered = Result<Answer, Refusal>;

impl Asking<'_> {
    pub(super) async fn reload(&self, reload: Reload) -> Answered {
        let patience = patience(reload.timeout_seconds)?;
        let command = Command::Reload { strategy: reload.strategy.map(Into::into), hold: reload.hold };
        let asked = self.ask(command, "reload", reload.reason).await?;
        self.outcome(asked, reload.wait, patience).await
    }

    pub(super) async fn promote(&self, promote: Promote) -> Answered {
        let patience = patience(promote.timeout_seconds)?;
        let rising = self.snapshot().await?.view.rising;
        let asked = self.ask(Command::Promote, "promote", None).await?;
        Ok(about(rising, self.outcome(asked, promote.wait, patience).await?))
    }

    pub(super) async fn rollback(&self, rollback: Rollback) -> Answered {
        let patience = patience(rollback.timeout_seconds)?;
        let before = self.snapshot().await?.view.serving;
        let command = Command::Rollback { to: rollback.to.map(GenerationId) };
        let asked = self.ask(command, "rollback", rollback.reason).await?;
        self.outcome(Asked { before, ..asked }, rollback.wait, patience).await
    }

    pub(super) async fn pause(&self, pause: Pause) -> Answered {
        self.ask_the_rising(Command::Pause, "pause", pause.reason).await
    }

    pub(super) async fn resume(&self, resume: Resume) -> Answered {
        self.ask_the_rising(Command::Resume, "resume", resume.reason).await
    }

    pub(super) async fn abort(&self, abort: Abort) -> Answered {
        self.ask_the_rising(Command::Abort, "abort", abort.reason).await
    }

    pub(super) async fn scale(&self, scale: Scale) -> Answered {
        let snapshot = self.snapshot().await?;
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
        let asked = self.ask(Command::Stop { fast: stop.fast }, "stop", stop.reason).await?;
        if !stop.wait {
            return self.going_on().await;
        }
        match within(patience, asked.outcome).await {
            Some(Ok(outcome)) => Ok(self.told(outcome)),
            Some(Err(_)) => Ok(self.answer(Outcome::Done)), // it has ended
            None => self.going_on().await,
        }
    }

    async fn ask(&self, command: Command, verb: &str, reason: Option<String>) -> Result<Asked, Refusal> {
        let reason = reason.map(|reason| shown(reason.trim())).filter(|reason| !reason.is_empty());
        let origin = Origin { by: format!("{verb} by {}", self.by), reason };
        let asked = self.office.master.start_asking(command, origin.clone()).await;
        Ok(Asked { outcome: asked.ok_or_else(Refusal::master_has_ended)?, origin, before: None })
    }

    async fn ask_and_wait(&self, command: Command, verb: &str, reason: Option<String>) -> Answered {
        let asked = self.ask(command, verb, reason).await?;
        Ok(self.told(asked.outcome.await.map_err(|_| Refusal::master_has_ended())?))
    }

    /// Something that is about the generation that rises.
    async fn ask_the_rising(&self, command: Command, verb: &str, reason: Option<String>) -> Answered {
        let rising = self.snapshot().await?.view.rising;
        Ok(about(rising, self.ask_and_wait(command, verb, reason).await?))
    }

    /// All that the master knows; it has taken in by then what was asked before.
    pub(super) async fn snapshot(&self) -> Result<Box<Snapshot>, Refusal> {
        self.office.master.snapshot().await.ok_or_else(Refusal::master_has_ended)
    }

    pub(super) fn answer(&self, outcome: Outcome) -> Answer {
        Answer {
            outcome,
            generation: None,
            previous: None,
            serving: None,
            why: None,
            slot: None,
            last_lines: Vec::new(),
            doors: Vec::new(),
            workers: None,
            took_seconds: self.since.elapsed().as_secs_f64(),
        }
    }
}

/// Whoever has no generation to name means this one.
fn about(generation: Option<GenerationId>, answer: Answer) -> Answer {
    let generation = generation.filter(|_| answer.outcome == Outcome::Done).map(|id| id.0);
    Answer { generation: answer.generation.or(generation), ..answer }
}

fn patience(seconds: Option<f64>) -> Result<Option<Duration>, Refusal> {
    let time = |seconds| {
        let time = Duration::try_from_secs_f64(seconds).ok().filter(|&time| time <= LONGEST);
        time.ok_or_else(|| Refusal::bad_request(format!("`timeout_seconds` is not from 0 to a year: {seconds}")))
    };
    seconds.map(time).transpose()
}

/// The answer, if it comes in time.
pub(super) async fn within<T>(patience: Option<Duration>, answer: impl Future<Output = T>) -> Option<T> {
    match patience {
        Some(patience) => tokio::time::timeout(patience, answer).await.ok(),
        None => Some(answer.await),
    }
}
