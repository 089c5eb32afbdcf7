//! Where there are no masters: nothing here is ever made, so every worker is alone.
//!
//! It has the shape of `link.rs`, and must not know more than that.

#![allow(dead_code, reason = "it only has the shape of what is elsewhere")]

use std::io;

use super::connections::Socket;
use super::joining::JoinError;
use super::membership::Identity;
use super::{ListenError, Worker};
use crate::protocol::environment::ChannelName;
use crate::protocol::{Address, WorkerMessage};

/// The way to a master that there cannot be.
#[derive(Debug)]
pub(super) enum Link {}

/// A channel that nobody opens.
#[derive(Debug)]
pub(super) enum Channel {}

/// A message did not leave.
#[derive(Debug)]
pub(super) struct Undelivered;

/// A handle that nobody grants.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) key: String,
    pub(super) socket: Socket,
    pub(super) is_blocking: bool,
}

/// Nothing waits for it here: a blocking call notices a drain at its next connection.
#[derive(Debug)]
pub(super) struct Drained;

pub(super) fn take_channel(_: ChannelName) -> io::Result<Option<Channel>> {
    Ok(None)
}

impl Worker {
    pub(super) fn over(channel: Channel, _: Identity) -> Result<Self, JoinError> {
        match channel {}
    }
}

impl Link {
    pub(super) fn post(&self, _: &WorkerMessage) -> Result<u64, Undelivered> {
        match *self {}
    }

    pub(super) fn post_if_there_is_room(&self, _: &WorkerMessage) {
        match *self {}
    }

    pub(super) async fn query(&self, _: &Address) -> Result<Handle, ListenError> {
        match *self {}
    }
}

impl Drained {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) fn raise(&self) {}

    pub(super) fn or_connection<L>(&self, _: &L) -> io::Result<bool> {
        Ok(true)
    }
}
