//! What is said to a worker: JSON lines, as Node's primary writes them.

use std::net::SocketAddr;

use serde::Serialize;
use serde_json::{Value, json};

/// Where a server listens, for the worker whose connections the master accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At this address.
    Tcp(SocketAddr),
    /// At a path, which it knows.
    Path,
}

/// Why a server is not to be had: the number of an error, as the script will see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) i32);

/// What kind of socket goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Kind {
    #[serde(rename = "net.Native")]
    Stream,
    #[serde(rename = "dgram.Native")]
    Datagrams,
}

/// A message with a descriptor beside it.
#[derive(Serialize)]
pub(super) struct WithDescriptor<M> {
    cmd: &'static str,
    #[serde(rename = "type")]
    kind: Kind,
    msg: M,
}

/// A connection for the server of this key. There is one for each client, so this is no `Value`, which would be built first.
#[derive(Serialize)]
pub(super) struct Connection<'a> {
    cmd: &'static str,
    act: &'static str,
    key: &'a str,
    seq: u64,
}

impl Place {
    pub(crate) fn port(self) -> u16 {
        match self {
            Place::Tcp(address) => address.port(),
            Place::Path => 0,
        }
    }
}

/// The server is the worker's, and its connections will be passed to it.
pub(super) fn granted(seq: u64, ack: u64, key: &str, data: Option<&Value>, place: Place) -> Value {
    let mut reply = json!({"cmd": "NODE_CLUSTER", "errno": null, "key": key, "ack": ack, "data": data, "seq": seq});
    if let Place::Tcp(address) = place {
        let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
        let sockname = json!({"address": address.ip().to_string(), "family": family, "port": address.port()});
        reply["sockname"] = sockname;
    }
    reply
}

/// The server is the worker's, and here is its socket.
pub(super) fn shared(seq: u64, ack: u64, key: &str, data: Option<&Value>) -> Value {
    json!({"cmd": "NODE_CLUSTER", "errno": 0, "key": key, "ack": ack, "data": data, "seq": seq})
}

pub(super) fn refused(seq: u64, ack: u64, key: &str, Refusal(errno): Refusal) -> Value {
    json!({"cmd": "NODE_CLUSTER", "errno": -errno.abs(), "key": key, "ack": ack, "data": null, "seq": seq})
}

pub(super) fn connection(seq: u64, key: &str) -> WithDescriptor<Connection<'_>> {
    with_descriptor(Kind::Stream, Connection { cmd: "NODE_CLUSTER", act: "newconn", key, seq })
}

pub(super) fn disconnect(seq: u64) -> Value {
    json!({"cmd": "NODE_CLUSTER", "act": "disconnect", "seq": seq})
}

/// It may go, as it wants to.
pub(super) fn farewell(seq: u64, ack: u64) -> Value {
    json!({"cmd": "NODE_CLUSTER", "ack": ack, "seq": seq})
}

pub(super) fn received() -> Value {
    json!({"cmd": "NODE_HANDLE_ACK"})
}

/// For the preload, which nobody else hears.
pub(super) fn lame_duck(linger_ms: u64) -> Value {
    json!({"cmd": "NODE_HEIRLOOM", "act": "lameduck", "linger": linger_ms})
}

pub(super) fn resume() -> Value {
    json!({"cmd": "NODE_HEIRLOOM", "act": "resume"})
}

pub(super) fn goodbye() -> Value {
    json!({"cmd": "NODE_HEIRLOOM", "act": "goodbye"})
}

pub(super) fn with_descriptor<M>(kind: Kind, msg: M) -> WithDescriptor<M> {
    WithDescriptor { cmd: "NODE_HANDLE", kind, msg }
}
