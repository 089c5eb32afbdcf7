//! Who is on the stage: the generations and their workers, as the notices tell.
//! It reads no clock and does nothing.

use std::collections::BTreeMap;

use heirloom::master::{Report, What};
use heirloom::supervision::{GenerationId, Notice, Reason, Slot};

/// All generations so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Cast {
    pub(super) generations: BTreeMap<GenerationId, Generation>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Generation {
    pub(super) state: State,
    pub(super) workers: BTreeMap<Slot, Seat>,
}

/// Where a generation is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Rising,
    Serving,
    Settling,
    StandingBy,
    Draining,
    Gone,
    GivenUp { why: String },
}

/// A worker, as one sees it from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    Starting { pid: Option<u32> },
    Ready { pid: Option<u32> },
    Empty,
}

impl State {
    pub(super) fn word(&self) -> &'static str {
        match self {
            State::Rising => "rising",
            State::Serving => "serving",
            State::Settling => "settling",
            State::StandingBy => "standing by",
            State::Draining => "draining",
            State::Gone => "gone",
            State::GivenUp { .. } => "given up",
        }
    }
}

impl Cast {
    /// Takes in what the master tells.
    pub(super) fn hear(&mut self, report: &Report) {
        if let What::Rules(notice) = &report.what {
            self.follow(notice);
            self.seat(notice, report.pid);
        }
    }

    /// The pid of a worker of the generation that serves.
    pub(super) fn somebody_who_serves(&self) -> Option<u32> {
        let serving = self.generations.values().find(|generation| generation.state == State::Serving)?;
        serving.workers.values().find_map(|seat| match seat {
            Seat::Ready { pid } => *pid,
            Seat::Starting { .. } | Seat::Empty => None,
        })
    }

    fn follow(&mut self, notice: &Notice) {
        match notice {
            Notice::Rising { generation, .. } => {
                let rising = Generation { state: State::Rising, workers: BTreeMap::new() };
                self.generations.insert(*generation, rising);
            }
            Notice::Promoted { generation, previous } => {
                previous.iter().for_each(|previous| self.set(*previous, State::Settling));
                self.set(*generation, State::Serving);
            }
            Notice::GivenUp { generation, reason, .. } => self.set(*generation, State::GivenUp { why: brief(reason) }),
            Notice::RolledBack { generation, to, why } => {
                self.set(*generation, State::GivenUp { why: why.clone() });
                self.set(*to, State::Serving);
            }
            Notice::StandingBy { generation, .. } => self.set(*generation, State::StandingBy),
            Notice::Draining { generation, .. } => self.set(*generation, State::Draining),
            Notice::Gone { generation } => self.set(*generation, State::Gone),
            _ => {}
        }
    }

    fn seat(&mut self, notice: &Notice, pid: Option<u32>) {
        let (generation, slot, seat) = match notice {
            Notice::Started { generation, slot, .. } => (generation, slot, Seat::Starting { pid }),
            Notice::Ready { generation, slot, .. } => (generation, slot, Seat::Ready { pid }),
            Notice::Exited { generation, slot, .. } => (generation, slot, Seat::Empty),
            _ => return,
        };
        if let Some(generation) = self.generations.get_mut(generation) {
            generation.workers.insert(*slot, seat);
        }
    }

    /// What was given up stays so, also when it is gone.
    fn set(&mut self, generation: GenerationId, state: State) {
        if let Some(generation) = self.generations.get_mut(&generation)
            && !matches!(generation.state, State::GivenUp { .. })
        {
            generation.state = state;
        }
    }
}

/// A reason in few words.
pub(super) fn brief(reason: &Reason) -> String {
    match reason {
        Reason::Exited { exit, .. } => exit.to_string(),
        Reason::NotReady { grace, .. } => format!("not ready within {} s", grace.as_secs_f64()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use heirloom::supervision::{Exit, Origin, WorkerId};

    fn hear(cast: &mut Cast, notice: Notice, pid: Option<u32>) {
        let what = What::Rules(notice);
        cast.hear(&Report { id: 1, time: SystemTime::UNIX_EPOCH, what, pid, last_lines: Vec::new() });
    }

    fn rise(cast: &mut Cast, number: u32) -> GenerationId {
        let generation = GenerationId(number);
        hear(cast, Notice::Rising { generation, origin: Origin::new("a test") }, None);
        generation
    }

    #[test]
    fn a_generation_is_followed_from_its_rise_until_it_is_gone() {
        let mut cast = Cast::default();
        let first = rise(&mut cast, 1);
        let mut words = vec![cast.generations[&first].state.word()];
        let second = GenerationId(2);
        for notice in [
            Notice::Promoted { generation: first, previous: None },
            Notice::Promoted { generation: second, previous: Some(first) },
            Notice::StandingBy { generation: first, warm: Duration::ZERO },
            Notice::Draining { generation: first, grace: Duration::ZERO },
            Notice::Gone { generation: first },
        ] {
            hear(&mut cast, notice, None);
            words.push(cast.generations[&first].state.word());
        }
        assert_eq!(words, ["rising", "serving", "settling", "standing by", "draining", "gone"]);
    }

    #[test]
    fn what_was_given_up_is_not_said_to_be_gone() {
        let mut cast = Cast::default();
        let generation = rise(&mut cast, 3);
        let reason = Reason::Exited { slot: Slot(0), exit: Exit::Status(1) };
        hear(&mut cast, Notice::GivenUp { generation, reason, serving: None }, None);
        hear(&mut cast, Notice::Gone { generation }, None);
        assert_eq!(cast.generations[&generation].state, State::GivenUp { why: "exited with status 1".into() });
    }

    #[test]
    fn whoever_is_to_be_killed_serves() {
        let mut cast = Cast::default();
        let generation = rise(&mut cast, 1);
        let (slot, worker) = (Slot(0), WorkerId(1));
        hear(&mut cast, Notice::Started { generation, slot, worker }, Some(7));
        hear(&mut cast, Notice::Ready { generation, slot, worker }, Some(7));
        assert_eq!(cast.somebody_who_serves(), None, "it does not serve yet");
        hear(&mut cast, Notice::Promoted { generation, previous: None }, None);
        assert_eq!(cast.somebody_who_serves(), Some(7));
    }
}
