//! One worker's side of the conversation: what it said, what it owes an answer for, and what is to be sent to it.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use super::lines::Lines;
use super::message::{Message, Server};
use super::reply::{self, Kind, Place, Refusal};

/// How often a descriptor is sent that does not arrive.
const TRIES: u32 = 3;
/// What a server that has no descriptors left answers: the number of EMFILE.
const EMFILE: i32 = 24;

/// What a worker said, as far as it is of interest; `H` is a descriptor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said<H> {
    /// It is there.
    Online,
    /// It wants to listen; to be answered by `grant`, `share` or `refuse`.
    Query { ack: u64, server: Box<Server> },
    /// It does, on the server of this key.
    Listening { key: String },
    /// It is done with that one.
    Closed { key: String },
    /// It serves a connection that was passed to it.
    Took { key: String },
    /// It does not, and has not read from it.
    Declined { key: String, connection: H },
    /// It has no room for descriptors now; it has not got this one.
    IsFull { key: String, connection: H },
    /// It goes by itself.
    Leaves,
    /// The script sent this to its primary.
    Words { text: String },
    /// A message that we do not know.
    Unknown { what: String },
}

/// What is to be sent next: bytes, and the descriptor that must be beside the first of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Next<'a, H> {
    pub(crate) bytes: &'a [u8],
    pub(crate) descriptor: Option<&'a H>,
}

/// A line on its way out.
#[derive(Debug)]
struct Outgoing<H> {
    bytes: Vec<u8>,
    sent: usize,
    descriptor: Option<H>,
}

/// What went along with a descriptor: the worker says of each, in this order, whether it has come.
#[derive(Debug)]
enum Beside<H> {
    Connection { seq: u64, tries: u32 },
    Server { kind: Kind, ack: u64, key: String, message: Value, handle: H, tries: u32 },
}

/// One worker's conversation.
#[derive(Debug)]
pub(crate) struct Conversation<H> {
    lines: Lines,
    next: u64,
    outgoing: VecDeque<Outgoing<H>>,
    unconfirmed: VecDeque<Beside<H>>,
    /// Connections that it has not answered for, by the number of their message.
    passed: BTreeMap<u64, (String, H)>,
    /// What it has been granted, with the ports.
    servers: BTreeMap<String, (Server, u16)>,
    asked: BTreeMap<u64, Server>,
}

impl<H> Default for Conversation<H> {
    fn default() -> Self {
        Conversation {
            lines: Lines::default(),
            next: 0,
            outgoing: VecDeque::new(),
            unconfirmed: VecDeque::new(),
            passed: BTreeMap::new(),
            servers: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }
}

impl<H: Clone> Conversation<H> {
    /// Takes in bytes. The error is what the worker did wrong, in words; what it said before that counts.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> (Vec<Said<H>>, Result<(), String>) {
        let mut said = Vec::new();
        for line in self.lines.take_in(bytes) {
            match Message::read(&line).and_then(|message| self.take_in(message)) {
                Ok(something) => said.extend(something),
                Err(what) => return (said, Err(what)),
            }
        }
        (said, Ok(()))
    }

    fn take_in(&mut self, message: Message) -> Result<Option<Said<H>>, String> {
        Ok(match message {
            Message::Online => Some(Said::Online),
            Message::Query { seq, server } => {
                if self.asked.insert(seq, server.clone()).is_some() {
                    return Err(format!("it used the number {seq} twice"));
                }
                Some(Said::Query { ack: seq, server: Box::new(server) })
            }
            Message::Listening { server } => {
                let meant = self.servers.iter().find(|(_, (asked, port))| asked.is_meant_by(&server, *port));
                meant.map(|(key, _)| Said::Listening { key: key.clone() })
            }
            Message::Close { key } => self.servers.remove(&key).map(|_| Said::Closed { key }),
            Message::Leaves { seq } => {
                let number = self.number();
                self.queue(&reply::farewell(number, seq), None);
                Some(Said::Leaves)
            }
            Message::Answer { ack, accepted } => self.passed.remove(&ack).map(|(key, connection)| match accepted {
                true => Said::Took { key },
                false => Said::Declined { key, connection },
            }),
            Message::Received => {
                self.unconfirmed.pop_front().ok_or("it confirms a descriptor that was never sent")?;
                None
            }
            Message::NotReceived => {
                let beside = self.unconfirmed.pop_front().ok_or("it misses a descriptor that was never sent")?;
                self.send_again(beside)
            }
            Message::User { text, with_descriptor } => {
                if with_descriptor {
                    self.queue(&reply::received(), None);
                }
                Some(Said::Words { text })
            }
            Message::Unknown { what } => Some(Said::Unknown { what }),
        })
    }

    /// A descriptor has not come.
    fn send_again(&mut self, beside: Beside<H>) -> Option<Said<H>> {
        match beside {
            Beside::Connection { seq, tries } if tries < TRIES => {
                let (key, connection) = self.passed.get(&seq).cloned()?;
                self.queue(&reply::connection(seq, &key), Some(connection));
                self.unconfirmed.push_back(Beside::Connection { seq, tries: tries + 1 });
                None
            }
            Beside::Connection { seq, .. } => {
                self.passed.remove(&seq).map(|(key, connection)| Said::IsFull { key, connection })
            }
            Beside::Server { kind, ack, key, message, handle, tries } if tries < TRIES => {
                self.queue(&reply::with_descriptor(kind, &message), Some(handle.clone()));
                self.unconfirmed.push_back(Beside::Server { kind, ack, key, message, handle, tries: tries + 1 });
                None
            }
            Beside::Server { ack, key, .. } => {
                self.servers.remove(&key);
                let number = self.number();
                self.queue(&reply::refused(number, ack, &key, Refusal(EMFILE)), None);
                Some(Said::Closed { key })
            }
        }
    }

    /// The worker listens there, and is passed the connections.
    pub(crate) fn grant(&mut self, ack: u64, data: Option<&Value>, place: Place) {
        let Some((key, number)) = self.answer(ack, place.port()) else { return };
        self.queue(&reply::granted(number, ack, &key, data, place), None);
    }

    /// The worker listens there by itself, with this socket.
    pub(crate) fn share(&mut self, ack: u64, data: Option<&Value>, port: u16, handle: H) {
        let Some((key, number)) = self.answer(ack, port) else { return };
        let of_datagrams = self.servers[&key].0.datagrams().is_some();
        let kind = if of_datagrams { Kind::Datagrams } else { Kind::Stream };
        let message = reply::shared(number, ack, &key, data);
        self.queue(&reply::with_descriptor(kind, &message), Some(handle.clone()));
        self.unconfirmed.push_back(Beside::Server { kind, ack, key, message, handle, tries: 1 });
    }

    /// The script gets an error.
    pub(crate) fn refuse(&mut self, ack: u64, refusal: Refusal) {
        let Some(server) = self.asked.remove(&ack) else { return };
        let number = self.number();
        self.queue(&reply::refused(number, ack, &server.key(), refusal), None);
    }

    fn answer(&mut self, ack: u64, port: u16) -> Option<(String, u64)> {
        let server = self.asked.remove(&ack)?;
        let key = server.key();
        self.servers.insert(key.clone(), (server, port));
        Some((key, self.number()))
    }

    /// Passes a connection to the server of this key.
    pub(crate) fn pass(&mut self, key: &str, connection: H) {
        let seq = self.number();
        self.queue(&reply::connection(seq, key), Some(connection.clone()));
        self.unconfirmed.push_back(Beside::Connection { seq, tries: 1 });
        self.passed.insert(seq, (key.to_owned(), connection));
    }

    /// How many connections it has not answered for.
    pub(crate) fn in_flight(&self) -> usize {
        self.passed.len()
    }

    /// The worker is gone: what it had not taken, and has not read from.
    pub(crate) fn take_back(&mut self) -> Vec<(String, H)> {
        self.outgoing.clear();
        self.unconfirmed.clear();
        std::mem::take(&mut self.passed).into_values().collect()
    }

    /// Its servers are to close, and it is to end when they have.
    pub(crate) fn disconnect(&mut self) {
        let number = self.number();
        self.queue(&reply::disconnect(number), None);
    }

    /// Its clients are to leave; connections on which nothing happens are closed after so long.
    pub(crate) fn lame_duck(&mut self, linger_ms: u64) {
        self.queue(&reply::lame_duck(linger_ms), None);
    }

    /// They may stay.
    pub(crate) fn resume(&mut self) {
        self.queue(&reply::resume(), None);
    }

    /// The clients of its WebSockets are told that it goes away.
    pub(crate) fn goodbye(&mut self) {
        self.queue(&reply::goodbye(), None);
    }

    /// Something for the script's own `process.on('message')`.
    pub(crate) fn say(&mut self, words: &Value) {
        self.queue(words, None);
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn queue(&mut self, message: &impl Serialize, descriptor: Option<H>) {
        let mut bytes = serde_json::to_vec(message).expect("its keys are strings");
        bytes.push(b'\n');
        self.outgoing.push_back(Outgoing { bytes, sent: 0, descriptor });
    }

    /// How many lines wait to be sent.
    pub(crate) fn waiting(&self) -> usize {
        self.outgoing.len()
    }

    /// What is to be sent next, by one call of `sendmsg`: two descriptors must never come together.
    pub(crate) fn next(&self) -> Option<Next<'_, H>> {
        let Outgoing { bytes, sent, descriptor } = self.outgoing.front()?;
        Some(Next { bytes: &bytes[*sent..], descriptor: descriptor.as_ref().filter(|_| *sent == 0) })
    }

    /// So many bytes of that were sent.
    pub(crate) fn sent(&mut self, count: usize) {
        let Some(first) = self.outgoing.front_mut() else { return };
        first.sent += count;
        if first.sent >= first.bytes.len() {
            self.outgoing.pop_front();
        }
    }
}
