//! The generation that rises: how many of its workers are where.

use std::time::SystemTime;

use super::{Mark, Proving, line};
use crate::render::words::{WaysOn, took};
use heirloom::control::model::{Generation, Rollout};
use heirloom::supervision::{GenerationId, Notice, Reason};

#[derive(Debug)]
pub(super) struct Rising {
    pub(super) generation: GenerationId,
    pub(super) since: SystemTime,
    /// How many workers it is to have, once that is known.
    pub(super) total: Option<u32>,
    pub(super) total_is_asked_for: bool,
    pub(super) started: u32,
    pub(super) ready: u32,
    pub(super) told: Told,
    pub(super) waits: bool,
    /// How the first worker was found to be ready, if it did not say so in our protocol.
    pub(super) evidence: Option<&'static str>,
    /// What comes between ready and promoted.
    pub(super) proving: Proving,
}

/// Which lines have been written.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) started: bool,
    pub(super) ready: bool,
}

impl Rising {
    pub(super) fn new(generation: GenerationId, since: SystemTime) -> Rising {
        let (total, evidence) = (None, None);
        let total_is_asked_for = false;
        Rising {
            total_is_asked_for,
            generation,
            since,
            total,
            started: 0,
            ready: 0,
            told: Told::default(),
            waits: false,
            evidence,
            proving: Proving::default(),
        }
    }

    /// One that has come so far already.
    pub(super) fn joined(generation: &Generation, rollout: Option<&Rollout>) -> Rising {
        let started = u32::try_from(generation.workers.len()).unwrap_or(u32::MAX);
        let is_ready = generation.ready >= generation.total;
        Rising {
            total: Some(generation.total),
            started,
            ready: generation.ready,
            told: Told { started: is_ready || started >= generation.total, ready: is_ready },
            proving: rollout.map(|rollout| Proving::joined(rollout, SystemTime::now())).unwrap_or_default(),
            ..Rising::new(GenerationId(generation.id), generation.since.0)
        }
    }

    /// What is under way.
    pub(super) fn current(&self, ways_on: &WaysOn, now: SystemTime) -> String {
        if let Some((doing, share, tail)) = self.proving.current(ways_on, now) {
            return format!("{doing:<9} {share:>5} {:>6}  {tail}", self.time(now));
        }
        let (doing, done) = self.doing();
        format!("{doing:<9} {:>5} {:>6}", self.of_total(done), self.time(now))
    }

    pub(super) fn doing(&self) -> (&'static str, u32) {
        match self.total {
            _ if self.waits => ("waiting", 0),
            _ if self.started == 0 => ("resolving", 0),
            Some(total) if self.started < total => ("starting", self.started),
            Some(total) if self.ready >= total => ("steering", self.ready),
            Some(_) | None => ("ready", self.ready),
        }
    }

    pub(super) fn of_total(&self, done: u32) -> String {
        match self.total {
            _ if self.started == 0 => String::new(),
            Some(total) => format!("{done}/{total}"),
            None if done == 0 => String::new(),
            None => done.to_string(),
        }
    }

    pub(super) fn time(&self, at: SystemTime) -> String {
        took(at.duration_since(self.since).unwrap_or_default())
    }

    pub(super) fn notice(&mut self, notice: &Notice, ways_on: &WaysOn, at: SystemTime) -> Vec<String> {
        match notice {
            Notice::WaitingForLane { generation, why } if *generation == self.generation => {
                self.waits = true;
                vec![line(Mark::Note, "waiting", "", &self.time(at), why)]
            }
            Notice::Started { generation, .. } if *generation == self.generation => {
                self.started += 1;
                self.waits = false;
                self.complete(at)
            }
            Notice::Ready { generation, .. } if *generation == self.generation => {
                self.ready += 1;
                self.complete(at)
            }
            Notice::NotSteered { generation, why } if *generation == self.generation => {
                vec![line(Mark::Note, "steering", "", &self.time(at), why)]
            }
            other => {
                let time = self.time(at);
                self.proving.notice(self.generation, other, ways_on, &time, at)
            }
        }
    }

    /// The lines of the steps that all workers have taken by now.
    pub(super) fn complete(&mut self, at: SystemTime) -> Vec<String> {
        let mut lines = Vec::new();
        let Some(total) = self.total else { return lines };
        if self.started >= total && !std::mem::replace(&mut self.told.started, self.started >= total) {
            lines.push(line(Mark::Done, "started", &self.of_total(self.started), &self.time(at), ""));
        }
        if self.ready >= total && !std::mem::replace(&mut self.told.ready, self.ready >= total) {
            let evidence = self.evidence.unwrap_or_default();
            lines.push(line(Mark::Done, "ready", &self.of_total(self.ready), &self.time(at), evidence));
        }
        lines
    }

    /// Whatever has not been said by now is said along with it.
    pub(super) fn promoted(&mut self, at: SystemTime) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.told.started {
            lines.push(line(Mark::Done, "started", &self.of_total(self.started), "", ""));
        }
        if !self.told.ready {
            lines.push(line(Mark::Done, "ready", &self.of_total(self.ready), "", self.evidence.unwrap_or_default()));
        }
        lines.extend(self.proving.healthy(&self.time(at)));
        lines.push(line(Mark::Done, "promoted", "", &self.time(at), "new connections go to it"));
        lines
    }

    pub(super) fn given_up(&self, reason: &Reason, at: SystemTime) -> String {
        let worker = |slot| format!("worker {}.{slot}", self.generation);
        let (step, why) = match reason {
            Reason::Unresolved { .. } => ("release", String::new()),
            Reason::NoLane { .. } => ("lane", String::new()),
            Reason::Unhealthy { .. } | Reason::Overdue { .. } => ("healthy", String::new()),
            Reason::Errors { .. } => ("errors", String::new()),
            Reason::NotSteered { .. } => ("steering", String::new()),
            Reason::Exited { slot, exit } => ("ready", format!("{} {exit}", worker(slot))),
            Reason::NotReady { slot, .. } => ("ready", format!("{} is not ready, and its time is over", worker(slot))),
            Reason::Misbehaved { slot, .. } => ("ready", format!("{} broke the protocol", worker(slot))),
            Reason::Superseded | Reason::Aborted { .. } | Reason::Stopping => ("given up", reason.to_string()),
        };
        let numbers = self.proving.share().unwrap_or_else(|| self.of_total(self.ready));
        line(Mark::Failed, step, &numbers, &self.time(at), &why)
    }
}
