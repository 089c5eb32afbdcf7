//! Programs that are run on the side, and ended: hooks, and the commands of checks.
//!
//! An errand has a session of its own and a time limit; what it writes is kept within bounds; at its end, or when nobody
//! waits for it any more, it is killed with all that it has started. Must not know generations nor rollouts.

mod hooks;

pub use hooks::{Hook, Hooks};
