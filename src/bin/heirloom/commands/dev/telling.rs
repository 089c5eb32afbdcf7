//! What a person should read of what the master reports, and which error stays in sight until it is mended. A pure state
//! machine: it knows no terminal.

use std::time::{Duration, SystemTime};

use heirloom::master::{Deed, Report, Stream, What};
use heirloom::observe::{Human, Weight};
use heirloom::supervision::{Exit, GenerationId, Notice, Reason};

/// So many lines are kept of a build, for whoever wants to see them again.
const KEPT: usize = 5000;

/// One line, and how much it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// What the program or a build wrote, to this stream.
    Theirs(Stream, String),
    Step(String),
    Good(String),
    Bad(String),
}

/// An error that stays in sight until it is mended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
}

/// What has been told so far.
#[derive(Debug, Default)]
pub(super) struct Telling {
    rising: Option<Rising>,
    serving: Option<GenerationId>,
    /// All that the last build wrote.
    build: Vec<String>,
    fault: Option<Fault>,
}

/// The generation that rises, and what took how long.
#[derive(Debug)]
struct Rising {
    since: SystemTime,
    built: Option<f64>,
    resolved: Option<SystemTime>,
}

impl Telling {
    /// What is to be read about it.
    pub(super) fn hear(&mut self, report: &Report) -> Vec<Line> {
        match &report.what {
            What::Deeds(deed) => self.deed(deed, report),
            What::Rules(notice) => self.notice(notice, report),
        }
    }

    /// The error that is not mended yet.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// All that the last build wrote, or the last error, whichever says more.
    pub(super) fn log(&self) -> Vec<String> {
        match &self.fault {
            Some(fault) if fault.lines.len() >= self.build.len() => {
                fault.lines.iter().chain([&fault.title]).cloned().collect()
            }
            Some(fault) => self.build.iter().chain([&fault.title]).cloned().collect(),
            None => self.build.clone(),
        }
    }

    fn deed(&mut self, deed: &Deed, report: &Report) -> Vec<Line> {
        match deed {
            Deed::Line { stream, line, .. } => vec![Line::Theirs(*stream, as_it_ended(line))],
            Deed::Building { command, .. } => {
                self.build.clear();
                vec![Line::Step(format!("  {command}"))]
            }
            Deed::BuildLine { line, .. } => {
                let line = as_it_ended(line);
                if self.build.len() < KEPT {
                    self.build.push(line.clone());
                }
                vec![Line::Theirs(Stream::Error, line)]
            }
            Deed::Built { seconds, .. } => {
                if let Some(rising) = &mut self.rising {
                    rising.built = Some(*seconds);
                }
                Vec::new()
            }
            Deed::Resolved { .. } => {
                if let Some(rising) = &mut self.rising {
                    rising.resolved = Some(report.time);
                }
                Vec::new()
            }
            _ if Human(report).weight() == Weight::Bad => vec![Line::Bad(Human(report).to_string())],
            _ => Vec::new(),
        }
    }

    fn notice(&mut self, notice: &Notice, report: &Report) -> Vec<Line> {
        match notice {
            Notice::Rising { origin, .. } => {
                self.rising = Some(Rising { since: report.time, built: None, resolved: None });
                vec![Line::Step(format!("▸ {origin}"))]
            }
            Notice::Promoted { generation, .. } => {
                self.serving = Some(*generation);
                self.fault = None;
                vec![Line::Good(format!("✔ generation {generation} serves{}", self.took(report.time)))]
            }
            Notice::GivenUp { reason: Reason::Superseded, .. } => {
                vec![Line::Step("  given up: there is a newer change".into())]
            }
            Notice::GivenUp { reason: Reason::Stopping, .. } => Vec::new(),
            Notice::GivenUp { reason, serving, .. } => self.given_up(reason, *serving, report),
            Notice::Exited { generation, exit, wanted: false, .. } if self.serving == Some(*generation) => {
                vec![Line::Bad(format!("✘ the program {exit}{}", why_it_may_be(exit)))]
            }
            Notice::Exited { .. } => Vec::new(),
            Notice::Respawning { .. } => vec![Line::Step(format!("  {}", Human(report)))],
            Notice::Stopping { .. } => vec![Line::Step(format!("  {}", Human(report)))],
            _ if Human(report).weight() == Weight::Bad => vec![Line::Bad(Human(report).to_string())],
            _ => Vec::new(),
        }
    }

    fn given_up(&mut self, reason: &Reason, serving: Option<GenerationId>, report: &Report) -> Vec<Line> {
        let what = match reason {
            Reason::Exited { exit, .. } => format!("the program {exit} before it could serve"),
            Reason::NotReady { grace, .. } => format!("the program was not ready within {} s", grace.as_secs_f64()),
            other => other.to_string(),
        };
        let then = match serving {
            Some(generation) => format!("generation {generation} still serves"),
            None => "nobody serves before the next save; who asks has to wait".into(),
        };
        let title = format!("✘ {what}; {then}");
        let lines = report.last_lines.iter().map(|line| as_it_ended(line)).collect();
        self.fault = Some(Fault { title: title.clone(), lines });
        vec![Line::Bad(title)]
    }

    fn took(&self, now: SystemTime) -> String {
        let Some(rising) = &self.rising else { return String::new() };
        let from = rising.resolved.unwrap_or(rising.since);
        let up = now.duration_since(from).unwrap_or_default();
        match rising.built {
            Some(built) => format!(" (built in {built:.1} s, up in {})", short(up)),
            None => format!(" (up in {})", short(up)),
        }
    }
}

fn short(time: Duration) -> String {
    match time.as_millis() {
        few @ 0..1000 => format!("{few} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

fn why_it_may_be(exit: &Exit) -> &'static str {
    match exit {
        Exit::Status(0) => ", of its own accord",
        Exit::Status(_) | Exit::Signal(_) | Exit::NotStarted(_) => "",
    }
}

/// What is left of a line that a program has written over itself, as progress bars do.
fn as_it_ended(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    line.rsplit('\r').next().unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests;
