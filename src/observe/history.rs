//! What became of every generation: a pure fold over reports, bounded.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::attempt::{Attempt, Fate, Progress, Ran, Shared};
use crate::master::{Deed, Report, What};
use crate::supervision::{GenerationId, Notice, Origin, Reason};

/// So many attempts are remembered, and those whose generation is not gone.
const MOST: usize = 100;
/// So much of each last line.
const KEPT_OF_A_LINE: usize = 240;

/// All that is remembered, the oldest first.
#[derive(Debug, Default)]
pub struct History {
    attempts: VecDeque<Attempt>,
    totals: Totals,
}

/// How often what has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Generations that were promoted.
    pub promoted: u64,
    /// Generations that were given up for a fault of theirs.
    pub rejected: u64,
    /// Generations that were given up because somebody wanted it.
    pub aborted: u64,
    /// Generations that were rolled back.
    pub rolled_back: u64,
    /// How often a generation's health checks began to fail.
    pub unhealthy: u64,
    /// Workers that took over the slot of one that ended.
    pub restarts: u64,
    /// Workers that were killed because a grace was over.
    pub killed: u64,
    /// Late connections that were passed to a worker that serves.
    pub passed: u64,
    /// Late connections that were relayed.
    pub relayed: u64,
    /// Lanes that were shut by a worker and mended.
    pub mended: u64,
}

impl History {
    /// Takes in what happened.
    pub fn take_in(&mut self, report: &Report) {
        match &report.what {
            What::Rules(notice) => self.take_in_notice(notice, report),
            What::Deeds(deed) => self.take_in_deed(deed),
        }
    }

    /// All attempts, the oldest first.
    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter()
    }

    /// A generation, if it is remembered.
    pub fn attempt(&self, generation: GenerationId) -> Option<&Attempt> {
        self.attempts.iter().rfind(|attempt| attempt.generation == generation)
    }

    /// How often what has happened.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// How many attempts are remembered.
    pub const fn limit() -> usize {
        MOST
    }

    fn take_in_notice(&mut self, notice: &Notice, report: &Report) {
        let time = report.time;
        match notice {
            Notice::Rising { generation, origin } => self.begin(*generation, origin, time),
            Notice::WaitingForLane { generation, why } => {
                self.change(*generation, |it| it.waits_for = Some(why.clone()))
            }
            Notice::Started { generation, slot, .. } => self.change(*generation, |it| {
                it.waits_for = None;
                it.evidence.remove(slot);
            }),
            Notice::Promoted { generation, previous } => self.promoted(*generation, *previous, time),
            Notice::GivenUp { generation, reason, .. } => self.given_up(*generation, reason, report),
            Notice::RolledBack { generation, why, .. } => self.rolled_back(*generation, why),
            Notice::Exited { generation, slot, wanted: false, .. } => {
                let failed = (*slot, short(&report.last_lines));
                self.change(*generation, |it| it.failed = Some(failed));
            }
            Notice::Respawning { generation, slot, .. } => {
                self.totals.restarts += 1;
                self.change(*generation, |it| *it.restarts.entry(*slot).or_default() += 1);
            }
            Notice::Killing { .. } => self.totals.killed += 1,
            Notice::Gone { generation } => {
                self.change(*generation, |it| {
                    it.gone = Some(time);
                    it.failed = None;
                });
                self.forget();
            }
            Notice::Checking { .. }
            | Notice::Held { .. }
            | Notice::Sharing { .. }
            | Notice::Paused { .. }
            | Notice::Resumed { .. }
            | Notice::Unhealthy { .. } => self.proving(notice, time),
            Notice::Remembered { .. }
            | Notice::Ready { .. }
            | Notice::NotSteered { .. }
            | Notice::StandingBy { .. }
            | Notice::Draining { .. }
            | Notice::Exited { wanted: true, .. }
            | Notice::Misbehaved { .. }
            | Notice::LeftBehind { .. }
            | Notice::Scaled { .. }
            | Notice::Stopping { .. }
            | Notice::Ended { .. } => {}
        }
    }

    /// Between ready and promoted, or not much later.
    fn proving(&mut self, notice: &Notice, time: SystemTime) {
        match *notice {
            Notice::Checking { generation } => self.change(generation, |it| it.progress = Progress::Checked),
            Notice::Held { generation, most } => self.change(generation, |it| {
                (it.progress, it.failed_check) = (Progress::Held { most }, None);
                it.held = Some(time);
            }),
            Notice::Sharing { generation, percent, step, steps, hold, by } => self.change(generation, |it| {
                let shared = Shared { percent, by, step, steps, hold };
                (it.progress, it.failed_check) = (Progress::Sharing(shared), None);
                it.steps.push((shared, time));
            }),
            Notice::Paused { generation, .. } => self.change(generation, |it| it.paused = true),
            Notice::Resumed { generation, .. } => self.change(generation, |it| it.paused = false),
            Notice::Unhealthy { generation, ref why } => {
                self.totals.unhealthy += 1;
                self.change(generation, |it| it.failed_check = Some(why.clone()));
            }
            _ => {}
        }
    }

    fn take_in_deed(&mut self, deed: &Deed) {
        match deed {
            Deed::Resolved { generation, program, command, directory } => {
                let (program, command, directory) = (program.clone(), command.clone(), directory.clone());
                self.change(*generation, |it| it.release = Some(Ran { program, command, directory }));
            }
            Deed::Proved { generation, slot, evidence } => {
                self.change(*generation, |it| {
                    it.evidence.insert(*slot, *evidence);
                });
            }
            Deed::Rescued { passed, relayed, .. } => {
                self.totals.passed += u64::from(*passed);
                self.totals.relayed += u64::from(*relayed);
            }
            Deed::Mended { .. } => self.totals.mended += 1,
            Deed::Listening { .. }
            | Deed::Building { .. }
            | Deed::BuildLine { .. }
            | Deed::Built { .. }
            | Deed::HookStarted { .. }
            | Deed::HookLine { .. }
            | Deed::HookEnded { .. }
            | Deed::Closed { .. }
            | Deed::Line { .. }
            | Deed::Status { .. }
            | Deed::Message { .. }
            | Deed::Guessed { .. }
            | Deed::Refused { .. }
            | Deed::Spoiled { .. }
            | Deed::Changed { .. }
            | Deed::WorkerReloads { .. }
            | Deed::WorkerReloaded { .. }
            | Deed::WorkerStops { .. }
            | Deed::Door { .. }
            | Deed::Limited { .. }
            | Deed::Trouble { .. } => {}
        }
    }

    fn begin(&mut self, generation: GenerationId, origin: &Origin, started: SystemTime) {
        self.attempts.push_back(Attempt::new(generation, origin.clone(), started));
        self.forget();
    }

    fn promoted(&mut self, generation: GenerationId, previous: Option<GenerationId>, time: SystemTime) {
        self.totals.promoted += 1;
        self.change(generation, |it| {
            it.fate = Fate::Promoted;
            (it.paused, it.failed_check) = (false, None);
            it.finished = Some(time);
            it.previous = previous;
        });
    }

    fn given_up(&mut self, generation: GenerationId, reason: &Reason, report: &Report) {
        let (fate, slot) = match reason {
            Reason::Superseded | Reason::Aborted { .. } | Reason::Stopping => (Fate::Aborted, None),
            Reason::Exited { slot, .. } | Reason::NotReady { slot, .. } | Reason::Misbehaved { slot, .. } => {
                (Fate::Rejected, Some(*slot))
            }
            Reason::Unresolved { .. }
            | Reason::NoLane { .. }
            | Reason::NotSteered { .. }
            | Reason::Unhealthy { .. }
            | Reason::Overdue { .. }
            | Reason::Errors { .. } => (Fate::Rejected, None),
        };
        match fate {
            Fate::Aborted => self.totals.aborted += 1,
            Fate::Rejected | Fate::Rising | Fate::Promoted | Fate::RolledBack => self.totals.rejected += 1,
        }
        self.change(generation, |it| {
            it.fate = fate;
            it.why = Some(reason.to_string());
            it.waits_for = None;
            it.slot = slot;
            it.last_lines = short(&report.last_lines);
            it.finished = Some(report.time);
        });
    }

    fn rolled_back(&mut self, generation: GenerationId, why: &str) {
        self.totals.rolled_back += 1;
        self.change(generation, |it| {
            it.fate = Fate::RolledBack;
            it.why = Some(why.to_owned());
            if let Some((slot, last_lines)) = it.failed.take() {
                it.slot = Some(slot);
                it.last_lines = last_lines;
            }
        });
    }

    fn change(&mut self, generation: GenerationId, change: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.attempts.iter_mut().rfind(|attempt| attempt.generation == generation) {
            change(attempt);
        }
    }

    /// Forgets the oldest, but nobody who may still live: there are as many of those as there are lanes.
    fn forget(&mut self) {
        while self.attempts.len() > MOST {
            let is_over = |it: &Attempt| match it.fate {
                Fate::Rising => false,
                Fate::Rejected | Fate::Aborted => true,
                Fate::Promoted | Fate::RolledBack => it.gone.is_some(),
            };
            let Some(oldest) = self.attempts.iter().position(is_over) else { return };
            self.attempts.remove(oldest);
        }
    }
}

fn short(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| line.chars().take(KEPT_OF_A_LINE).collect()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::supervision::{Exit, Slot, WorkerId};

    fn told(history: &mut History, id: u64, notice: Notice, last_lines: &[&str]) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(id);
        let last_lines = last_lines.iter().map(|&line| line.to_owned()).collect();
        history.take_in(&Report { id, time, what: What::Rules(notice), pid: None, last_lines });
    }

    fn rising(generation: u32) -> Notice {
        Notice::Rising { generation: GenerationId(generation), origin: Origin::new("a test") }
    }

    fn rejected(generation: u32) -> Notice {
        let reason = Reason::Exited { slot: Slot(1), exit: Exit::Status(3) };
        Notice::GivenUp { generation: GenerationId(generation), reason, serving: Some(GenerationId(1)) }
    }

    fn promoted(generation: u32) -> Notice {
        Notice::Promoted { generation: GenerationId(generation), previous: None }
    }

    #[test]
    fn a_rejected_attempt_has_its_reason_and_its_last_lines() {
        let mut history = History::default();
        told(&mut history, 1, rising(2), &[]);
        told(&mut history, 5, rejected(2), &["no such module"]);
        let attempt = history.attempt(GenerationId(2)).expect("it is remembered");
        assert_eq!(attempt.fate, Fate::Rejected);
        assert_eq!((attempt.slot, attempt.last_lines.as_slice()), (Some(Slot(1)), &["no such module".to_owned()][..]));
        assert!(attempt.why.as_deref().is_some_and(|why| why.contains("exited with status 3")));
        assert_eq!(
            attempt.finished.and_then(|it| it.duration_since(attempt.started).ok()),
            Some(Duration::from_secs(4))
        );
        assert_eq!(history.totals(), Totals { rejected: 1, ..Totals::default() });
    }

    #[test]
    fn a_rollback_shows_the_last_lines_of_who_crashed() {
        let mut history = History::default();
        told(&mut history, 1, rising(2), &[]);
        told(&mut history, 2, promoted(2), &[]);
        let (generation, slot) = (GenerationId(2), Slot(0));
        let exit = Exit::Status(1);
        told(
            &mut history,
            3,
            Notice::Exited { generation, slot, worker: WorkerId(9), exit, wanted: false },
            &["panic"],
        );
        let why = "it crashes".to_owned();
        told(&mut history, 4, Notice::RolledBack { generation, to: GenerationId(1), why }, &[]);
        let attempt = history.attempt(generation).expect("it is remembered");
        assert_eq!((attempt.fate, attempt.slot), (Fate::RolledBack, Some(slot)));
        assert_eq!(attempt.last_lines, ["panic"]);
    }

    #[test]
    fn whoever_serves_is_remembered_however_many_fail_after_it() {
        let mut history = History::default();
        told(&mut history, 1, rising(1), &[]);
        told(&mut history, 2, promoted(1), &[]);
        for generation in 2..1000 {
            told(&mut history, generation.into(), rising(generation), &[]);
            told(&mut history, generation.into(), rejected(generation), &[]);
        }
        assert_eq!(history.attempts().count(), MOST);
        assert!(history.attempt(GenerationId(1)).is_some() && history.attempt(GenerationId(2)).is_none());
        told(&mut history, 2000, Notice::Gone { generation: GenerationId(1) }, &[]);
        told(&mut history, 2001, rising(1000), &[]);
        assert!(history.attempt(GenerationId(1)).is_none());
    }
}
