//! A Node worker's channel, and what we know of it: its servers, and how far it has come.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use super::leave::Parting;
use crate::dialects::node::{Conversation, Next, Said, Servers};
use crate::master::listeners::ListenerId;
use crate::sys::passing::{self, Received};
use crate::sys::stream;

/// A worker for which more lines wait does not read.
const MOST_WAITING: usize = 512;
/// So many bytes are taken at once, before others have their turn.
const BYTES_AT_ONCE: usize = 256 * 1024;
/// So many connections may be on their way to a worker: one that is busy gets no further one. The second is there when the
/// worker has taken the first, and nobody gets it while another worker has none.
const WINDOW: usize = 2;

/// What a worker can listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::master) enum ServerId {
    /// A listener, whose connections the master passes on, or whose socket the worker has.
    Listener(ListenerId),
    /// A socket for datagrams.
    Datagrams(u32),
}

/// A descriptor that is on its way.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    pub(super) socket: Arc<OwnedFd>,
    /// It is for that worker and nobody else: a look at it, not a client.
    pub(super) private: bool,
}

/// One Node worker.
#[derive(Debug)]
pub(in crate::master) struct NodeWorker {
    /// Gone when the worker has closed it, or broken the protocol.
    pub(super) socket: Option<OwnedFd>,
    pub(super) talk: Conversation<Handle>,
    /// What its servers are called there.
    pub(super) keys: BTreeMap<String, ServerId>,
    pub(super) servers: Servers<ServerId>,
    /// It may be passed connections.
    pub(super) serves: bool,
    /// When it was passed the last one.
    pub(super) passed_at: Duration,
    /// It gets none before that: it had no room.
    pub(super) rests_until: Duration,
    /// Since when it is a lame duck.
    pub(super) lame_since: Option<Duration>,
    pub(super) parting: Option<Parting>,
    /// Something waits to be sent.
    pub(super) waits: bool,
}

/// What a look into the channel brought.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) said: Vec<Said<Handle>>,
    /// It is over: the worker is gone (nothing said), or did this.
    pub(super) over: Option<Option<String>>,
}

impl NodeWorker {
    pub(in crate::master) fn new(socket: OwnedFd, now: Duration, like: Option<Duration>) -> NodeWorker {
        NodeWorker {
            socket: Some(socket),
            talk: Conversation::default(),
            keys: BTreeMap::new(),
            servers: Servers::new(now, like),
            serves: true,
            passed_at: Duration::ZERO,
            rests_until: Duration::ZERO,
            lame_since: None,
            parting: None,
            waits: false,
        }
    }

    pub(in crate::master) fn socket(&self) -> Option<&OwnedFd> {
        self.socket.as_ref()
    }

    /// What it calls the server that listens there, if it has one.
    pub(super) fn key_of(&self, id: ListenerId) -> Option<&str> {
        let listens =
            self.serves && self.socket.is_some() && self.servers.listening().contains(&ServerId::Listener(id));
        let mut keys = self.keys.iter().filter(|(_, server)| listens && **server == ServerId::Listener(id));
        keys.next().map(|(key, _)| key.as_str())
    }

    /// Whether it can be passed a connection now.
    pub(super) fn has_room(&self, now: Duration) -> bool {
        self.talk.in_flight() < WINDOW && self.rests_until <= now
    }

    /// Takes what is there.
    pub(super) fn hear(&mut self, buffer: &mut [u8]) -> Heard {
        let mut heard = Heard::default();
        let (mut bytes, Some(socket)) = (0, &self.socket) else { return heard };
        while bytes < BYTES_AT_ONCE && heard.over.is_none() {
            match passing::receive(socket.as_fd(), buffer) {
                Ok(Received::Packet { length, descriptors, .. }) => {
                    bytes += length;
                    passing::discard(descriptors);
                    let (said, end) = self.talk.hear(&buffer[..length]);
                    heard.said.extend(said);
                    heard.over = end.err().map(Some);
                    if length < buffer.len() {
                        break; // there is no more, or it comes back
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(Received::End) | Err(_) => heard.over = Some(None),
            }
        }
        heard
    }

    /// Sends what waits, as far as there is room; whether something still waits. The error is why the worker cannot be
    /// told, in words.
    pub(super) fn flush(&mut self) -> Result<bool, String> {
        let Some(socket) = &self.socket else { return Ok(false) };
        while let Some(Next { bytes, descriptor }) = self.talk.next() {
            match stream::send(socket.as_fd(), bytes, descriptor.map(|it| it.socket.as_fd())) {
                Ok(count) => self.talk.sent(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The worker is gone: the end of the channel tells so when it is read.
                Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                    return Ok(false);
                }
                Err(error) => return Err(format!("it cannot be told anything: {error}")),
            }
        }
        match self.talk.waiting() {
            waiting if waiting > MOST_WAITING => Err(format!("it does not read: {waiting} messages wait for it")),
            waiting => Ok(waiting > 0),
        }
    }
}
