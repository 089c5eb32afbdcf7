//! Telling the world: a notice of the rules, or of a deed, with number, time, pid and last lines.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use super::release::Release;
use super::wording::shown;
use crate::dialects::Evidence;
use crate::errands::Hook;
use crate::supervision::{GenerationId, Notice, Slot};

/// One of a worker's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Something that happened, for whoever wants to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Counted from 1.
    pub id: u64,
    /// When.
    #[serde(with = "rfc3339")]
    pub time: SystemTime,
    /// What.
    #[serde(flatten)]
    pub what: What,
    /// The process that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The last lines of a worker that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
}

/// What happened, by who noticed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum What {
    /// By the rules.
    Rules(Notice),
    /// By the master, while it did something.
    Deeds(Deed),
}

/// What the master notices by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields of a variant are what their names say")]
pub enum Deed {
    /// A listener is open: at its real address, steered in this way.
    Listening { listener: String, address: String, way: String, lanes: usize },
    /// It is known what the generation runs, and where.
    Resolved { generation: GenerationId, program: String, command: Vec<String>, directory: String },
    /// What the generation runs is being made, by this command.
    Building { generation: GenerationId, command: String },
    /// That command wrote a line.
    BuildLine { generation: GenerationId, line: String },
    /// It has been made, within so long.
    Built { generation: GenerationId, seconds: f64 },
    /// A hook is run for the reload that started the generation.
    HookStarted { generation: GenerationId, hook: Hook, command: Vec<String> },
    /// It wrote a line.
    HookLine { generation: GenerationId, hook: Hook, line: String },
    /// It has ended after so long; badly, if there is a failure.
    HookEnded { generation: GenerationId, hook: Hook, seconds: f64, failure: Option<String> },
    /// A listener that a query had opened is closed again.
    Closed { listener: String },
    /// A worker wrote a line.
    Line { generation: GenerationId, slot: Slot, stream: Stream, line: String },
    /// A worker tells how it does.
    Status { generation: GenerationId, slot: Slot, text: String },
    /// A script sent a message to its primary, as JSON.
    Message { generation: GenerationId, slot: Slot, text: String },
    /// A worker reads its own configuration again (RELOADING=1).
    WorkerReloads { generation: GenerationId, slot: Slot },
    /// It has, and can serve as before.
    WorkerReloaded { generation: GenerationId, slot: Slot },
    /// A worker says that it is about to end (STOPPING=1).
    WorkerStops { generation: GenerationId, slot: Slot },
    /// A worker counts as ready, and why: it did not say so in our protocol.
    Proved { generation: GenerationId, slot: Slot, evidence: Evidence },
    /// A worker asked for an address that is not declared, and got the only listener of that kind and port.
    Guessed { generation: GenerationId, slot: Slot, asked: String, listener: String },
    /// A worker asked for an address and got none.
    Refused { generation: GenerationId, slot: Slot, asked: String, why: String },
    /// A lane had been shut by a worker and listens again.
    Mended { listener: String, what: String },
    /// A lane will not be used again.
    Spoiled { listener: String, why: String },
    /// Connections that had come to where nobody accepts any more are served all the same.
    Rescued { listener: String, connections: u32, passed: u32, relayed: u32 },
    /// A file that the generation was started from is not what it was.
    Changed { generation: GenerationId, what: String },
    /// Somebody who wants to look at the generation alone can do it here.
    Door { generation: GenerationId, listener: String, address: String },
    /// Something that a rollout cannot do at a listener.
    Limited { listener: String, what: String },
    /// Something that should work did not.
    Trouble { what: String },
}

impl Deed {
    /// What the release is.
    pub(super) fn resolved(generation: GenerationId, release: &Release) -> Deed {
        Deed::Resolved {
            generation,
            program: release.program.display().to_string(),
            command: release.arguments.iter().map(|argument| shown(&argument.to_string_lossy())).collect(),
            directory: release.directory.display().to_string(),
        }
    }
}

/// A stream of reports. Whoever does not read loses some and is told how many, but never holds up the master.
#[derive(Debug)]
pub struct Notices {
    receiver: mpsc::Receiver<Report>,
    room: Arc<Notify>,
    lost: Arc<AtomicU64>,
}

/// The master's end of it.
#[derive(Debug)]
pub(super) struct Sink {
    sender: mpsc::Sender<Report>,
    room: Arc<Notify>,
    lost: Arc<AtomicU64>,
}

const CAPACITY: usize = 8192;
/// Below so much room, workers have to wait with their output: what is left is for notices.
const RESERVE: usize = CAPACITY / 2;

pub(super) fn stream() -> (Sink, Notices) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let (room, lost) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
    (Sink { sender, room: room.clone(), lost: lost.clone() }, Notices { receiver, room, lost })
}

impl Notices {
    /// The next report; none when the master is gone.
    pub async fn next(&mut self) -> Option<Report> {
        let report = self.receiver.recv().await;
        self.made_room();
        report
    }

    /// The next report, for a thread that has nothing else to do.
    pub fn blocking_next(&mut self) -> Option<Report> {
        let report = self.receiver.blocking_recv();
        self.made_room();
        report
    }

    /// How many reports were lost since the last call, because nobody read them in time.
    pub fn lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    fn made_room(&self) {
        if self.receiver.len() + RESERVE == CAPACITY - 1 {
            self.room.notify_one();
        }
    }
}

impl Sink {
    pub(super) fn send(&self, report: Report) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.sender.try_send(report) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether there is room for a worker's output.
    pub(super) fn has_room(&self) -> bool {
        self.sender.is_closed() || self.sender.capacity() > RESERVE
    }

    /// Told when there is room again.
    pub(super) fn room(&self) -> Arc<Notify> {
        self.room.clone()
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stream::Output => "output",
            Stream::Error => "error",
        })
    }
}

/// Times go out as people and their tools read them.
mod rfc3339 {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_rfc3339_micros(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        humantime::parse_rfc3339(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
