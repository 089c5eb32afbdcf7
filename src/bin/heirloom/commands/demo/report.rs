//! The end of a demo as one JSON object. It decides nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::cast::State;
use super::scenario::{Outcome, Told};
use super::traffic::Kind;
use super::verdict;
use heirloom::load::Failure;
use heirloom::supervision::GenerationId;

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted: Option<&'a str>,
    steps: Vec<Step<'a>>,
    generations: Vec<Generation<'a>>,
    requests: Requests<'a>,
}

#[derive(Serialize)]
struct Step<'a> {
    step: &'a str,
    ok: bool,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<GenerationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    seconds: f64,
}

#[derive(Serialize)]
struct Generation<'a> {
    generation: GenerationId,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    answered: u64,
}

#[derive(Serialize)]
struct Requests<'a> {
    answered: u64,
    failed: u64,
    by_kind: &'a BTreeMap<Kind, u64>,
    by_generation: &'a BTreeMap<u32, u64>,
    failures: &'a BTreeMap<Failure, u64>,
}

/// Prints it.
pub(super) fn print(result: &verdict::Result) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &report(result))?;
    writeln!(out)
}

fn report(result: &verdict::Result) -> Report<'_> {
    let counts = &result.counts;
    let generation = |(id, generation): (&GenerationId, &'_ super::cast::Generation)| (*id, generation.state.word());
    let generations = result.cast.generations.iter().map(|entry| {
        let (id, state) = generation(entry);
        let why = match &entry.1.state {
            State::GivenUp { why } => Some(why.as_str()),
            _ => None,
        };
        Generation {
            generation: id,
            state,
            why,
            answered: counts.by_generation.get(&id.0).copied().unwrap_or_default(),
        }
    });
    Report {
        ok: result.is_good(),
        seconds: seconds(result.took),
        interrupted: result.interrupted,
        steps: result.told.iter().map(step).collect(),
        generations: generations.collect(),
        requests: Requests {
            answered: counts.answered,
            failed: counts.failed(),
            by_kind: &counts.by_kind,
            by_generation: &counts.by_generation,
            failures: &counts.failures,
        },
    }
}

fn step(told: &Told) -> Step<'_> {
    let (outcome, why) = match &told.outcome {
        Outcome::Promoted(_) => ("promoted", None),
        Outcome::GivenUp(_, why) => ("given_up", Some(why.as_str())),
        Outcome::Replaced(_) => ("replaced", None),
        Outcome::Unexpected(why) => ("unexpected", Some(why.as_str())),
    };
    let (generation, ok) = (told.generation(), told.is_as_expected());
    Step { step: told.step.name, ok, outcome, generation, why, seconds: seconds(told.took) }
}

/// To the millisecond.
fn seconds(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::super::verdict::tests::good;
    use super::*;

    #[test]
    fn a_report_has_the_steps_and_the_requests_by_kind_and_generation() {
        let report = serde_json::to_value(report(&good())).expect("it is JSON");
        assert_eq!(report["ok"], true);
        assert_eq!(report["seconds"], 19.4);
        assert_eq!(report["steps"][2]["step"], "crash");
        assert_eq!(report["steps"][2]["why"], "exited with status 1");
        assert_eq!(report["requests"]["by_kind"]["keep_alive"], 13_000);
        assert_eq!(report["requests"]["by_generation"]["5"], 4_300);
        assert_eq!(report["requests"]["failed"], 0);
    }
}
