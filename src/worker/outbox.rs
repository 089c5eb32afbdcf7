//! What a worker says, in order, without ever waiting for the channel.
//!
//! A packet that does not fit into the channel now waits here until the reader's thread finds room for it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::membership::lock;
use crate::protocol::{Packet, WorkerMessage, frame};
use crate::sys::passing;
use crate::sys::readiness::{Interest, Signal, wait};

/// So many messages that need not leave may do so in a second.
const MOST_A_SECOND: u32 = 100;

/// A message did not leave, and will not.
#[derive(Debug)]
pub(super) struct Undelivered;

#[derive(Debug)]
pub(super) struct Outbox {
    channel: OwnedFd,
    /// Raised when a packet has begun to wait.
    wake: Signal,
    queue: Mutex<Queue>,
}

/// The next number, and what waits, are changed together: so numbers leave in order.
#[derive(Debug, Default)]
struct Queue {
    next: u64,
    waiting: VecDeque<Vec<u8>>,
    pace: Pace,
    is_closed: bool,
}

/// How many messages have left since when, of those that need not leave.
#[derive(Debug, Default)]
struct Pace {
    since: Option<Instant>,
    count: u32,
}

impl Outbox {
    pub(super) fn new(channel: OwnedFd) -> io::Result<Self> {
        Ok(Self { channel, wake: Signal::new()?, queue: Mutex::default() })
    }

    pub(super) fn channel(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }

    /// Sends a message now or later, and says its number.
    pub(super) fn post(&self, message: &WorkerMessage) -> Result<u64, Undelivered> {
        let mut queue = lock(&self.queue);
        let (seq, bytes) = queue.number(message)?;
        match self.try_send(&queue, &bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                queue.waiting.push_back(bytes);
                self.wake.raise();
            }
            Err(_) => return Err(Undelivered),
        }
        Ok(seq)
    }

    /// Sends a message now or never: a master that is told more than it can hear would end this worker.
    pub(super) fn post_if_there_is_room(&self, message: &WorkerMessage) {
        let mut queue = lock(&self.queue);
        if !queue.pace.allows(Instant::now()) {
            return;
        }
        if let Ok((_, bytes)) = queue.number(message) {
            let _ = self.try_send(&queue, &bytes);
        }
    }

    /// Waits until there is something to receive; meanwhile sends what waits, as there is room for it.
    pub(super) fn wait_for_word(&self) -> io::Result<()> {
        loop {
            let interest = match lock(&self.queue).waiting.is_empty() {
                true => Interest::Readable,
                false => Interest::ReadableOrWritable,
            };
            let [channel, wake] = wait([(self.channel(), interest), (self.wake.as_fd(), Interest::Readable)])?;
            if wake.readable {
                self.wake.clear();
            }
            if channel.writable {
                self.send_waiting();
            }
            if channel.readable {
                return Ok(());
            }
        }
    }

    /// From now on nothing leaves.
    pub(super) fn close(&self) {
        let mut queue = lock(&self.queue);
        queue.is_closed = true;
        queue.waiting.clear();
    }

    fn try_send(&self, queue: &Queue, bytes: &[u8]) -> io::Result<()> {
        match queue.waiting.is_empty() {
            true => passing::send_now(self.channel(), bytes),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn send_waiting(&self) {
        let mut queue = lock(&self.queue);
        while let Some(bytes) = queue.waiting.front() {
            if passing::send_now(self.channel(), bytes).is_err() {
                return;
            }
            queue.waiting.pop_front();
        }
    }
}

impl Queue {
    fn number(&mut self, message: &WorkerMessage) -> Result<(u64, Vec<u8>), Undelivered> {
        if self.is_closed {
            return Err(Undelivered);
        }
        let packet = Packet { seq: self.next, message: message.clone() };
        let bytes = frame::encode(&packet).map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "a message to the master is not sent");
            Undelivered
        })?;
        self.next += 1;
        Ok((packet.seq, bytes))
    }
}

impl Pace {
    fn allows(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.duration_since(since) >= Duration::from_secs(1)) {
            *self = Self { since: Some(now), count: 0 };
        }
        self.count += 1;
        self.count <= MOST_A_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_need_not_leave_does_so_a_hundred_times_a_second() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let mut allowed = |now| (0..1000).filter(|_| pace.allows(now)).count();
        assert_eq!(allowed(start), 100);
        assert_eq!(allowed(start + Duration::from_millis(999)), 0);
        assert_eq!(allowed(start + Duration::from_secs(1)), 100);
    }
}
