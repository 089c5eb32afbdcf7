//! How a program is given its handles and says that it is ready: one pure state machine a worker.
//!
//! Given bytes and a number of descriptors, it says what the worker said, and what to send. It knows no socket, no
//! task and no rollout.

#[allow(dead_code, reason = "the master is what uses it")]
mod notify;
mod query;

#[allow(unused_imports, reason = "the master is what uses them")]
pub(crate) use notify::{Notification, State, Store, Watchdog};
pub(crate) use query::{QueryDialect, Said};
