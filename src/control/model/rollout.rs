//! A newcomer between ready and promoted: checked, held, or with a share.

use serde::{Deserialize, Serialize};

use super::{GenerationState, Time};

/// The way of the generation that rises from ready to promoted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rollout {
    /// Which one that is.
    pub generation: u32,
    /// How far it has come.
    pub state: GenerationState,
    /// How much of what is shared it has, in per cent.
    pub percent: u8,
    /// What is shared; none as long as it has no share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<SharedBy>,
    /// The step that it has come to, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// How many steps there are; the last is the promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Its clock stands still.
    pub paused: bool,
    /// In so many seconds it goes on by itself; none: not before somebody promotes it, or lets its clock run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_seconds: Option<f64>,
    /// What was wrong when one of its health checks failed, since it came to where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_check: Option<String>,
    /// Where it, and nobody else, can be looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doors: Vec<Door>,
}

/// What a share is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SharedBy {
    /// The kernel gives it so many of the new connections.
    Connections,
    /// All generations accept from one lane: it has so many of the workers.
    Workers,
}

/// A loopback address that leads to one generation alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Door {
    /// The listener that it stands for.
    pub listener: String,
    /// Where it is.
    pub address: String,
}

/// A share that a generation had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Step {
    /// How much, in per cent.
    pub percent: u8,
    /// Of what.
    pub by: SharedBy,
    /// When it got it.
    pub since: Time,
}
