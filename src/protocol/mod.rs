//! The query protocol: what a worker and its master say to each other, and in which bytes.
//!
//! It owns the addresses, the messages, the limits of a packet and the names in the environment. It must
//! not know sockets, async code or generations: whoever speaks it brings those.

mod address;
pub mod environment;
pub mod frame;
mod matching;
mod message;
mod query;

pub use address::{Address, AddressError, Host};
pub use frame::{MAX_DESCRIPTORS, MAX_PACKET, Malformed};
pub use matching::{Declared, Match, choose};
pub use message::{MAX_TEXT, MasterMessage, Message, Packet, Status, WorkerMessage};
pub use query::{AddressType, Query, QueryError};

/// The version of the protocol that `hello` names.
pub const VERSION: u32 = 1;
