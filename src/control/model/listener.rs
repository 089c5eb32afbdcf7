//! What is open: listeners, their lanes, and who else is on their ports.

use serde::{Deserialize, Serialize};

/// `GET /v1/sockets`: all listeners, with the processes that hold each lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Sockets {
    /// All listeners, in the order in which they were opened.
    pub listeners: Vec<Listener>,
}

/// An address that the master holds open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Listener {
    /// What workers and people call it.
    pub name: String,
    /// Where it really is.
    pub address: String,
    /// How new connections are steered.
    pub way: Way,
    /// A worker asked for it; it was not declared.
    pub by_query: bool,
    /// The generation that new connections go to, or most of them.
    pub steered_to: Option<u32>,
    /// The generations that have a share of new connections, the newest first; more than one during a rollout.
    #[serde(default)]
    pub shares: Vec<Share>,
    /// Its sockets.
    pub lanes: Vec<Lane>,
    /// Connections that nobody has accepted yet, in all lanes.
    pub queue: u64,
    /// How many can wait in the lane that new connections go to.
    pub queue_limit: u64,
    /// Connections that the kernel dropped because a queue was full, in all lanes; none where it does not count them.
    pub overflows: Option<u64>,
    /// Sockets on the same port that are not ours: they may take connections away.
    pub strangers: Vec<Stranger>,
}

/// How new connections are steered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// In the kernel, by a program that names a lane.
    Kernel,
    /// By the path, which is a link to a lane's own.
    Path,
    /// By the master, which accepts and passes each connection on.
    Rotation,
    /// Not at all: all generations have the same socket.
    Shared,
}

/// What a generation gets of a listener's new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Share {
    /// Its number.
    pub generation: u32,
    /// How much of them, in per cent, rounded.
    pub percent: u8,
}

/// One of a listener's sockets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Lane {
    /// Its number, counted from 0.
    pub index: u32,
    /// Whether a generation has it, or can get it.
    pub state: LaneState,
    /// The generation that has it; where several do, the newest.
    pub generation: Option<u32>,
    /// All that have it, the newest first: several where one lane is for all, as in a rotation.
    #[serde(default)]
    pub generations: Vec<u32>,
    /// New connections go there.
    pub steered: bool,
    /// How much of them, in per cent.
    #[serde(default)]
    pub share_percent: u8,
    /// Connections that nobody has accepted yet.
    pub queue: u64,
    /// How many can wait.
    pub queue_limit: u64,
    /// Connections that the kernel dropped because the queue was full; none where it does not count them.
    pub overflows: Option<u64>,
    /// Why the next generation cannot have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not_free: Option<String>,
    /// The processes that hold it, besides the master; only `/v1/sockets` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder>,
}

/// Whether a generation has a lane, or can get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LaneState {
    /// The next generation can have it.
    Free,
    /// A generation has it that serves, rises, or may serve again.
    Taken,
    /// The generation that has it is on its way out.
    Retired,
    /// Nobody has it, but connections still wait in it, or it does not listen.
    Busy,
    /// It is never used again.
    Spoiled,
}

/// A process that holds a lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Holder {
    /// Its pid.
    pub pid: u32,
    /// Its name, as in `ps`.
    pub name: String,
    /// The seat that it has, as "generation.slot", if it is one of our workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
}

/// A socket that is not ours and listens where we do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stranger {
    /// Where it listens.
    pub address: String,
    /// Whose it is, where we may see that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Its name, as in `ps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
