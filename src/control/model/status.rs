//! What is: the master, its generations, their workers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Listener, Rollout, Time};

/// `GET /v1/status`: all that is, at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status {
    /// What the master is called.
    pub name: String,
    /// The version of heirloom that runs.
    pub version: String,
    /// The master's pid, which never changes.
    pub pid: u32,
    /// Since when it runs.
    pub started: Time,
    /// For how long it has been running.
    pub uptime_seconds: f64,
    /// What it is up to.
    pub state: MasterState,
    /// The generation that new connections go to.
    pub serving: Option<u32>,
    /// The generation that is on its way up.
    pub rising: Option<u32>,
    /// How the one fares that is on its way up, once it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Another reload waits for the outcome of the one that is under way.
    pub reload_waits: bool,
    /// How reloads have ended so far; the first start is one.
    pub reloads: Reloads,
    /// All generations that are not gone, the newest first.
    pub generations: Vec<Generation>,
    /// All listeners, in the order in which they were opened. Who holds a lane, only `/v1/sockets` says.
    pub listeners: Vec<Listener>,
    /// The id of the latest event: `since` for whoever wants all that comes after this.
    pub latest_event: u64,
}

/// What a master is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MasterState {
    /// The first generation rises.
    Starting,
    /// A generation serves, and none rises.
    Serving,
    /// A generation serves, and another rises.
    Reloading,
    /// No generation serves and none rises: it listens, and waits for a reload.
    Idle,
    /// It is on its way out.
    Stopping,
}

/// How reloads have ended, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reloads {
    /// Promoted, whatever came later.
    pub promoted: u64,
    /// Given up for a fault of theirs, before any client met them.
    pub rejected: u64,
    /// Given up because somebody wanted it: aborted, superseded, or the master was asked to stop.
    pub aborted: u64,
    /// Promoted, and rolled back later.
    pub rolled_back: u64,
}

/// Who asked for something, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Origin {
    /// Who: "alice (uid 1000, pid 4711)", "SIGHUP from pid 812, uid 1000", "start".
    pub by: String,
    /// Why, in his own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a generation runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Release {
    /// The program's file, all symlinks followed.
    pub program: PathBuf,
    /// The command as it was written.
    pub command: Vec<String>,
    /// Where it runs, all symlinks followed.
    pub directory: PathBuf,
}

/// All the workers that one reload started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Generation {
    /// Its number, counted from 1.
    pub id: u32,
    /// How far it has come.
    pub state: GenerationState,
    /// What it waits for, if it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// How much of all new connections goes to it, in per cent; or, where all have one lane, how much of the workers it has.
    #[serde(default)]
    pub share_percent: u8,
    /// How many of its workers can serve.
    pub ready: u32,
    /// How many workers it is to have; of one that leaves, how many there still are.
    pub total: u32,
    /// Its workers, by slot.
    pub workers: Vec<Worker>,
    /// When it began to rise.
    pub since: Time,
    /// How long ago that was.
    pub age_seconds: f64,
    /// Since when new connections go, or went, to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<Time>,
    /// How many connections its workers hold; none if not all of them say so.
    pub connections: Option<u64>,
    /// Processor time of its workers so far.
    pub cpu_seconds: Option<f64>,
    /// Resident memory of its workers. What they share is counted for each.
    pub rss_bytes: Option<u64>,
    /// Who asked for it.
    pub origin: Origin,
    /// What it runs; none while that is being found out.
    pub release: Option<Release>,
    /// What has become of the files that it was started from, if they are not what they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_on_disk: Vec<String>,
    /// In so many seconds its present state ends by itself: it is drained (`standby`), or what is left of it is killed
    /// (`draining`, `sweeping`), it is given up (`starting`, `checking`), or goes on (`held`, `sharing`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_seconds: Option<f64>,
}

/// How far a generation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GenerationState {
    /// It is being found out what it is to run.
    Resolving,
    /// All lanes of a listener are taken.
    WaitingForLane,
    /// Its workers are started, and not all are ready.
    Starting,
    /// All are ready: its health is checked, and no client meets it.
    Checking,
    /// It has proved itself and waits to be promoted.
    Held,
    /// A share of new connections goes to it.
    Sharing,
    /// All new connections are being sent to it.
    Steering,
    /// New connections go to it.
    Serving,
    /// It was rolled back, but still gets new connections: sending them elsewhere has not worked yet.
    Unsteered,
    /// Nothing new is sent to it; what was is still being accepted.
    Settling,
    /// It can serve again at once.
    Standby,
    /// Its workers finish what they hold.
    Draining,
    /// All its workers are gone; what they left behind is not.
    Sweeping,
}

/// One process of a generation, or a slot that waits for its next one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Worker {
    /// Its seat in the generation, counted from 0.
    pub slot: u32,
    /// Its number, which no other worker of this master ever has; none for a slot that waits.
    pub worker: Option<u64>,
    /// Its process.
    pub pid: Option<u32>,
    /// What it is up to.
    pub state: WorkerState,
    /// When it was started.
    pub since: Option<Time>,
    /// How long ago that was.
    pub age_seconds: Option<f64>,
    /// How it became known that it can serve; none if it cannot yet.
    pub ready_by: Option<ReadyBy>,
    /// In so many seconds its present state ends by itself: it is given up, killed, or started (`waiting`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_seconds: Option<f64>,
    /// How many connections it holds, if it says so.
    pub connections: Option<u64>,
    /// How many requests it has answered, if it says so.
    pub requests: Option<u64>,
    /// How many of them went wrong, if it says so.
    pub errors: Option<u64>,
    /// What it says of itself.
    pub status: Option<String>,
    /// Processor time so far.
    pub cpu_seconds: Option<f64>,
    /// Resident memory.
    pub rss_bytes: Option<u64>,
    /// How many workers this slot has had before.
    pub restarts: u32,
}

/// What a worker is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// Nobody sits in the slot: its next worker is started soon.
    Waiting,
    /// Started, and not ready yet.
    Starting,
    /// It serves, or could.
    Ready,
    /// It serves, and asks its clients to leave.
    LameDuck,
    /// It finishes what it holds.
    Draining,
    /// It was killed, and its end is awaited.
    Killed,
}

/// How it became known that a worker can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReadyBy {
    /// It said so in the query protocol.
    Protocol,
    /// It notified us (READY=1).
    Notified,
    /// It notified us, and accepted a connection of ours.
    Confirmed,
    /// It accepted a connection of ours.
    Accepted,
    /// It stayed up: the last resort.
    MinimumUptime,
}
