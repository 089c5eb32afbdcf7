//! A worker's channel: packets in, packets out, and what waits because the worker does not read.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use crate::dialects::{QueryDialect, Said};
use crate::protocol::{MAX_PACKET, MasterMessage};
use crate::sys::passing::{self, Received};

/// A worker that lets more than this wait does not read.
const MOST_WAITING: usize = 1024;
/// So many packets are taken at once, before others have their turn.
const AT_ONCE: usize = 64;

/// The master's end of a worker's channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) socket: OwnedFd,
    dialect: QueryDialect,
    waiting: VecDeque<(Vec<u8>, Option<Arc<OwnedFd>>)>,
}

/// What a look into the channel brought.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) said: Vec<Said>,
    /// It is over: the worker is gone (nothing said), or did this.
    pub(super) over: Option<Option<String>>,
}

impl Channel {
    pub(super) fn new(socket: OwnedFd) -> Channel {
        Channel { socket, dialect: QueryDialect::default(), waiting: VecDeque::new() }
    }

    pub(super) fn has_said_hello(&self) -> bool {
        self.dialect.has_said_hello()
    }

    /// Whether something waits to be sent.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes what is there.
    pub(super) fn hear(&mut self) -> Heard {
        let mut heard = Heard::default();
        let mut buffer = vec![0; MAX_PACKET + 1];
        for _ in 0..AT_ONCE {
            let packet = match passing::receive(self.socket.as_fd(), &mut buffer) {
                Ok(Received::Packet { length, descriptors, truncated }) => {
                    self.dialect.hear(&buffer[..length], descriptors.len(), truncated)
                }
                Ok(Received::End) => {
                    heard.over = Some(None);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => {
                    heard.over = Some(None);
                    break;
                }
            };
            match packet {
                Ok(said) => heard.said.push(said),
                Err(what) => {
                    heard.over = Some(Some(what));
                    break;
                }
            }
        }
        heard
    }

    /// Sends a message, now or when the worker reads again. The number that it got; the error is what the worker did.
    pub(super) fn say(&mut self, message: MasterMessage, handle: Option<Arc<OwnedFd>>) -> Result<u64, String> {
        if self.waiting.len() >= MOST_WAITING {
            return Err(format!("it does not read: {MOST_WAITING} messages wait for it"));
        }
        let (seq, bytes) = self.dialect.say(message);
        self.waiting.push_back((bytes, handle));
        self.flush();
        Ok(seq)
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn flush(&mut self) {
        while let Some((bytes, handle)) = self.waiting.front() {
            let handles: Vec<_> = handle.iter().map(|handle| handle.as_fd()).collect();
            match passing::send(self.socket.as_fd(), bytes, &handles) {
                Ok(()) => drop(self.waiting.pop_front()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The worker is gone: the end of the channel tells so when it is read.
                Err(_) => return self.waiting.clear(),
            }
        }
    }
}
