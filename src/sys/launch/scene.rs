//! What a program is to find when it starts.

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::sys::stat::{fstat, stat};
use serde::{Deserialize, Serialize};

use super::{Credentials, World};

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
    /// Variables that are to hold the program's own PID, which nobody knows before.
    pub(crate) pid_variables: Vec<OsString>,
    /// How many descriptors it may have: now, and at most; its world may say otherwise.
    pub(crate) descriptor_limit: Option<(u64, u64)>,
    /// It has the controlling terminal as its standard input, and is in its foreground.
    pub(crate) foreground: bool,
    pub(crate) world: World,
    pub(crate) credentials: Option<Credentials>,
}

/// What is to be executed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Executable {
    /// Whatever the path leads to.
    Path(PathBuf),
    /// A file that is held open; by its path, which gives the process its name, while that leads to it.
    Held { known_as: PathBuf },
}

impl Executable {
    /// The path to execute; none if only the held file will do. Asked as late as can be, since paths may be moved.
    pub(crate) fn path(&self, held: &impl AsFd) -> Option<&Path> {
        match self {
            Executable::Path(path) => Some(path),
            Executable::Held { known_as } => leads_to(known_as, held).then_some(known_as),
        }
    }
}

/// Nobody else can have the number of an inode that is held.
fn leads_to(path: &Path, held: &impl AsFd) -> bool {
    match (stat(path), fstat(held)) {
        (Ok(there), Ok(here)) => (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino),
        _ => false,
    }
}
