//! What asks for changes: each trigger is a task with a [`crate::master::Handle`]. They know neither each other nor the
//! master's state.

mod keys;
mod signals;
#[cfg(feature = "program")]
pub mod watch;

pub use keys::{Keys, KeysError, Lent};
pub use signals::{Signals, SignalsError};
