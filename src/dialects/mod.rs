//! How a program is given its handles and says that it is ready: one pure state machine a worker.
//!
//! Given bytes and a number of descriptors, it says what the worker said, and what to send. It knows no socket, no
//! task and no rollout.

mod query;

pub(crate) use query::{QueryDialect, Said};
