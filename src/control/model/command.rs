//! What can be asked for, and the answer to it.

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::Door;
use crate::supervision;

/// `POST /v1/reload`: raise a new generation. All fields may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Reload {
    /// Why, for log and history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How it takes over, whatever the release says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Once it has proved itself, it waits until somebody promotes it, whatever the strategy.
    pub hold: bool,
    /// What the answer waits for.
    pub wait: Wait,
    /// Answer after so many seconds, whatever has become of it by then; the reload itself goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 0, max = 31_536_000)))]
    pub timeout_seconds: Option<f64>,
}

/// `POST /v1/promote`: let the generation go on that is held, or has a share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Promote {
    /// What the answer waits for.
    pub wait: Wait,
    /// Answer after so many seconds, whatever has become of it by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 0, max = 31_536_000)))]
    pub timeout_seconds: Option<f64>,
}

/// `POST /v1/rollback`: go back to a generation that served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Rollback {
    /// To this one; without it, to the one that served before.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "whole")]
    #[cfg_attr(test, schemars(range(max = 4_294_967_295u32)))]
    pub to: Option<u32>,
    /// Why, for the history and the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the answer waits for.
    pub wait: Wait,
    /// Answer after so many seconds, whatever has become of it by then; the rollback itself goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 0, max = 31_536_000)))]
    pub timeout_seconds: Option<f64>,
}

/// To JSON, 3.0 is a whole number.
fn whole<'de, D: Deserializer<'de>>(number: D) -> Result<Option<u32>, D::Error> {
    let is_whole = |number: &f64| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number);
    let whole = |number: f64| Some(number).filter(is_whole).map(|number| number as u32);
    let fault = || D::Error::custom("a generation is a whole number");
    Option::<f64>::deserialize(number)?.map(|number| whole(number).ok_or_else(fault)).transpose()
}

/// `POST /v1/pause`: stop the clock of the generation that rises.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Pause {
    /// Why, for the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /v1/resume`: let it run again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Resume {
    /// Why, for the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a new generation takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// All new connections at once.
    All,
    /// All at once, when somebody says so, or after a time.
    BlueGreen,
    /// A share of new connections first, then greater ones.
    Canary,
    /// A few workers at a time take over from as many.
    Rolling,
}

impl From<Strategy> for supervision::Strategy {
    fn from(strategy: Strategy) -> supervision::Strategy {
        match strategy {
            Strategy::All => supervision::Strategy::All,
            Strategy::BlueGreen => supervision::Strategy::BlueGreen,
            Strategy::Canary => supervision::Strategy::Canary,
            Strategy::Rolling => supervision::Strategy::Rolling,
        }
    }
}

impl From<supervision::Strategy> for Strategy {
    fn from(strategy: supervision::Strategy) -> Strategy {
        match strategy {
            supervision::Strategy::All => Strategy::All,
            supervision::Strategy::BlueGreen => Strategy::BlueGreen,
            supervision::Strategy::Canary => Strategy::Canary,
            supervision::Strategy::Rolling => Strategy::Rolling,
        }
    }
}

/// What an answer waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// For nothing: it has been asked for.
    None,
    /// Until the new generation has proved itself: it is held, has its first share, or serves.
    Proven,
    /// Until the new generation serves, or has been given up.
    #[default]
    Promoted,
    /// Until, besides, nothing is left of the generation before.
    Drained,
}

/// `POST /v1/scale`: exactly one of `workers` and `by`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Scale {
    /// So many workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// So many more, or less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<i32>,
    /// Why, for the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /v1/abort`: give up the generation that rises.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Abort {
    /// Why, for the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /v1/stop`: end everything. Answered when all workers are gone, unless `wait` is false.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Stop {
    /// Kill at once, instead of letting workers finish.
    pub fast: bool,
    /// Why, for the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Answer when all is over.
    pub wait: bool,
    /// Answer after so many seconds, whatever has become of it by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 0, max = 31_536_000)))]
    pub timeout_seconds: Option<f64>,
}

impl Default for Stop {
    fn default() -> Self {
        Stop { fast: false, reason: None, wait: true, timeout_seconds: None }
    }
}

/// What became of what was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Answer {
    /// In one word.
    pub outcome: Outcome,
    /// The generation that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// The generation that served before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<u32>,
    /// The generation that serves now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<u32>,
    /// Why it was rejected, rolled back or refused, or what it still waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The slot whose worker is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
    /// The last lines of that worker; or the mistakes in a config file, each in its line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
    /// Where the generation, and nobody else, can be looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doors: Vec<Door>,
    /// How many workers are wanted now: the answer to `scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// How long it took until this answer.
    pub took_seconds: f64,
}

/// What became of what was asked for, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The generation has proved itself; `why` says what it waits for (200).
    Proven,
    /// The generation serves (200).
    Promoted,
    /// It serves, and nothing is left of the one before (200).
    Drained,
    /// It has been done: scaled, aborted, paused, resumed, stopped (200).
    Done,
    /// It has been asked for, or is still going on (202).
    GoingOn,
    /// The generation was given up before it served (409).
    Rejected,
    /// The generation served, and was rolled back (409).
    RolledBack,
    /// It makes no sense now (409).
    Refused,
}
