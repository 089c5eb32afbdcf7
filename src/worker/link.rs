//! The way to the master: what was asked and is not answered yet, and what leaves.
//!
//! It must not know what the worker does with an answer. Where there are no masters, `elsewhere.rs` stands in.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::thread;

use tokio::sync::oneshot;

use super::joining::JoinError;
use super::membership::{Identity, lock};
use super::outbox::{Outbox, Undelivered};
use super::{ListenError, Worker, reader};
use crate::protocol::environment::ChannelName;
use crate::protocol::{Address, Query, VERSION, WorkerMessage};
use crate::sys::inherited::{self, ListenerKind};
use crate::sys::readiness::{Interest, Signal, wait};

/// The way to the master.
#[derive(Debug)]
pub(super) struct Link {
    outbox: Outbox,
    /// Who waits for an answer, by the number of the query.
    queries: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
}

/// What a master answers to a query.
#[derive(Debug)]
pub(super) enum Answer {
    /// A handle, or why it could not be taken.
    Granted { key: String, socket: io::Result<OwnedFd> },
    /// None.
    Refused { errno: i32, message: String },
    /// One that got lost between the master and here.
    Lost,
}

/// A handle that the master granted.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) key: String,
    pub(super) socket: OwnedFd,
    /// Whether its calls wait: that holds for all who share it.
    pub(super) is_blocking: bool,
}

/// Raised when the worker drains: blocking calls wait for it too.
#[derive(Debug)]
pub(super) struct Drained(Signal);

/// Takes over the channel with this name, if it was meant for this process.
pub(super) fn take_channel(name: ChannelName) -> io::Result<Option<OwnedFd>> {
    inherited::take_channel(name.fd, name.inode)
}

impl Worker {
    /// A worker whose master is at the other end of `channel`.
    pub(super) fn over(channel: OwnedFd, identity: Identity) -> Result<Self, JoinError> {
        let outbox = Outbox::new(channel).map_err(JoinError::Channel)?;
        let worker =
            Self::new(identity, Some(Link { outbox, queries: Mutex::default() })).map_err(JoinError::Channel)?;
        if let Some(link) = &worker.shared.link {
            // A master that is gone is noticed by the reader.
            let _ = link.post(&WorkerMessage::Hello { version: VERSION, program: program() });
        }
        let shared = Arc::clone(&worker.shared);
        let thread = thread::Builder::new().name("heirloom".to_owned());
        thread.spawn(move || reader::read(&shared)).map_err(JoinError::Thread)?;
        Ok(worker)
    }
}

impl Link {
    /// Says something to the master, now or as soon as there is room.
    pub(super) fn post(&self, message: &WorkerMessage) -> Result<u64, Undelivered> {
        self.outbox.post(message)
    }

    /// Says something to the master, now or never.
    pub(super) fn post_if_there_is_room(&self, message: &WorkerMessage) {
        self.outbox.post_if_there_is_room(message);
    }

    /// Asks the master for a handle.
    pub(super) async fn query(&self, address: &Address) -> Result<Handle, ListenError> {
        let address = address.clone();
        let Some(answer) = self.ask(&address) else { return Err(ListenError::MasterGone { address }) };
        let (key, socket) = match answer.await {
            Ok(Answer::Granted { key, socket: Ok(socket) }) => (key, socket),
            Ok(Answer::Granted { socket: Err(source), .. }) => return Err(ListenError::Handle { address, source }),
            Ok(Answer::Refused { errno, message }) => return Err(ListenError::Refused { address, errno, message }),
            Ok(Answer::Lost) => return Err(ListenError::Lost { address }),
            Err(_) => return Err(ListenError::MasterGone { address }),
        };
        if inherited::listener_kind(socket.as_fd()) != Some(kind_of(&address)) {
            return Err(ListenError::WrongKind { address });
        }
        match inherited::is_nonblocking(socket.as_fd()) {
            Ok(is_nonblocking) => Ok(Handle { key, socket, is_blocking: !is_nonblocking }),
            Err(source) => Err(ListenError::Handle { address, source }),
        }
    }

    /// The table is locked before the query leaves, so that no answer can come too early.
    fn ask(&self, address: &Address) -> Option<oneshot::Receiver<Answer>> {
        let (sender, receiver) = oneshot::channel();
        let mut queries = lock(&self.queries);
        let seq = self.post(&WorkerMessage::QueryServer(Query::from(address))).ok()?;
        queries.insert(seq, sender);
        Some(receiver)
    }

    /// Brings an answer to whoever asked; if he is gone, the handle is closed.
    pub(super) fn answer(&self, ack: u64, answer: Answer) {
        match lock(&self.queries).remove(&ack) {
            Some(asker) => drop(asker.send(answer)),
            None => tracing::warn!(ack, "the master has answered what nobody asked"),
        }
    }

    /// Waits until the master says something, or is gone.
    pub(super) fn wait_for_word(&self) -> io::Result<BorrowedFd<'_>> {
        self.outbox.wait_for_word()?;
        Ok(self.outbox.channel())
    }

    /// The channel has ended: nobody will answer.
    pub(super) fn close(&self) {
        self.outbox.close();
        lock(&self.queries).clear();
    }
}

impl Drained {
    pub(super) fn new() -> io::Result<Self> {
        Signal::new().map(Self)
    }

    pub(super) fn raise(&self) {
        self.0.raise();
    }

    /// Waits for a connection on `listener`; false if the worker drains before that.
    pub(super) fn or_connection(&self, listener: &impl AsFd) -> io::Result<bool> {
        let both = [(self.0.as_fd(), Interest::Readable), (listener.as_fd(), Interest::Readable)];
        let [drained, _] = wait(both)?;
        Ok(!drained.readable)
    }
}

fn kind_of(address: &Address) -> ListenerKind {
    match address {
        Address::Tcp { .. } => ListenerKind::Tcp,
        Address::Unix(_) | Address::Abstract(_) => ListenerKind::Unix,
    }
}

fn program() -> String {
    let path = std::env::current_exe().ok().or_else(|| std::env::args_os().next().map(Into::into));
    path.unwrap_or_default().display().to_string()
}
