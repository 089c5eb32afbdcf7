//! A load client that sorts every request by how it ended: for tests, benches and demonstrations of a reload.
//!
//! It never retries, and it judges by what happened on the socket: nothing here trusts an error's text. It goes to the
//! loopback and to Unix sockets only, and it knows nothing of masters, workers and generations.
//!
//! - [`Load`]: clients in a closed loop, from [`Load::start`] to [`Load::stop`].
//! - [`Burst`]: many connections at one instant, a request on each.
//! - [`Held`]: one request that is under way for as long as the caller wants.
//!
//! Each runs on a thread and a runtime of its own, so that it can be used from any test; [`Plan`] says what they do.

mod apart;
mod burst;
mod client;
mod connection;
mod course;
mod frames;
mod held;
mod journal;
mod latency;
mod ledger;
mod outcome;
mod pause;
mod plan;
mod run;
mod tally;
mod target;
#[cfg(test)]
mod tests;
mod wire;

pub use apart::StartError;
pub use burst::Burst;
pub use held::{Held, HoldError};
pub use journal::{Entry, Journal};
pub use latency::Latency;
pub use ledger::Overdue;
pub use outcome::{Failure, Outcome};
pub use pause::Pause;
pub use plan::{Manner, Plan};
pub use run::Load;
pub use tally::Tally;
pub use target::Target;
