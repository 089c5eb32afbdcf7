//! A thread and a runtime apart from the caller's, so that a load can be used from any test, async or not.
//! It knows nothing of what runs there.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime;

use super::target::Target;

/// Why a load did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A load goes to this machine only.
    #[error("{target} is not on the loopback")]
    NotLoopback {
        /// Where it should have gone.
        target: Target,
    },
    /// The path cannot be asked for.
    #[error("{path:?} is not the path of a request")]
    BadPath {
        /// What was given.
        path: String,
    },
    /// The system gave no thread or no runtime.
    #[error("cannot start the load's thread")]
    Thread(#[source] io::Error),
}

/// Runs `work` on a thread of its own.
pub(super) fn run_apart<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
    thread::Builder::new()
        .name("heirloom-load".to_owned())
        .spawn(move || runtime.block_on(work))
        .map_err(StartError::Thread)
}

/// What the thread came to.
pub(super) fn join<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("the load's thread does not panic")
}
