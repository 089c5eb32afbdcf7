//! A worker's channel: packets in, packets out, and what waits because the worker does not read.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;
use crate::dialects::{QueryDialect, Said};
use crate::protocol::{MAX_PACKET, MasterMessage};
use crate::sys::passing::{self, Received};

/// A worker that lets more than this wait does not read.
const MOST_WAITING: usize = 256;
/// One byte more than a packet may have, to see that one has more.
pub(super) const ROOM: usize = MAX_PACKET + 1;
/// So many packets are taken at once, and so many bytes, before others have their turn.
const AT_ONCE: usize = 64;
const BYTES_AT_ONCE: usize = 256 * 1024;

/// The master's end of a worker's channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) socket: OwnedFd,
    dialect: QueryDialect,
    budget: Budget,
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
        let (dialect, budget) = (QueryDialect::default(), Budget::default());
        Channel { socket, dialect, budget, waiting: VecDeque::new() }
    }

    pub(super) fn has_said_hello(&self) -> bool {
        self.dialect.has_said_hello()
    }

    /// Whether something waits to be sent.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes what is there; the buffer has [`ROOM`] for a packet.
    pub(super) fn hear(&mut self, buffer: &mut [u8], now: Duration) -> Heard {
        let mut heard = Heard::default();
        let mut bytes = 0;
        while heard.said.len() < AT_ONCE && bytes < BYTES_AT_ONCE {
            match passing::receive(self.socket.as_fd(), buffer) {
                Ok(Received::Packet { length, descriptors, truncated }) => {
                    bytes += length;
                    match self.take_in(&buffer[..length], descriptors, truncated, now) {
                        Ok(said) => heard.said.push(said),
                        Err(what) => {
                            heard.over = Some(Some(what));
                            break;
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(Received::End) | Err(_) => {
                    heard.over = Some(None);
                    break;
                }
            }
        }
        heard
    }

    fn take_in(
        &mut self,
        bytes: &[u8],
        descriptors: Vec<OwnedFd>,
        truncated: bool,
        now: Duration,
    ) -> Result<Said, String> {
        let count = descriptors.len();
        passing::discard(descriptors);
        let said = self.dialect.hear(bytes, count, truncated)?;
        self.budget.charge(&said, bytes.len(), now)?;
        Ok(said)
    }

    /// Sends a message, now or when the worker reads again. The number that it got; the error is what the worker did.
    pub(super) fn say(&mut self, message: MasterMessage, handle: Option<Arc<OwnedFd>>) -> Result<u64, String> {
        if self.waiting.len() >= MOST_WAITING {
            return Err(format!("it does not read: {MOST_WAITING} messages wait for it"));
        }
        let (seq, bytes) = self.dialect.say(message)?;
        self.waiting.push_back((bytes, handle));
        self.flush()?;
        Ok(seq)
    }

    /// Sends what waits, as far as there is room. The error is why the worker cannot be told, in words.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        while let Some((bytes, handle)) = self.waiting.front() {
            let handles: Vec<_> = handle.iter().map(|handle| handle.as_fd()).collect();
            match passing::send(self.socket.as_fd(), bytes, &handles) {
                Ok(()) => drop(self.waiting.pop_front()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The worker is gone: the end of the channel tells so when it is read.
                Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                    self.waiting.clear();
                }
                // It may be the fault of others that too many descriptors are on their way, but it would wait for ever.
                Err(error) => return Err(format!("it cannot be told anything: {error}")),
            }
        }
        Ok(())
    }

    /// Closes it, with all that was said and not heard.
    pub(super) fn close(self) {
        passing::close(self.socket);
    }
}
