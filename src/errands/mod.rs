//! Programs that are run on the side, and ended: hooks, and the commands of checks.
//!
//! An errand has a session of its own and a time limit, and is ended with all that it has started when nobody waits for it
//! any more. It blocks, so it runs on a thread for that. Must not know generations nor rollouts.

mod errand;
mod hooks;

pub(crate) use errand::{Errand, Fault, Scenery};
pub use hooks::{Hook, Hooks};
