//! A pipe with a name, by which a test says when workers may go on.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;

/// A worker that conducts itself as `wait` opens it before it is ready, and that waits for somebody to write.
pub(crate) struct Gate(PathBuf);

/// As long as this is there, all may pass.
pub(crate) struct Open {
    _pipe: File,
}

impl Gate {
    pub(crate) fn in_directory(place: &Path) -> Gate {
        let path = place.join("gate");
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("a pipe");
        Gate(path)
    }

    /// Lets one in, when it has come.
    pub(crate) fn let_one_in(&self) {
        drop(File::options().write(true).open(&self.0).expect("the pipe is there"));
    }

    /// Lets everybody in, whether they wait already or come later.
    #[must_use]
    pub(crate) fn open(&self) -> Open {
        // For both directions, this does not wait for the other side.
        Open { _pipe: File::options().read(true).write(true).open(&self.0).expect("the pipe is there") }
    }
}
