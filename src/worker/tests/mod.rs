//! A worker and a master that the test plays: what is said, and what the application sees of it.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{self, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

use super::membership::Identity;
use super::*;
use crate::protocol::environment::{self, ChannelName};
use crate::protocol::{Address, MAX_PACKET, MasterMessage, Packet, WorkerMessage, frame};
use crate::sys::passing::{self, Received};

mod alone;
mod connections;
mod joining;
mod listening;
mod stages;

/// Longer than anything here takes; only a test that fails waits for it.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// The master's end of a channel.
pub(crate) struct Master {
    channel: OwnedFd,
    said: u64,
}

/// A master and its worker, which has said hello.
pub(crate) fn joined() -> (Master, Worker) {
    let (master, channel) = Master::new();
    let identity = Identity { id: Some(7), generation: Some(2), slot: Some(0) };
    let worker = Worker::over(channel, identity).unwrap();
    assert!(matches!(master.heard(), WorkerMessage::Hello { version: 1, .. }));
    (master, worker)
}

impl Master {
    fn new() -> (Self, OwnedFd) {
        let (channel, theirs) = passing::pair().unwrap();
        setsockopt(&channel, sockopt::ReceiveTimeout, &TimeVal::new(LIMIT.as_secs() as i64, 0)).unwrap();
        (Self { channel, said: 0 }, theirs)
    }

    /// The next message, with its number.
    pub(crate) fn packet(&self) -> Packet<WorkerMessage> {
        let mut buffer = vec![0; MAX_PACKET];
        match passing::receive(self.channel.as_fd(), &mut buffer).expect("the worker says something") {
            Received::Packet { length, descriptors, truncated: false } => {
                frame::decode(&buffer[..length], descriptors.len()).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn heard(&self) -> WorkerMessage {
        self.packet().message
    }

    /// The number and the address of the next query.
    fn asked(&self) -> (u64, Address) {
        match self.packet() {
            Packet { seq, message: WorkerMessage::QueryServer(query) } => (seq, Address::try_from(&query).unwrap()),
            other => panic!("{other:?} is no query"),
        }
    }

    /// Says something, and tells its number.
    pub(crate) fn say(&mut self, message: MasterMessage) -> u64 {
        self.say_with(message, &[])
    }

    pub(crate) fn say_with(&mut self, message: MasterMessage, beside: &[BorrowedFd<'_>]) -> u64 {
        let seq = self.said;
        self.said += 1;
        self.send(&frame::encode(&Packet { seq, message }).unwrap(), beside);
        seq
    }

    fn send(&self, bytes: &[u8], beside: &[BorrowedFd<'_>]) {
        passing::send(self.channel.as_fd(), bytes, beside).unwrap();
    }

    /// Grants the next query this listener.
    fn grant(&mut self, listener: &impl AsFd) -> Address {
        let (ack, address) = self.asked();
        self.say_with(MasterMessage::Granted { ack, key: "http".into() }, &[listener.as_fd()]);
        address
    }

    fn refuse(&mut self, errno: i32, message: &str) {
        let (ack, _) = self.asked();
        self.say(MasterMessage::Refused { ack, errno, message: message.into() });
    }

    /// Waits until the worker has heard everything: it answers in order.
    pub(crate) fn is_heard(&mut self) {
        let nothing = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let seq = self.say_with(MasterMessage::NewConn { key: "sync".into() }, &[nothing.as_fd()]);
        assert_eq!(self.heard(), WorkerMessage::Accepted { ack: seq, accepted: false });
    }
}

/// A listener as a master opens it.
pub(crate) fn listener() -> net::TcpListener {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

/// Starts one of these tests again, in a process of its own, to play `part` there.
fn again(test: &str, part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("worker::tests::{test}")]).env(PART, part);
    command
}

/// Says to a test that was started again what it plays.
const PART: &str = "HEIRLOOM_TEST_PART";

/// Waits for a future, but not for ever.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future).await.expect("this comes in time")
}
