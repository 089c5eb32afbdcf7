//! The deeds: the loop, processes, listeners, the clock.
//!
//! [`Master`] waits for what happens, asks the rules what to do about it, and does it. It must not know why anything
//! is decided, nor that there may be a terminal.

mod assemble;
mod budget;
mod build;
mod builder;
mod channel;
mod checking;
mod declaring;
mod door;
mod faults;
mod handing;
mod handle;
mod hints;
mod hooks;
mod identity;
mod kept;
mod limits;
mod listener;
mod listeners;
mod location;
mod lookups;
mod machine;
mod mishap;
mod node;
mod notifications;
mod open;
mod output;
mod perform;
mod private;
mod processes;
mod programs;
mod prove;
mod queries;
mod ready;
mod recipe;
mod recipes;
mod release;
mod release_error;
mod report;
mod rescue;
mod shares;
#[cfg(feature = "control")]
pub(crate) mod snapshot;
mod spare;
mod start;
mod steer;
mod token;
mod wording;

pub use crate::dialects::node::NodeOptions;
pub use crate::dialects::{Dialect, Evidence, StopSignal};
pub use crate::sys::launch::{Bounds, CredentialsError, Limit, World};
pub use build::Build;
pub use builder::{Builder, StartError};
pub use handle::Handle;
pub use machine::{Master, RunError};
#[doc(hidden)]
pub use mishap::kill_worker;
pub use open::{Declaration, ListenError};
pub use recipe::Recipe;
pub use release::Release;
pub use release_error::ReleaseError;
pub use report::{Deed, Notices, Report, Stream, What};
#[cfg(feature = "control")]
pub(crate) use wording::shown;

use crate::sys;

/// What the hidden verb of the program `heirloom` does: sets the scene for a worker and becomes it. Returns the exit
/// status if it cannot.
#[doc(hidden)]
pub fn launch() -> i32 {
    sys::launch::become_program()
}

/// The hidden verb itself.
#[doc(hidden)]
pub const LAUNCH: &str = sys::launch::VERB;
