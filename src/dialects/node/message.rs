//! What a worker's line says. Fields that mean nothing are left out by Node, so that every one of them may be missing.

use serde::Deserialize;
use serde_json::Value;

use super::lines::Line;
use crate::protocol::{Address, AddressType, Query, QueryError};

/// One message of a worker.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// It is there.
    Online,
    /// It wants to listen; to be answered.
    Query { seq: u64, server: Server },
    /// It does.
    Listening { server: Server },
    /// It is done with a server.
    Close { key: String },
    /// It takes its leave by itself; to be answered.
    Leaves { seq: u64 },
    /// Whether it serves a connection that was passed to it.
    Answer { ack: u64, accepted: bool },
    /// The oldest descriptor that it has said nothing about has come to it.
    Received,
    /// It has not.
    NotReceived,
    /// Words for the application's own primary; with a descriptor, they are to be confirmed.
    User { text: String, with_descriptor: bool },
    /// Something that we do not know.
    Unknown { what: String },
}

/// What a worker wants to listen on, as it says it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Server {
    /// Tells apart what a worker asks for more than once.
    index: Option<i64>,
    /// What all workers are to share: TLS servers' ticket keys.
    pub(crate) data: Option<Value>,
    address: Option<String>,
    port: Option<i64>,
    address_type: Option<AddressType>,
    fd: Option<i64>,
    /// For UDP: 1 for IPv6 only, 4 for SO_REUSEADDR.
    pub(crate) flags: Option<u32>,
    readable_all: Option<bool>,
    writable_all: Option<bool>,
}

/// The fields of an internal message that we know.
#[derive(Deserialize)]
struct Internal {
    cmd: String,
    act: Option<String>,
    seq: Option<u64>,
    ack: Option<u64>,
    accepted: Option<bool>,
    key: Option<String>,
    msg: Option<Value>,
}

impl Message {
    /// Reads a line. The error is what the worker did wrong, in words.
    pub(super) fn read(line: &Line) -> Result<Message, String> {
        if line.cut_off {
            let with_descriptor = line.bytes.starts_with(br#"{"cmd":"NODE_HANDLE""#);
            return Ok(Message::User { text: String::from_utf8_lossy(&line.bytes).into_owned(), with_descriptor });
        }
        match serde_json::from_slice::<Internal>(&line.bytes) {
            Ok(internal) if is_internal(&internal.cmd) => internal.read(&line.bytes).map_err(wrong),
            Ok(_) => Message::of_the_script(&line.bytes, None),
            Err(error) => Message::of_the_script(&line.bytes, Some(error)),
        }
    }

    /// Reads what is not internal; or is, but not `as_internal`.
    fn of_the_script(bytes: &[u8], as_internal: Option<serde_json::Error>) -> Result<Message, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
            format!("it sent a line that is no JSON ({error}): {text}")
        })?;
        let claims = value.get("cmd").and_then(Value::as_str).is_some_and(is_internal);
        match as_internal.filter(|_| claims) {
            Some(error) => Err(wrong(error)),
            None => Ok(Message::User { text: value.to_string(), with_descriptor: false }),
        }
    }
}

/// As Node decides it: all else is the application's.
fn is_internal(cmd: &str) -> bool {
    cmd.len() > 5 && cmd.starts_with("NODE_")
}

fn wrong(error: serde_json::Error) -> String {
    format!("it sent a message that is none: {error}")
}

impl Internal {
    fn read(self, bytes: &[u8]) -> serde_json::Result<Message> {
        Ok(match self.cmd.as_str() {
            "NODE_CLUSTER" => self.of_cluster(bytes)?,
            "NODE_HANDLE_ACK" => Message::Received,
            "NODE_HANDLE_NACK" => Message::NotReceived,
            "NODE_HANDLE" => Message::User { text: self.msg.unwrap_or_default().to_string(), with_descriptor: true },
            _ => Message::Unknown { what: self.cmd },
        })
    }

    fn of_cluster(self, bytes: &[u8]) -> serde_json::Result<Message> {
        if let Some(ack) = self.ack {
            return Ok(Message::Answer { ack, accepted: self.accepted.unwrap_or_default() });
        }
        let seq = self.seq.unwrap_or_default();
        Ok(match self.act.as_deref() {
            Some("online") => Message::Online,
            Some("queryServer") => Message::Query { seq, server: serde_json::from_slice(bytes)? },
            Some("listening") => Message::Listening { server: serde_json::from_slice(bytes)? },
            Some("close") => Message::Close { key: self.key.unwrap_or_default() },
            Some("exitedAfterDisconnect" | "suicide") => Message::Leaves { seq },
            act => Message::Unknown { what: act.unwrap_or("a message without act").to_owned() },
        })
    }
}

impl Server {
    /// What it is called in the worker: two servers there never have the same key.
    pub(crate) fn key(&self) -> String {
        format!("{}:{}", self.place(), self.index())
    }

    fn place(&self) -> String {
        let kind = self.address_type.map(|kind| serde_json::to_string(&kind).unwrap_or_default());
        let (address, kind) = (self.address.as_deref().unwrap_or_default(), kind.unwrap_or_default());
        format!("{address}:{}:{kind}:{}", self.port.unwrap_or_default(), self.fd.unwrap_or(-1))
    }

    /// Which of several that were asked for alike.
    pub(crate) fn index(&self) -> i64 {
        self.index.unwrap_or_default()
    }

    /// A descriptor of the primary's, by its number there.
    pub(crate) fn descriptor(&self) -> Option<i64> {
        self.fd.filter(|fd| *fd >= 0)
    }

    /// Where it is to listen for connections.
    pub(crate) fn address(&self) -> Result<Address, QueryError> {
        let port = i32::try_from(self.port.unwrap_or_default()).unwrap_or(i32::MAX);
        let address_type = self.address_type.unwrap_or(AddressType::Ipv4);
        Address::try_from(&Query { address: self.address.clone(), port, address_type })
    }

    /// Where it is to wait for datagrams, if that is what it wants: an address without anything is all of them.
    pub(crate) fn datagrams(&self) -> Option<(String, u16)> {
        let all = match self.address_type? {
            AddressType::Udp4 => "0.0.0.0",
            AddressType::Udp6 => "::",
            AddressType::Ipv4 | AddressType::Ipv6 | AddressType::Path => return None,
        };
        let address = self.address.as_deref().filter(|address| !address.is_empty()).unwrap_or(all);
        Some((address.to_owned(), u16::try_from(self.port.unwrap_or_default()).ok()?))
    }

    /// The mode that a Unix socket's path is to have, if it is asked for one.
    pub(crate) fn mode(&self) -> Option<u32> {
        let (readable, writable) = (self.readable_all.unwrap_or_default(), self.writable_all.unwrap_or_default());
        let mode = 0o600 | if readable { 0o044 } else { 0 } | if writable { 0o022 } else { 0 };
        (readable || writable).then_some(mode)
    }

    /// Whether `listening` is about this one, which was asked for and got a port.
    pub(super) fn is_meant_by(&self, said: &Server, port: u16) -> bool {
        let alike = self.index() == said.index() && self.address == said.address && self.fd == said.fd;
        alike
            && self.address_type == said.address_type
            && (self.port == said.port || said.port == Some(i64::from(port)))
    }
}
