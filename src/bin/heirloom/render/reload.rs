//! A reload, step by step, out of what the master tells meanwhile: lines that stay, and what is under way.

mod leaving;
mod rising;

use std::time::SystemTime;

use anstyle::{AnsiColor, Style};

use self::leaving::Leaving;
use self::rising::Rising;
use super::words::{count, took};
use heirloom::master::{Deed, Evidence, Report, What};
use heirloom::supervision::{GenerationId, Notice};

/// What has been heard of the generations that rise and leave.
#[derive(Debug)]
pub(crate) struct Steps {
    rising: Option<Rising>,
    leaving: Option<Leaving>,
    /// Whoever asks wants to see the end of the generation before.
    until_drained: bool,
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
    pub(crate) fn new(until_drained: bool, serving_workers: u32) -> Steps {
        let latest = SystemTime::UNIX_EPOCH;
        Steps { rising: None, leaving: None, until_drained, serving_workers, decided: None, latest }
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
            What::Deeds(_) => Vec::new(),
        }
    }

    fn notice(&mut self, notice: &Notice, at: SystemTime) -> Vec<String> {
        match notice {
            Notice::Rising { generation, origin } => {
                self.rising = Some(Rising::new(*generation, at));
                vec![format!("generation {generation} rises  ({origin})")]
            }
            Notice::Remembered { generation, .. } => {
                vec![line(
                    Mark::Note,
                    "waiting",
                    "",
                    "",
                    &format!("generation {generation} rises already: this one is next"),
                )]
            }
            Notice::Promoted { generation, previous } => self.promoted(*generation, *previous, at),
            Notice::GivenUp { generation, reason, .. } => {
                self.decided = Some(*generation);
                match self.rising.take_if(|it| it.generation == *generation) {
                    Some(rising) => vec![rising.given_up(reason, at)],
                    None => Vec::new(),
                }
            }
            Notice::RolledBack { generation, to, .. } => {
                (self.decided, self.leaving) = (Some(*generation), None);
                vec![line(Mark::Failed, "served", "", "", &format!("generation {generation} is rolled back to {to}"))]
            }
            other => match (&mut self.rising, &mut self.leaving) {
                (Some(rising), _) => rising.notice(other, at),
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
        if let Some(previous) = previous.filter(|_| self.until_drained) {
            let workers = self.serving_workers;
            self.leaving = Some(Leaving {
                generation: previous,
                since: at,
                workers,
                left: workers,
                doing: "settling",
                gone: false,
            });
        }
        self.serving_workers = rising.ready;
        lines
    }

    /// What is under way.
    pub(crate) fn current(&self, now: SystemTime) -> Option<String> {
        let since = |then| took(now.duration_since(then).unwrap_or_default());
        if let Some(rising) = &self.rising {
            let (doing, done) = rising.doing();
            return Some(format!("{doing:<9} {:>5} {:>6}", rising.of_total(done), since(rising.since)));
        }
        let leaving = self.leaving.as_ref()?;
        let left = format!("generation {}: {} left", leaving.generation, count(leaving.left.into(), "worker"));
        Some(format!("{:<9} {:>5} {:>6}  {left}", leaving.doing, "", since(leaving.since)))
    }
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
