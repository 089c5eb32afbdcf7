//! The node dialect: Node's own cluster protocol, as its primary speaks it, so that an unmodified script is a worker.
//!
//! A stream of JSON lines with at most one descriptor beside each. [`Conversation`] is one worker's side of it: bytes in,
//! what the worker said and what is to be sent out. It knows no socket; a descriptor is whatever the caller says it is.

mod command;
mod conversation;
mod lines;
mod message;
mod options;
mod readiness;
mod reply;
#[cfg(test)]
mod tests;

pub(crate) use command::{Preload, Start};
pub(crate) use conversation::{Conversation, Next, Said};
pub(crate) use message::Server;
pub use options::NodeOptions;
pub(crate) use readiness::{Servers, Verdict};
pub(crate) use reply::{Place, Refusal};
