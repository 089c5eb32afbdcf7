//! What a program is to find when it starts.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Everything about a process before its first instruction, but for its standard output and error.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Scene {
    pub(crate) executable: Executable,
    /// From argument 0 on.
    pub(crate) arguments: Vec<OsString>,
    /// All of it: nothing is inherited.
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) directory: PathBuf,
    /// So many descriptors follow; the program finds them from 3 on.
    pub(crate) descriptors: usize,
    /// A variable that is to hold the program's own PID, which nobody knows before.
    pub(crate) pid_variable: Option<OsString>,
    /// How many descriptors it may have: now, and at most.
    pub(crate) descriptor_limit: Option<(u64, u64)>,
}

/// What is to be executed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Executable {
    /// Whatever the path leads to.
    Path(PathBuf),
    /// A file that is held open, because its path leads elsewhere by now.
    Held,
}
