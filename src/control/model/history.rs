//! What was: one row for each generation that anybody ever asked for.

use serde::{Deserialize, Serialize};

use super::{Origin, Release, Step, Time};

/// `GET /v1/history`: the last attempts, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct History {
    /// So many at most: older ones are forgotten, unless their generation is not gone yet.
    pub limit: u32,
    /// One row for each generation.
    pub attempts: Vec<Attempt>,
}

/// A generation, from the wish for it to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Attempt {
    /// Its number.
    pub generation: u32,
    /// Who asked for it.
    pub origin: Origin,
    /// What it ran; none if that could not be found out.
    pub release: Option<Release>,
    /// What became of it.
    pub outcome: AttemptOutcome,
    /// Why it was rejected, aborted or rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The slot whose worker is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
    /// The last lines of that worker; or the mistakes in a config file, each in its line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
    /// When it began to rise.
    pub started: Time,
    /// When it had proved itself and began to wait for a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Time>,
    /// The shares that it had on its way, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// When it was promoted or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Time>,
    /// How long it took until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_seconds: Option<f64>,
    /// The generation that served before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<u32>,
    /// When nothing was left of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Time>,
}

/// What became of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// Not known yet.
    Rising,
    /// It was promoted; it serves, or has served.
    Promoted,
    /// It was given up for a fault of its own.
    Rejected,
    /// It was given up because somebody wanted it.
    Aborted,
    /// It was promoted, and rolled back.
    RolledBack,
}
