//! The thread that listens to the master, and what each of its words changes.
//!
//! It must not wait for anything but the channel, nor trust a packet: what is malformed is logged and ignored.

use std::error::Error;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::Stage;
use super::connections::{Offer, Passed};
use super::link::{Answer, Link};
use super::membership::Shared;
use crate::protocol::{MAX_DESCRIPTORS, MAX_PACKET, Malformed, MasterMessage, Message, Packet, WorkerMessage, frame};
use crate::sys::passing::{self, Received};
use crate::sys::{inherited, readiness};

/// A packet that is within the limits is never cut off.
const _: () = assert!(passing::ROOM >= MAX_DESCRIPTORS);

/// Listens until the channel ends, then does what a worker does whose master is gone.
pub(super) fn read(shared: &Shared) {
    let Some(link) = &shared.link else { return };
    readiness::keep_signals_away();
    if let Err(error) = listen(shared, link) {
        tracing::warn!(error = &error as &dyn Error, "cannot listen to the master any longer");
    }
    link.close();
    shared.lose_the_master();
}

fn listen(shared: &Shared, link: &Link) -> io::Result<()> {
    let mut buffer = vec![0; MAX_PACKET];
    loop {
        let channel = link.wait_for_word()?;
        match passing::receive(channel, &mut buffer) {
            Ok(Received::End) => return Ok(()),
            Ok(Received::Packet { length, descriptors, truncated }) => {
                let beside = Beside { descriptors, truncated };
                if let Err(error) = hear(&buffer[..length], beside, shared, link) {
                    tracing::warn!(error = &error as &dyn Error, "a malformed packet from the master");
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// What came beside a packet.
struct Beside {
    descriptors: Vec<OwnedFd>,
    truncated: bool,
}

impl Beside {
    /// The one descriptor of a message that carries one; an error if others came, which are closed then.
    fn claimed_by(mut self, message: &MasterMessage) -> Result<Option<OwnedFd>, Malformed> {
        let (expected, found) = (message.descriptors(), self.descriptors.len());
        if self.truncated {
            return Err(Malformed::Truncated);
        }
        if found != expected {
            return Err(Malformed::Descriptors { name: message.name().to_owned(), expected, found });
        }
        Ok(self.descriptors.pop())
    }
}

fn hear(bytes: &[u8], beside: Beside, shared: &Shared, link: &Link) -> Result<(), Malformed> {
    let packet = frame::read(bytes)?;
    match beside.claimed_by(&packet.message) {
        Ok(socket) => {
            obey(packet, socket, shared, link);
            Ok(())
        }
        Err(error) => {
            excuse(packet, link);
            Err(error)
        }
    }
}

fn obey(packet: Packet<MasterMessage>, socket: Option<OwnedFd>, shared: &Shared, link: &Link) {
    let claimed = || socket.expect("a whole packet has the descriptor that it carries");
    match packet.message {
        MasterMessage::Promoted => shared.move_to(Stage::promoted),
        MasterMessage::LameDuck { linger_ms } => shared.move_to(|stage| stage.lame(Duration::from_millis(linger_ms))),
        MasterMessage::Resume => shared.move_to(Stage::resumed),
        MasterMessage::Drain { grace_ms } => shared.drain(Duration::from_millis(grace_ms)),
        MasterMessage::Granted { ack, key } => link.answer(ack, Answer::Granted { key, socket: Ok(claimed()) }),
        MasterMessage::Inherited { ack, key, fd } => {
            link.answer(ack, Answer::Granted { key, socket: inherited::take_handle(fd) });
        }
        MasterMessage::Refused { ack, errno, message } => {
            let message = if message.is_empty() { io::Error::from_raw_os_error(errno).to_string() } else { message };
            link.answer(ack, Answer::Refused { errno, message });
        }
        MasterMessage::NewConn { key } => {
            let offer = Offer { seq: packet.seq, passed: Passed { key, socket: claimed() } };
            if let Err(Offer { seq, .. }) = shared.desk.offer(offer) {
                let _ = link.post(&WorkerMessage::Accepted { ack: seq, accepted: false });
            }
        }
        MasterMessage::Unknown { act } => tracing::debug!(act, "a message that this version does not know"),
    }
}

/// Lets nobody wait for what was lost on the way.
fn excuse(packet: Packet<MasterMessage>, link: &Link) {
    match packet.message {
        MasterMessage::Granted { ack, .. }
        | MasterMessage::Inherited { ack, .. }
        | MasterMessage::Refused { ack, .. } => {
            link.answer(ack, Answer::Lost);
        }
        MasterMessage::NewConn { .. } => {
            let _ = link.post(&WorkerMessage::Accepted { ack: packet.seq, accepted: false });
        }
        MasterMessage::Promoted | MasterMessage::LameDuck { .. } | MasterMessage::Resume => {}
        MasterMessage::Drain { .. } | MasterMessage::Unknown { .. } => {}
    }
}
