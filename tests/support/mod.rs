//! What the integration tests share: real masters, their notices, clients, and what is left of a master when it is gone.
//!
//! Nothing here sleeps: it waits for a notice, a line, an end of file, or the end of a process, with one generous limit.
#![allow(dead_code, unused_imports, reason = "each test file uses what it needs")]

mod clients;
mod control;
mod gate;
mod log;
mod master;
mod processes;
mod setup;

pub(crate) use clients::{Who, burst, generation_of, get, load, provoke, who};
pub(crate) use gate::Gate;
pub(crate) use master::Master;
pub(crate) use processes::{
    children_of, descriptors_of, end_all, has_not_ended, marked_processes, spares_of, zombies_of,
};
pub(crate) use setup::{HEIRLOOM, Listening, Setup, test_worker};

/// How long anything may take that the tests wait for.
pub(crate) const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);
