//! How the service stands, in the words of `sd_notify`. Pure: reports in, datagrams out.
//!
//! READY=1 is said at the first promotion, and RELOADING=1 … READY=1 around each further generation, whatever becomes of
//! it: what serves goes on serving. One that is held, or has a share, has been reloaded as far as systemd is concerned.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::master::{Report, What};
use crate::supervision::{Ending, GenerationId, Notice, SharedBy, WorkerId};

/// As much of a status as is worth a line.
const LONGEST: usize = 400;

/// What is known of the service so far.
#[derive(Debug, Default)]
pub(super) struct Standing {
    serving: Option<GenerationId>,
    rising: Option<GenerationId>,
    /// How far that one has come, once it is proved.
    proven: Option<String>,
    ready: BTreeSet<(GenerationId, WorkerId)>,
    /// What became of the last generation that did not come to serve.
    last: Option<String>,
    /// How it ends, once it does.
    end: Option<String>,
    /// The status that was said last.
    said: String,
}

impl Standing {
    /// What is to be said after this report, at this time of CLOCK_MONOTONIC.
    pub(super) fn after(&mut self, report: &Report, now: Duration) -> Option<String> {
        let What::Rules(notice) = &report.what else { return None };
        let turn = self.take_in(notice, now);
        let status = self.status();
        let news = (status != self.said).then(|| format!("STATUS={status}"));
        self.said = status;
        let lines: Vec<String> = turn.into_iter().chain(news).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// What has changed, if it is more than the status.
    fn take_in(&mut self, notice: &Notice, now: Duration) -> Option<String> {
        match notice {
            Notice::Ready { generation, worker, .. } => drop(self.ready.insert((*generation, *worker))),
            Notice::Exited { generation, worker, .. } => drop(self.ready.remove(&(*generation, *worker))),
            Notice::Rising { generation, .. } => {
                (self.rising, self.proven) = (Some(*generation), None);
                self.serving?;
                return Some(format!("RELOADING=1\nMONOTONIC_USEC={}", now.as_micros()));
            }
            // What comes now may take hours: nobody should take that for a reload that hangs.
            Notice::Held { .. } => return self.has_proved_itself("is held".to_owned()),
            Notice::Sharing { percent, by, .. } => {
                let of = match by {
                    SharedBy::Connections => "new connections",
                    SharedBy::Workers => "the workers",
                };
                return self.has_proved_itself(format!("has {percent} % of {of}"));
            }
            Notice::Promoted { generation, .. } => {
                let previous = self.serving.replace(*generation);
                (self.rising, self.last) = (None, None);
                return Some(match previous {
                    None => format!("READY=1\nMAINPID={}", std::process::id()),
                    Some(_) => "READY=1".to_owned(),
                });
            }
            Notice::GivenUp { generation, reason, .. } => {
                self.rising = None;
                self.last = Some(format!("generation {generation} was given up: {reason}"));
                return (self.serving.is_some() && self.end.is_none()).then(|| "READY=1".to_owned());
            }
            Notice::RolledBack { generation, to, why } => {
                self.serving = Some(*to);
                self.last = Some(format!("generation {generation} was rolled back: {why}"));
            }
            Notice::Stopping { fast, .. } => {
                let how = if *fast { "stopping at once" } else { "stopping: workers finish what they hold" };
                return self.end.replace(how.to_owned()).is_none().then(|| "STOPPING=1".to_owned());
            }
            Notice::Ended { ending: Ending::Failed(why) } => {
                self.end = Some(format!("the first generation failed: {why}"));
            }
            Notice::Ended { ending: Ending::Stopped } => self.end = Some("stopped".to_owned()),
            Notice::Remembered { .. }
            | Notice::WaitingForLane { .. }
            | Notice::Started { .. }
            | Notice::Checking { .. }
            | Notice::Paused { .. }
            | Notice::Resumed { .. }
            | Notice::Unhealthy { .. }
            | Notice::NotSteered { .. }
            | Notice::StandingBy { .. }
            | Notice::Draining { .. }
            | Notice::Respawning { .. }
            | Notice::Misbehaved { .. }
            | Notice::Killing { .. }
            | Notice::LeftBehind { .. }
            | Notice::Gone { .. }
            | Notice::Scaled { .. } => {}
        }
        None
    }

    fn has_proved_itself(&mut self, how: String) -> Option<String> {
        let is_first = self.proven.replace(how).is_none();
        (is_first && self.serving.is_some() && self.end.is_none()).then(|| "READY=1".to_owned())
    }

    fn status(&self) -> String {
        if let Some(end) = &self.end {
            return in_a_line(end);
        }
        let serving = self.serving.map(|serving| format!("generation {serving} serves ({})", self.workers(serving)));
        let how = self.proven.as_deref().unwrap_or("rises");
        let rising = self.rising.map(|rising| format!("generation {rising} {how}"));
        let parts: Vec<String> = [serving, rising, self.last.clone()].into_iter().flatten().collect();
        in_a_line(&parts.join("; "))
    }

    fn workers(&self, generation: GenerationId) -> String {
        match self.ready.iter().filter(|(of, _)| *of == generation).count() {
            0 => "no worker is ready".to_owned(),
            1 => "1 worker".to_owned(),
            many => format!("{many} workers"),
        }
    }
}

/// A line break would begin another assignment.
fn in_a_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::supervision::{Exit, Origin, Reason, Slot};

    const FIRST: GenerationId = GenerationId(1);
    const SECOND: GenerationId = GenerationId(2);

    fn tell(standing: &mut Standing, notice: Notice) -> Option<String> {
        let what = What::Rules(notice);
        let report = Report { id: 1, time: SystemTime::UNIX_EPOCH, what, pid: None, last_lines: Vec::new() };
        standing.after(&report, Duration::from_millis(7))
    }

    fn rising(generation: GenerationId) -> Notice {
        Notice::Rising { generation, origin: Origin::new("test") }
    }

    fn ready(generation: GenerationId, worker: u64) -> Notice {
        Notice::Ready { generation, slot: Slot(0), worker: WorkerId(worker) }
    }

    fn serving() -> Standing {
        let mut standing = Standing::default();
        assert_eq!(tell(&mut standing, rising(FIRST)).as_deref(), Some("STATUS=generation 1 rises"));
        assert_eq!(tell(&mut standing, ready(FIRST, 1)), None);
        let said = tell(&mut standing, Notice::Promoted { generation: FIRST, previous: None });
        let main = std::process::id();
        assert_eq!(said, Some(format!("READY=1\nMAINPID={main}\nSTATUS=generation 1 serves (1 worker)")));
        standing
    }

    #[test]
    fn a_reload_is_said_when_it_begins_and_when_its_outcome_is_known() {
        let mut standing = serving();
        let said = tell(&mut standing, rising(SECOND));
        let status = "STATUS=generation 1 serves (1 worker); generation 2 rises";
        assert_eq!(said, Some(format!("RELOADING=1\nMONOTONIC_USEC=7000\n{status}")));
        tell(&mut standing, ready(SECOND, 2));
        tell(&mut standing, ready(SECOND, 3));
        let said = tell(&mut standing, Notice::Promoted { generation: SECOND, previous: Some(FIRST) });
        assert_eq!(said.as_deref(), Some("READY=1\nSTATUS=generation 2 serves (2 workers)"));
    }

    #[test]
    fn a_canary_may_take_hours_and_is_no_reload_that_hangs() {
        let mut standing = serving();
        tell(&mut standing, rising(SECOND));
        let shared = |percent| Notice::Sharing {
            generation: SECOND,
            percent,
            step: 1,
            steps: 3,
            hold: None,
            by: SharedBy::Connections,
        };
        let said = tell(&mut standing, shared(5));
        let status = "STATUS=generation 1 serves (1 worker); generation 2 has 5 % of new connections";
        assert_eq!(said, Some(format!("READY=1\n{status}")));
        let said = tell(&mut standing, shared(25)).expect("it is news");
        assert!(said.starts_with("STATUS=") && said.contains("25 %"), "{said}");
    }

    #[test]
    fn a_reload_that_fails_leaves_the_service_ready_and_says_why() {
        let mut standing = serving();
        tell(&mut standing, rising(SECOND));
        let reason = Reason::Unresolved { why: "no such\nfile".into() };
        let said = tell(&mut standing, Notice::GivenUp { generation: SECOND, reason, serving: Some(FIRST) });
        let status = "STATUS=generation 1 serves (1 worker); generation 2 was given up: no such file";
        assert_eq!(said, Some(format!("READY=1\n{status}")));
    }

    #[test]
    fn a_first_generation_that_fails_is_never_ready() {
        let mut standing = Standing::default();
        tell(&mut standing, rising(FIRST));
        let reason = Reason::Unresolved { why: "it is not there".into() };
        let said = tell(&mut standing, Notice::GivenUp { generation: FIRST, reason, serving: None });
        assert_eq!(said.as_deref(), Some("STATUS=generation 1 was given up: it is not there"));
        let said = tell(&mut standing, Notice::Ended { ending: Ending::Failed("it is not there".into()) });
        assert_eq!(said.as_deref(), Some("STATUS=the first generation failed: it is not there"));
    }

    #[test]
    fn whoever_stops_is_not_ready_again() {
        let mut standing = serving();
        tell(&mut standing, rising(SECOND));
        let stopping = |fast| Notice::Stopping { fast, origin: Origin::new("test") };
        let said = tell(&mut standing, stopping(false));
        assert_eq!(said.as_deref(), Some("STOPPING=1\nSTATUS=stopping: workers finish what they hold"));
        let given_up = Notice::GivenUp { generation: SECOND, reason: Reason::Stopping, serving: Some(FIRST) };
        assert_eq!(tell(&mut standing, given_up), None);
        assert_eq!(tell(&mut standing, stopping(true)).as_deref(), Some("STATUS=stopping at once"));
    }

    #[test]
    fn the_status_counts_the_workers_that_are_ready() {
        let mut standing = serving();
        let exit = Exit::Status(1);
        let exited = Notice::Exited { generation: FIRST, slot: Slot(0), worker: WorkerId(1), exit, wanted: false };
        let said = tell(&mut standing, exited);
        assert_eq!(said.as_deref(), Some("STATUS=generation 1 serves (no worker is ready)"));
    }
}
