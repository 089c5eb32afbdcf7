//! The control socket's file: who may connect, who has it already, and taking it away in the end.

use std::fs::{DirBuilder, File, Permissions, set_permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::Path;
use std::time::Duration;

use super::lanes::{Endpoint, LaneId, Lanes, OpenError, Options, lock};

/// Who else opens one in the same directory does so in no time. Nobody can keep us waiting for longer than this.
const TRIES: u32 = 100;
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// A control socket; its path goes when this does, if it is still ours.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    /// One socket that is never steered. Until it listens, its mode is already what it is to be.
    lanes: Lanes,
}

impl ControlSocket {
    /// Opens one for this user alone, or for a group as well. What nobody listens on any more is replaced.
    pub(crate) fn open(path: &Path, group: Option<u32>) -> Result<ControlSocket, OpenError> {
        // Two masters that find the same stale socket must not both replace it.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let directory = File::open(parent).ok();
        let locked = |directory: &File| {
            (0..TRIES).any(|_| {
                lock(directory).is_ok() || {
                    std::thread::sleep(TRY_AGAIN);
                    false
                }
            })
        };
        let _is_locked = directory.as_ref().is_some_and(locked);
        let options = Options { lanes: 1, mode: Some(0o600), ..Options::default() };
        let lanes = Lanes::open(&Endpoint::Unix(path.to_owned()), &options)?;
        if let Some(group) = group {
            let call = |source| OpenError::Call { at: Endpoint::Unix(path.to_owned()), doing: "chown", source };
            chown(path, None, Some(group))
                .and_then(|()| set_permissions(path, Permissions::from_mode(0o660)))
                .map_err(call)?;
        }
        Ok(ControlSocket { lanes })
    }

    /// A copy of the descriptor, to accept from.
    pub(crate) fn listener(&self) -> io::Result<OwnedFd> {
        self.lanes.handle(LaneId(0)).as_fd().try_clone_to_owned()
    }
}

/// Makes a directory for control sockets, if it is not there.
pub(crate) fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
