//! A reload, step by step, out of what the master tells meanwhile: lines that stay, and what is under way.

mod leaving;
mod proving;
mod rising;

use std::time::SystemTime;

use anstyle::{AnsiColor, Style};

use self::leaving::Leaving;
use self::proving::Proving;
use self::rising::Rising;
use super::words::{WaysOn, count, took};
use heirloom::control::model::{GenerationState, Rollout, Status};
use heirloom::master::{Deed, Evidence, Report, What};
use heirloom::supervision::{GenerationId, Notice};

/// What has been heard of the generations that rise and leave.
#[derive(Debug)]
pub(crate) struct Steps {
    rising: Option<Rising>,
    leaving: Option<Leaving>,
    /// Whoever asks wants to see the end of the generation before.
    until_drained: bool,
    /// Somebody asked to go back.
    goes_back: bool,
    /// The generation whose outcome a reload waits for, and since when.
    waiting: Option<(GenerationId, SystemTime)>,
    ways_on: WaysOn,
    /// Whether that one waits for a word.
    is_held: bool,
    /// How many workers the generation has that serves.
    serving_workers: u32,
    /// The latest generation whose fate is known.
    decided: Option<GenerationId>,
    /// When the latest of all this happened.
    latest: SystemTime,
}

/// How a step stands.
#[derive(Clone, Copy)]
enum Mark {
    Done,
    Failed,
    Note,
}

fn line(mark: Mark, step: &str, numbers: &str, time: &str, tail: &str) -> String {
    let (sign, style) = match mark {
        Mark::Done => ("✔", AnsiColor::Green.on_default()),
        Mark::Failed => ("✘", AnsiColor::Red.on_default()),
        Mark::Note => ("·", Style::new().dimmed()),
    };
    format!("  {style}{sign}{style:#} {step:<9} {numbers:>5} {time:>6}  {tail}").trim_end().to_owned()
}

impl Steps {
    pub(crate) fn new(status: &Status, until_drained: bool, ways_on: WaysOn) -> Steps {
        let latest = SystemTime::UNIX_EPOCH;
        let serving = status.generations.iter().find(|generation| Some(generation.id) == status.serving);
        Steps {
            rising: None,
            leaving: None,
            until_drained,
            goes_back: false,
            waiting: None,
            ways_on,
            is_held: status.rollout.as_ref().is_some_and(is_held),
            serving_workers: serving.map_or(0, |serving| serving.ready),
            decided: None,
            latest,
        }
    }

    /// In the middle of what the status tells.
    pub(crate) fn joining(self, status: &Status) -> Steps {
        let rising = status.generations.iter().find(|generation| Some(generation.id) == status.rising);
        Steps { rising: rising.map(|it| Rising::joined(it, status.rollout.as_ref())), ..self }
    }

    /// For somebody who asked to go back.
    pub(crate) fn going_back(self) -> Steps {
        Steps { goes_back: true, ..self }
    }

    /// A generation of which somebody should find out how many workers it is to have; each is named once.
    pub(crate) fn without_total(&mut self) -> Option<u32> {
        let rising = self.rising.as_mut().filter(|rising| rising.total.is_none() && rising.started > 0)?;
        (!std::mem::replace(&mut rising.total_is_asked_for, true)).then_some(rising.generation.0)
    }

    /// A generation is to have so many workers. Says what is complete by that.
    pub(crate) fn total(&mut self, generation: u32, workers: u32) -> Vec<String> {
        let now = self.latest;
        let rising = self.rising.as_mut().filter(|rising| rising.generation.0 == generation);
        rising.map_or_else(Vec::new, |rising| {
            rising.total = Some(workers);
            rising.complete(now)
        })
    }

    /// Whether all has been heard that makes up the outcome of this generation.
    pub(crate) fn are_complete(&self, generation: Option<u32>) -> bool {
        let heard = self.decided.map(|decided| decided.0);
        generation.is_none_or(|generation| heard >= Some(generation)) && self.leaving.is_none()
    }

    /// Whether it has been heard that the generation has proved itself.
    pub(crate) fn are_proven(&self) -> bool {
        self.rising.as_ref().is_none_or(|rising| rising.proving.waits())
    }

    /// What is to be said about what has happened.
    pub(crate) fn hear(&mut self, report: &Report) -> Vec<String> {
        self.latest = report.time;
        match &report.what {
            What::Rules(notice) => self.notice(notice, report.time),
            What::Deeds(Deed::Proved { generation, evidence, .. }) => {
                if let Some(rising) = self.rising.as_mut().filter(|rising| rising.generation == *generation) {
                    rising.evidence = Some(words(*evidence));
                }
                Vec::new()
            }
            What::Deeds(Deed::Door { generation, listener, address }) if self.rises(*generation) => {
                vec![line(Mark::Note, "look", "", "", &format!("{address} leads to its {listener}, before any client"))]
            }
            What::Deeds(_) => Vec::new(),
        }
    }

    fn rises(&self, generation: GenerationId) -> bool {
        self.rising.as_ref().is_some_and(|rising| rising.generation == generation)
    }

    fn notice(&mut self, notice: &Notice, at: SystemTime) -> Vec<String> {
        match notice {
            Notice::Rising { generation, origin } => {
                (self.rising, self.waiting) = (Some(Rising::new(*generation, at)), None);
                vec![format!("generation {generation} rises  ({origin})")]
            }
            Notice::Remembered { generation, .. } => {
                self.waiting = Some((*generation, at));
                let WaysOn { promote, abort, .. } = &self.ways_on;
                let what = match self.is_held {
                    true => format!("generation {generation} waits for `{promote}` or `{abort}`: this one is next"),
                    false => format!("generation {generation} rises already: this one is next"),
                };
                vec![line(Mark::Note, "waiting", "", "", &what)]
            }
            Notice::Promoted { generation, previous } => self.promoted(*generation, *previous, at),
            Notice::GivenUp { generation, reason, .. } => {
                self.decided = Some(*generation);
                match self.rising.take_if(|it| it.generation == *generation) {
                    Some(rising) => vec![rising.given_up(reason, at)],
                    None => Vec::new(),
                }
            }
            Notice::RolledBack { generation, to, .. } => self.rolled_back(*generation, *to, at),
            other => match (&mut self.rising, &mut self.leaving) {
                (Some(rising), _) => rising.notice(other, &self.ways_on, at),
                (None, Some(leaving)) => {
                    let lines = leaving.notice(other, at);
                    self.leaving.take_if(|leaving| leaving.gone);
                    lines
                }
                (None, None) => Vec::new(),
            },
        }
    }

    fn promoted(&mut self, generation: GenerationId, previous: Option<GenerationId>, at: SystemTime) -> Vec<String> {
        let Some(mut rising) = self.rising.take_if(|rising| rising.generation == generation) else { return Vec::new() };
        rising.total.get_or_insert(rising.ready);
        let lines = rising.promoted(at);
        self.decided = Some(generation);
        self.follow_to_the_end(previous, at);
        self.serving_workers = rising.ready;
        lines
    }

    fn rolled_back(&mut self, generation: GenerationId, to: GenerationId, at: SystemTime) -> Vec<String> {
        (self.decided, self.leaving) = (Some(generation), None);
        if !self.goes_back {
            return vec![line(
                Mark::Failed,
                "served",
                "",
                "",
                &format!("generation {generation} is rolled back to {to}"),
            )];
        }
        self.follow_to_the_end(Some(generation), at);
        vec![line(Mark::Done, "steered", "", "", &format!("new connections go to generation {to} again"))]
    }

    fn follow_to_the_end(&mut self, previous: Option<GenerationId>, since: SystemTime) {
        let (workers, doing) = (self.serving_workers, "settling");
        let leaving = |generation| Leaving { generation, since, workers, left: workers, doing, gone: false };
        self.leaving = previous.filter(|_| self.until_drained).map(leaving);
    }

    /// What is under way.
    pub(crate) fn current(&self, now: SystemTime) -> Option<String> {
        let since = |then| took(now.duration_since(then).unwrap_or_default());
        if let Some(rising) = &self.rising {
            return Some(rising.current(&self.ways_on, now));
        }
        if let Some((generation, then)) = self.waiting {
            let what = format!("for the outcome of generation {generation}");
            return Some(format!("{:<9} {:>5} {:>6}  {what}", "waiting", "", since(then)));
        }
        let leaving = self.leaving.as_ref()?;
        let left = format!("generation {}: {} left", leaving.generation, count(leaving.left.into(), "worker"));
        Some(format!("{:<9} {:>5} {:>6}  {left}", leaving.doing, "", since(leaving.since)))
    }
}

/// Whether it does not go on by itself.
fn is_held(rollout: &Rollout) -> bool {
    matches!(rollout.state, GenerationState::Held | GenerationState::Sharing) && rollout.until_seconds.is_none()
}

fn words(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Said => "by READY=1",
        Evidence::Confirmed => "by READY=1, and it accepts connections",
        Evidence::Accepted => "it accepts connections",
        Evidence::Uptime => "it stayed up; nothing better can be told",
    }
}

#[cfg(test)]
mod tests;
