//! What happens: reports as `heirloom run -o json` prints them, one object a line.

use serde::{Deserialize, Serialize};

use crate::master::Report;

/// What to see of `GET /v1/events`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct EventsQuery {
    /// Only what came after the event with this id. Without it: everything that is still known, or, with `follow`,
    /// only what happens from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Only the last so many of that, to begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
    /// Go on with what happens, for ever.
    pub follow: bool,
    /// The lines that workers write as well.
    pub lines: bool,
}

/// What to see of `GET /v1/logs`: the lines that workers write, as events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LogsQuery {
    /// Only what came after the event with this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Only the last so many of that, to begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
    /// Go on with what is written, for ever.
    pub follow: bool,
    /// Only what this generation writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// Only what this slot writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
}

/// One object of an event stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Told {
    /// Some are missing here.
    Missed(Missed),
    /// Something happened.
    Report(Box<Report>),
}

/// Events that are not known any more, or came faster than they were read: those after one id, up to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "notice", rename = "missed", rename_all = "snake_case")]
pub struct Missed {
    /// The last one before the gap.
    pub after: u64,
    /// The last one in the gap.
    pub up_to: u64,
}
