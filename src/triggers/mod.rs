//! What asks for changes: each trigger is a task with a [`crate::master::Handle`]. They know neither each other nor the
//! master's state.

mod signals;
#[cfg(feature = "program")]
pub mod watch;

pub use signals::{Signals, SignalsError};
