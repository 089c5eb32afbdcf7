//! Starting a program: by a launcher, which sets the scene and then becomes the program, or directly.
//!
//! The master never runs code between fork and exec, so starting costs the same however large the master is. The
//! launcher is this very program under a hidden verb: its standard input is a socket over which the scene comes and
//! errors go back; when that socket ends without a word, exec has succeeded. Until its scene comes it waits, so that one
//! can be started before it is needed.

mod become_program;
mod credentials;
mod launcher;
mod scene;
mod start;
mod starter;
mod world;

pub(crate) use become_program::become_program;
pub(crate) use credentials::Credentials;
pub use credentials::CredentialsError;
pub(crate) use launcher::Launcher;
pub(crate) use scene::{Executable, Scene};
pub(crate) use start::{Launched, Outlets, start_directly};
pub(crate) use starter::Starter;
pub use world::{Bounds, Limit, World};

/// The hidden verb.
pub(crate) const VERB: &str = "__launch";
/// The status of a launcher that could not become the program.
pub(crate) const FAILED: i32 = 127;
