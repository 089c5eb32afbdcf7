//! How a program is given its handles and says that it is ready: one pure state machine a worker.
//!
//! Given bytes and a number of descriptors, it says what the worker said, and what to send. It knows no socket, no
//! task and no rollout.

pub(crate) mod node;
mod notify;
mod placeholders;
mod proof;
mod query;
mod stop_signal;
mod watch;

pub(crate) use notify::{Notification, State, Watchdog};
pub(crate) use placeholders::{Filling, Place, asks_for_a_descriptor};
pub use proof::{Dialect, Evidence};
pub(crate) use proof::{Proof, Speaks};
pub(crate) use query::{QueryDialect, Said};
pub use stop_signal::StopSignal;
pub(crate) use watch::Watch;
