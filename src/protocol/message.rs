//! What a worker and its master say: one enum for each direction.
//!
//! Both carry a `seq`; an answer names with `ack` the message that it answers. How that becomes bytes
//! is `frame`'s business.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Query;

/// A message with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<M> {
    /// Counted by each side for itself, from 0.
    pub seq: u64,
    /// What is said.
    pub message: M,
}

/// What a worker says to its master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum WorkerMessage {
    /// The first word: the worker speaks this protocol.
    Hello {
        /// The version that it speaks.
        version: u32,
        /// The program that runs.
        program: String,
    },
    /// It wants a handle.
    QueryServer(Query),
    /// It is done with the handle that came with this key.
    Close {
        /// The handle's key.
        key: String,
    },
    /// It can serve.
    Ready,
    /// It takes no more connections, finishes what it holds, and exits.
    Draining,
    /// How it does.
    Status(Status),
    /// Its answer to a passed connection.
    #[serde(skip)]
    Accepted {
        /// The `seq` of the `newconn`.
        ack: u64,
        /// Whether it serves that connection.
        accepted: bool,
    },
    /// A message of a later version.
    #[serde(skip)]
    Unknown {
        /// Its name.
        act: String,
    },
}

/// What a master says to its worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum MasterMessage {
    /// The worker's generation serves.
    Promoted,
    /// An accepted connection, with its descriptor beside it; wants an answer.
    NewConn {
        /// The key of the listener that it came in at.
        key: String,
    },
    /// Serve, but ask the clients to leave.
    LameDuck {
        /// How long an idle connection may stay open.
        linger_ms: u64,
    },
    /// Forget the lame duck: the generation serves again.
    Resume,
    /// Finish what you hold, and exit.
    Drain {
        /// How long until the master loses its patience.
        grace_ms: u64,
    },
    /// The answer to a query, with the handle beside it.
    #[serde(skip)]
    Granted {
        /// The `seq` of the query.
        ack: u64,
        /// Names the handle.
        key: String,
    },
    /// The answer to a query for a handle that the worker was born with.
    #[serde(skip)]
    Inherited {
        /// The `seq` of the query.
        ack: u64,
        /// Names the handle.
        key: String,
        /// The number of the descriptor that it inherited.
        fd: u16,
    },
    /// The answer to a query that gets no handle.
    #[serde(skip)]
    Refused {
        /// The `seq` of the query.
        ack: u64,
        /// The reason, as a number of the kernel's.
        errno: i32,
        /// The reason, as a sentence that a person can act on.
        message: String,
    },
    /// A message of a later version.
    #[serde(skip)]
    Unknown {
        /// Its name.
        act: String,
    },
}

/// The text of a status is cut off after so many bytes.
pub const MAX_TEXT: usize = 1024;

/// How a worker does; it tells as much as it likes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// What it is busy with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How many connections it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<u64>,
    /// How many requests it has answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// How many of them went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<u64>,
}

/// What both directions have in common.
pub trait Message: Sized {
    /// How many descriptors come beside it.
    fn descriptors(&self) -> usize;
    /// Its name, as errors call it.
    fn name(&self) -> &str;
    /// Its fields, all but `seq`.
    fn to_json(&self) -> Value;
    /// Reads what [`Message::to_json`] wrote; other fields are ignored.
    ///
    /// # Errors
    /// When a field is missing or of the wrong type.
    fn from_json(fields: Value) -> Result<Self, serde_json::Error>;
}

impl Message for WorkerMessage {
    fn descriptors(&self) -> usize {
        0
    }

    fn name(&self) -> &str {
        match self {
            Self::Hello { .. } => "hello",
            Self::QueryServer(_) => "queryServer",
            Self::Close { .. } => "close",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Status(_) => "status",
            Self::Accepted { .. } => "the answer to a connection",
            Self::Unknown { act } => act,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Accepted { ack, accepted } => json!({ "ack": ack, "accepted": accepted }),
            Self::Unknown { act } => json!({ "act": act }),
            known => serde_json::to_value(known).expect("its fields are texts and numbers"),
        }
    }

    fn from_json(fields: Value) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Answer {
            ack: u64,
            accepted: bool,
        }
        if fields.get("ack").is_some() {
            let Answer { ack, accepted } = serde_json::from_value(fields)?;
            return Ok(Self::Accepted { ack, accepted });
        }
        match unknown(&fields, &["hello", "queryServer", "close", "ready", "draining", "status"]) {
            Some(act) => Ok(Self::Unknown { act }),
            None => serde_json::from_value(fields),
        }
    }
}

impl Message for MasterMessage {
    fn descriptors(&self) -> usize {
        match self {
            Self::NewConn { .. } | Self::Granted { .. } => 1,
            Self::Promoted | Self::LameDuck { .. } | Self::Resume | Self::Drain { .. } => 0,
            Self::Inherited { .. } | Self::Refused { .. } | Self::Unknown { .. } => 0,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Promoted => "promoted",
            Self::NewConn { .. } => "newconn",
            Self::LameDuck { .. } => "lameduck",
            Self::Resume => "resume",
            Self::Drain { .. } => "drain",
            Self::Granted { .. } => "a grant",
            Self::Inherited { .. } => "a grant of an inherited handle",
            Self::Refused { .. } => "a refusal",
            Self::Unknown { act } => act,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Granted { ack, key } => json!({ "ack": ack, "key": key }),
            Self::Inherited { ack, key, fd } => json!({ "ack": ack, "key": key, "fd": fd }),
            Self::Refused { ack, errno, message } => json!({ "ack": ack, "errno": errno, "message": message }),
            Self::Unknown { act } => json!({ "act": act }),
            known => serde_json::to_value(known).expect("its fields are texts and numbers"),
        }
    }

    fn from_json(fields: Value) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Answer {
            ack: u64,
            #[serde(default)]
            key: String,
            fd: Option<u16>,
            errno: Option<i32>,
            #[serde(default)]
            message: String,
        }
        if fields.get("ack").is_some() {
            let Answer { ack, key, fd, errno, message } = serde_json::from_value(fields)?;
            return Ok(match (errno.filter(|errno| *errno != 0), fd) {
                (Some(errno), _) => Self::Refused { ack, errno, message },
                (None, Some(fd)) => Self::Inherited { ack, key, fd },
                (None, None) => Self::Granted { ack, key },
            });
        }
        match unknown(&fields, &["promoted", "newconn", "lameduck", "resume", "drain"]) {
            Some(act) => Ok(Self::Unknown { act }),
            None => serde_json::from_value(fields),
        }
    }
}

/// The name of a message that is not among the `known` ones.
fn unknown(fields: &Value, known: &[&str]) -> Option<String> {
    let act = fields.get("act")?.as_str()?;
    (!known.contains(&act)).then(|| act.to_owned())
}
