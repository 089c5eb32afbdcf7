//! What a load is asked to do: plain values, with defaults.
//! It checks nothing; `course` does, once.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::target::Target;

/// What a load does: `Plan { clients: 32, ..Plan::on(target) }`.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where every request goes.
    pub target: Target,
    /// How many clients there are; each has one request under way at a time. A burst: how many connections.
    pub clients: usize,
    /// How a client uses its connections. A burst and a held request are one-shot, whatever this says.
    pub manner: Manner,
    /// The path that is asked for.
    pub path: String,
    /// How long a client waits between an answer and its next request; each wait is picked from the range.
    pub think: RangeInclusive<Duration>,
    /// How long a request may take, its connection included.
    pub patience: Duration,
    /// How many requests all clients send together; without it, they go on until they are stopped.
    pub most: Option<u64>,
    /// With a size, every request is a POST with a body of so many bytes; else it is a GET.
    pub body: Option<usize>,
    /// Whether each request's start, end and answer are written down.
    pub journal: bool,
}

impl Plan {
    /// One client that asks for `/`, one-shot, without a pause and without an end, with a patience of 20 s.
    pub fn on(target: impl Into<Target>) -> Plan {
        Plan {
            target: target.into(),
            clients: 1,
            manner: Manner::OneShot,
            path: "/".to_owned(),
            think: Duration::ZERO..=Duration::ZERO,
            patience: Duration::from_secs(20),
            most: None,
            body: None,
            journal: false,
        }
    }
}

/// How a client uses its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// A connection for each request, which says `Connection: close`.
    OneShot,
    /// HTTP/1.1: one connection until the server closes it or says that it will.
    KeepAlive {
        /// After so many requests the client closes the connection itself.
        requests_per_connection: Option<u64>,
    },
    /// HTTP/2 with prior knowledge: one connection until the server sends GOAWAY or closes it.
    Http2,
}
