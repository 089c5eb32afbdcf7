//! Asking a master over its control socket. One connection for each question; nothing waits longer than it is told to.

mod ask;
mod error;
mod events;

pub use ask::{Answered, Client};
pub use error::{AskError, ConnectError, Unreachable};
pub use events::Events;
