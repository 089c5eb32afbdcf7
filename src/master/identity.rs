//! Which version of a file it is.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What tells one version of a file from another. Not when its inode changed: links and modes are no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// What has become of a file.
pub(super) enum Became {
    TheSame,
    Rewritten,
    Another,
    Gone,
}

impl Identity {
    pub(super) fn of(file: &Metadata) -> Identity {
        let modified = (file.mtime(), file.mtime_nsec());
        Identity { device: file.dev(), inode: file.ino(), size: file.size(), modified }
    }

    pub(super) fn now_at(&self, path: &Path) -> Became {
        match fs::metadata(path).map(|file| Identity::of(&file)) {
            Ok(now) if now == *self => Became::TheSame,
            Ok(now) if (now.device, now.inode) == (self.device, self.inode) => Became::Rewritten,
            Ok(_) => Became::Another,
            Err(_) => Became::Gone,
        }
    }
}
