//! The counts of a load: how many requests ended how.
//! It only counts; `ledger` shares it between threads.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::latency::Latency;
use super::outcome::{Failure, Outcome};

/// More different answers than this are counted together, as [`Tally::OTHERS`].
const MOST_ANSWERS: usize = 1000;

/// How many requests ended how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Requests that got a whole and good answer.
    pub answered: u64,
    /// All other requests, by what became of them.
    pub failed: BTreeMap<Failure, u64>,
    /// Idle connections that the server closed without having said so; no request was lost by that.
    pub stale: u64,
    /// Connections that were made.
    pub connections: u64,
    /// Answered requests by the first line of the answer's body.
    pub by_answer: BTreeMap<String, u64>,
    /// How long the answered requests took, their connection included.
    pub latency: Latency,
}

impl Tally {
    /// The name under which [`Tally::by_answer`] counts what is beyond a thousand different answers.
    pub const OTHERS: &str = "(others)";

    /// Requests without a good answer.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Requests that ended, well or not.
    pub fn ended(&self) -> u64 {
        self.answered + self.failures()
    }

    /// The slowest answered request.
    pub fn slowest(&self) -> Duration {
        self.latency.slowest()
    }

    /// Counts one request; `answer` is its body's first line.
    pub(super) fn count(&mut self, outcome: Outcome, answer: &str, took: Duration) {
        match outcome {
            Outcome::Answered { .. } => {
                self.answered += 1;
                self.latency.record(took);
                self.count_answer(answer);
            }
            Outcome::Failed(failure) => *self.failed.entry(failure).or_default() += 1,
        }
    }

    fn count_answer(&mut self, answer: &str) {
        if let Some(count) = self.by_answer.get_mut(answer) {
            *count += 1;
            return;
        }
        let is_one_too_many = self.by_answer.len() >= MOST_ANSWERS;
        let name = if is_one_too_many { Tally::OTHERS } else { answer };
        *self.by_answer.entry(name.to_owned()).or_default() += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} answered, {} failed", self.answered, self.failures())?;
        for (nth, (failure, count)) in self.failed.iter().enumerate() {
            let before = if nth == 0 { " (" } else { ", " };
            write!(out, "{before}{count} {failure}")?;
        }
        let after = if self.failed.is_empty() { "" } else { ")" };
        write!(out, "{after}, {} closed stale, over {} connections", self.stale, self.connections)?;
        if self.answered > 0 {
            write!(
                out,
                "\ntook p50 {:?}, p99 {:?}, at most {:?}\nanswered by",
                self.latency.percentile(50.0),
                self.latency.percentile(99.0),
                self.slowest()
            )?;
            for (nth, (answer, count)) in self.by_answer.iter().enumerate() {
                let before = if nth == 0 { " " } else { ", " };
                write!(out, "{before}\"{answer}\" {count}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn mixed() -> Tally {
        let mut tally = Tally::default();
        tally.count(Outcome::Answered { status: 200 }, "1.0 77", took(1));
        tally.count(Outcome::Answered { status: 200 }, "2.0 78", took(3));
        tally.count(Outcome::Failed(Failure::Refused), "", took(1));
        tally.count(Outcome::Failed(Failure::BadStatus(503)), "no", took(1));
        tally.stale = 4;
        tally.connections = 5;
        tally
    }

    #[test]
    fn a_tally_reads_as_a_sentence() {
        assert_eq!(
            mixed().to_string(),
            "2 answered, 2 failed (1 refused, 1 status 503), 4 closed stale, over 5 connections\n\
             took p50 1.024ms, p99 3ms, at most 3ms\n\
             answered by \"1.0 77\" 1, \"2.0 78\" 1"
        );
        assert_eq!(Tally::default().to_string(), "0 answered, 0 failed, 0 closed stale, over 0 connections");
    }

    #[test]
    fn a_tally_is_json_with_the_failures_as_names() {
        let json = serde_json::to_value(mixed()).unwrap();
        assert_eq!(json["failed"]["refused"], 1);
        assert_eq!(json["failed"]["status 503"], 1);
        assert_eq!(json["by_answer"]["1.0 77"], 1);
        assert_eq!(json["latency"]["slowest_us"], 3000);
    }

    #[test]
    fn a_server_that_never_answers_twice_the_same_does_not_fill_the_memory() {
        let mut tally = Tally::default();
        for nth in 0..2 * MOST_ANSWERS {
            tally.count(Outcome::Answered { status: 200 }, &nth.to_string(), took(1));
        }
        assert_eq!(tally.by_answer.len(), MOST_ANSWERS + 1);
        assert_eq!(tally.by_answer[Tally::OTHERS], MOST_ANSWERS as u64);
    }
}
