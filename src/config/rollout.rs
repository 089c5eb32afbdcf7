//! `[rollout]`: how new connections come to a newcomer that has proved itself.

use std::time::Duration;

use toml::de::DeValue;

use super::document::Reader;
use super::fields::{self, Value, in_order};
use super::layer::Layer;
use super::notation;
use super::values::Wrong;
use crate::supervision::{CanaryStep, ErrorBudget, Health, Rollout, Strategy};

/// What the table may hold.
pub(super) const KEYS: [&str; 8] =
    ["strategy", "steps", "step_time", "auto_promote", "sticky", "surge", "progress_deadline", "error_budget"];

const STEPS: &str = "write steps = [\"5% for 10m\", \"25% for 10m\", \"100%\"]";

/// What a source says of `[rollout]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolloutLayer {
    /// All at once, or how else.
    pub strategy: Option<Strategy>,
    /// The shares of a canary, one after the other.
    pub steps: Option<Vec<CanaryStep>>,
    /// How long a step lasts that does not say so itself.
    pub step_time: Option<Duration>,
    /// After so long, a newcomer that waits for a word goes on without it.
    pub auto_promote: Option<Duration>,
    /// Whether a client stays with the generation that it met.
    pub sticky: Option<bool>,
    /// How many workers more there may be than wanted, while workers are replaced one after the other.
    pub surge: Option<u32>,
    /// A newcomer that is not proven by then is given up.
    pub progress_deadline: Option<Duration>,
    /// Of a hundred requests, so many may fail.
    pub error_budget: Option<ErrorBudget>,
}

impl RolloutLayer {
    pub(super) fn over(self, under: RolloutLayer) -> RolloutLayer {
        RolloutLayer {
            strategy: self.strategy.or(under.strategy),
            steps: self.steps.or(under.steps),
            step_time: self.step_time.or(under.step_time),
            auto_promote: self.auto_promote.or(under.auto_promote),
            sticky: self.sticky.or(under.sticky),
            surge: self.surge.or(under.surge),
            progress_deadline: self.progress_deadline.or(under.progress_deadline),
            error_budget: self.error_budget.or(under.error_budget),
        }
    }

    /// All of it, with these checks. The last step is the promotion, and is added where it is missing.
    pub(super) fn filled(self, health: Option<Health>) -> Rollout {
        let default = Rollout::default();
        let timed = |step: CanaryStep| CanaryStep { hold: self.step_time.or(step.hold), ..step };
        let mut steps = self.steps.unwrap_or_else(|| default.steps.into_iter().map(timed).collect());
        if steps.last().is_none_or(|step| step.percent < 100) {
            steps.push(CanaryStep { percent: 100, hold: None });
        }
        for step in &mut steps {
            step.hold = step.hold.or(self.step_time).filter(|_| step.percent < 100);
        }
        Rollout {
            strategy: self.strategy.unwrap_or(default.strategy),
            auto_promote: self.auto_promote.or(default.auto_promote),
            steps,
            sticky: self.sticky.unwrap_or(default.sticky),
            surge: self.surge.unwrap_or(default.surge),
            progress_deadline: self.progress_deadline.or(default.progress_deadline),
            error_budget: self.error_budget.or(default.error_budget),
            health,
            ..default
        }
    }
}

/// Reads the table into the layer.
pub(super) fn read(reader: &mut Reader<'_>, value: &Value<'_>, layer: &mut Layer) {
    let hint = "write [rollout] and below it strategy = \"blue-green\"";
    let Some(table) = reader.table("rollout", value, hint) else { return };
    let rollout = &mut layer.rollout;
    for (key, at, value) in in_order(table) {
        match key {
            "strategy" => rollout.strategy = reader.one(key, value, strategy),
            "steps" => rollout.steps = steps(reader, value),
            "step_time" => rollout.step_time = reader.one(key, value, hold),
            "auto_promote" => rollout.auto_promote = reader.one(key, value, fields::time),
            "sticky" => rollout.sticky = reader.one(key, value, fields::boolean),
            "surge" => rollout.surge = reader.one(key, value, |value| fields::between(value, 1, 1000)),
            "progress_deadline" => rollout.progress_deadline = reader.one(key, value, deadline),
            "error_budget" => rollout.error_budget = reader.one(key, value, budget),
            slipped if reader.slipped(slipped, &at, "rollout") => {}
            unknown => reader.unknown(unknown, at, "setting of a rollout", &KEYS),
        }
    }
}

fn strategy(value: &DeValue<'_>) -> Result<Strategy, Wrong> {
    notation::strategy(fields::text(value, "write it in quotes: strategy = \"canary\"")?)
}

fn hold(value: &DeValue<'_>) -> Result<Duration, Wrong> {
    fields::longer_than_nothing(value, "a step takes some time")
}

fn deadline(value: &DeValue<'_>) -> Result<Duration, Wrong> {
    fields::longer_than_nothing(value, "nobody has proved anything after no time")
}

/// Each larger than the one before. A step of 100 % is the promotion, and is added where it is missing.
fn steps(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Vec<CanaryStep>> {
    let DeValue::Array(list) = value.get_ref() else {
        return reader.one("steps", value, |_| Err(Wrong::new("this is no list", STEPS)));
    };
    let before = reader.mistakes.len();
    let mut steps: Vec<CanaryStep> = Vec::new();
    for value in list.iter() {
        let most = steps.last().map_or(0, |step| step.percent);
        let larger = |step: CanaryStep| match step.percent > most {
            true => Ok(step),
            false => Err(Wrong::new(format!("the step before is {most}% already"), "let each step be larger")),
        };
        steps.extend(reader.one("steps", value, |value| step(value).and_then(larger)));
    }
    if list.is_empty() {
        return reader.one("steps", value, |_| Err(Wrong::new("there is no step", STEPS)));
    }
    (reader.mistakes.len() == before).then_some(steps)
}

fn step(value: &DeValue<'_>) -> Result<CanaryStep, Wrong> {
    match value {
        DeValue::Integer(number) => notation::step(number.as_str()),
        value => notation::step(fields::text(value, STEPS)?),
    }
}

fn budget(value: &DeValue<'_>) -> Result<ErrorBudget, Wrong> {
    match value {
        DeValue::Integer(number) => notation::budget(number.as_str()),
        DeValue::Float(number) => notation::budget(number.as_str()),
        value => notation::budget(fields::text(value, "write \"1%\" or \"0.5%\"")?),
    }
}
