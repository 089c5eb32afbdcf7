//! Finding a program and holding its file. Reads the file system.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::release_error::ReleaseError;

/// Where a program is: in PATH, or in the directory.
pub(super) fn locate(name: &OsStr, directory: &Path, path: Option<&OsString>) -> Result<PathBuf, ReleaseError> {
    if name.as_bytes().contains(&b'/') {
        return Ok(directory.join(name));
    }
    let path = path.cloned().unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let executable =
        |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    std::env::split_paths(&path)
        .map(|entry| directory.join(entry).join(name))
        .find(executable)
        .ok_or_else(|| ReleaseError::NotInPath { name: name.into(), path: path.to_string_lossy().into_owned() })
}

/// A program may be executable but not readable: then O_PATH holds it all the same.
pub(super) fn open_to_hold(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::open(path).or_else(|_| {
        let flags = nix::fcntl::OFlag::O_PATH.bits();
        File::options().read(true).custom_flags(flags).open(path)
    })
}

/// Its first line, if it is a script.
pub(super) fn beginning_of(file: &mut File) -> Vec<u8> {
    let mut beginning = Vec::new();
    let _ = file.take(256).read_to_end(&mut beginning); // what cannot be read is no script
    let _ = file.rewind(); // nobody reads on from here
    beginning
}
