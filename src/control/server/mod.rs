//! The master's side of the control socket: HTTP/1.1 on a Unix socket, in tasks beside the loop.
//!
//! Whoever is slow, silent or rude costs only himself: connections, waiting callers and event streams are bounded each,
//! nothing is kept for a reader, and what may block happens on other threads.

mod admission;
mod answer;
mod asking;
mod assemble;
mod chronicle;
mod commands;
mod connection;
#[cfg(test)]
mod description;
mod groups;
mod health;
mod listeners;
mod metrics;
mod office;
mod open;
mod outcome;
mod peer;
mod proving;
mod ring;
mod routes;
mod serving;
mod stream;

pub use groups::{UnknownGroup, group};
pub use open::{OpenError, Server};
pub use serving::{Serving, serve};
