//! A newcomer between ready and promoted: checked, held, or with a share; and the clock that drives it.

use std::time::{Duration, SystemTime};

use super::{Mark, line};
use crate::render::words::{WaysOn, bar, took};
use heirloom::control::model::{self, GenerationState, Rollout};
use heirloom::supervision::{GenerationId, Notice, SharedBy};

/// How wide a share is drawn.
const WIDTH: usize = 20;

#[derive(Debug, Default)]
pub(super) struct Proving {
    phase: Phase,
    clock: Clock,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Unready,
    Checking,
    Held,
    Sharing {
        percent: u8,
        step: u32,
        steps: u32,
        by: SharedBy,
    },
}

/// When it goes on by itself; none: not before somebody says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Running(Option<SystemTime>),
    Paused(Option<Duration>),
}

impl Default for Clock {
    fn default() -> Self {
        Clock::Running(None)
    }
}

impl Proving {
    /// One that has come so far already.
    pub(super) fn joined(rollout: &Rollout, now: SystemTime) -> Proving {
        let by = match rollout.by {
            Some(model::SharedBy::Workers) => SharedBy::Workers,
            Some(model::SharedBy::Connections) | None => SharedBy::Connections,
        };
        let phase = match (rollout.state, rollout.step, rollout.steps) {
            (GenerationState::Checking, ..) => Phase::Checking,
            (GenerationState::Held, ..) => Phase::Held,
            (GenerationState::Sharing, Some(step), Some(steps)) => {
                Phase::Sharing { percent: rollout.percent, step, steps, by }
            }
            _ => Phase::Unready,
        };
        let left = rollout.until_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let clock = match rollout.paused {
            true => Clock::Paused(left),
            false => Clock::Running(left.map(|left| now + left)),
        };
        Proving { phase, clock }
    }

    /// Whether it is proved, and waits for its clock or for a word.
    pub(super) fn waits(&self) -> bool {
        match self.phase {
            Phase::Held | Phase::Sharing { .. } => true,
            Phase::Unready | Phase::Checking => false,
        }
    }

    /// The share that it has.
    pub(super) fn share(&self) -> Option<String> {
        match self.phase {
            Phase::Sharing { percent, .. } => Some(format!("{percent}%")),
            Phase::Unready | Phase::Checking | Phase::Held => None,
        }
    }

    /// What is said once its health is not in question any more.
    pub(super) fn healthy(&mut self, time: &str) -> Option<String> {
        (self.phase == Phase::Checking).then(|| {
            self.phase = Phase::Unready;
            line(Mark::Done, "healthy", "", time, "")
        })
    }

    pub(super) fn notice(
        &mut self,
        whose: GenerationId,
        notice: &Notice,
        ways_on: &WaysOn,
        time: &str,
        at: SystemTime,
    ) -> Vec<String> {
        match notice {
            Notice::Checking { generation } if *generation == whose => {
                self.phase = Phase::Checking;
                Vec::new()
            }
            Notice::Held { generation, most } if *generation == whose => {
                let healthy = self.healthy(time);
                self.phase = Phase::Held;
                self.clock.wind(*most, at);
                let until = match most {
                    Some(most) => {
                        format!("for {}, or until `{}`; `{}` ends it", took(*most), ways_on.promote, ways_on.abort)
                    }
                    None => format!("until `{}`; `{}` ends it", ways_on.promote, ways_on.abort),
                };
                healthy.into_iter().chain([line(Mark::Note, "held", "", time, &until)]).collect()
            }
            Notice::Sharing { generation, percent, step, steps, hold, by } if *generation == whose => {
                let healthy = self.healthy(time);
                self.phase = Phase::Sharing { percent: *percent, step: *step, steps: *steps, by: *by };
                self.clock.wind(*hold, at);
                let until = match hold {
                    Some(hold) => format!("for {}", took(*hold)),
                    None => format!("until `{}`; `{}` ends it", ways_on.promote, ways_on.abort),
                };
                let share = format!("{percent}%");
                let what = format!("of {}, step {step} of {steps}, {until}", words(*by));
                healthy.into_iter().chain([line(Mark::Done, "sharing", &share, time, &what)]).collect()
            }
            Notice::Paused { generation, origin } if *generation == whose => {
                self.clock.pause(at);
                vec![line(Mark::Note, "paused", "", time, &format!("until `{}` ({origin})", ways_on.resume))]
            }
            Notice::Resumed { generation, origin } if *generation == whose => {
                self.clock.resume(at);
                vec![line(Mark::Note, "goes on", "", time, &format!("({origin})"))]
            }
            Notice::Unhealthy { generation, why } if *generation == whose => {
                vec![line(Mark::Note, "unhealthy", "", time, why)]
            }
            _ => Vec::new(),
        }
    }

    /// What is under way: in a word, with its share, and what comes next.
    pub(super) fn current(&self, ways_on: &WaysOn, now: SystemTime) -> Option<(&'static str, String, String)> {
        let next = match self.clock {
            Clock::Running(Some(until)) => {
                let left = until.duration_since(now).unwrap_or_default();
                format!(
                    "goes on in {}, or by `{}`",
                    took(Duration::from_secs(left.as_secs_f64().ceil() as u64)),
                    ways_on.promote
                )
            }
            Clock::Running(None) => format!("waits for `{}` or `{}`", ways_on.promote, ways_on.abort),
            Clock::Paused(_) => format!("paused until `{}`", ways_on.resume),
        };
        match self.phase {
            Phase::Unready => None,
            Phase::Checking => Some(("checking", String::new(), String::new())),
            Phase::Held => Some(("held", String::new(), next)),
            Phase::Sharing { percent, by, .. } => {
                Some(("sharing", format!("{percent}%"), format!("{} of {}; {next}", bar(percent, WIDTH), words(by))))
            }
        }
    }
}

impl Clock {
    fn wind(&mut self, time: Option<Duration>, now: SystemTime) {
        *self = match self {
            Clock::Running(_) => Clock::Running(time.map(|time| now + time)),
            Clock::Paused(_) => Clock::Paused(time),
        };
    }

    fn pause(&mut self, now: SystemTime) {
        if let Clock::Running(until) = *self {
            *self = Clock::Paused(until.map(|until| until.duration_since(now).unwrap_or_default()));
        }
    }

    fn resume(&mut self, now: SystemTime) {
        if let Clock::Paused(left) = *self {
            *self = Clock::Running(left.map(|left| now + left));
        }
    }
}

fn words(by: SharedBy) -> &'static str {
    match by {
        SharedBy::Connections => "new connections",
        SharedBy::Workers => "the workers",
    }
}
