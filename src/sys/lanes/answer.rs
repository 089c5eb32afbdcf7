//! Programs that give one answer, whoever asks: loaded once, and shared by all groups of all listeners.
//!
//! The kernel compiles a program of a group's own anew each time that it is put in force, which takes ten microseconds;
//! a shared one takes one. Where we may not load it, each group gets its own as before.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;

use super::{bpf, calls};

/// What was loaded, by its answer; none where we may not.
static LOADED: Mutex<Option<BTreeMap<usize, OwnedFd>>> = Mutex::new(Some(BTreeMap::new()));

/// Puts a shared program in force for the group of this socket; `None` if there is none, and nothing has changed.
pub(super) fn attach(fd: BorrowedFd<'_>, answer: usize) -> Option<()> {
    let mut loaded = LOADED.lock().ok()?;
    let programs = loaded.as_mut()?;
    if let Some(program) = programs.get(&answer) {
        return put_in_force(fd, program.as_fd()).ok();
    }
    if programs.is_empty() && !bpf::is_allowed() {
        *loaded = None;
        return None;
    }
    match bpf::constant(answer) {
        Ok(program) => {
            let done = put_in_force(fd, program.as_fd()).ok();
            programs.insert(answer, program);
            done
        }
        Err(_) => {
            *loaded = None;
            None
        }
    }
}

/// Puts a program in force for the group of this socket, at once.
pub(super) fn put_in_force(fd: BorrowedFd<'_>, program: BorrowedFd<'_>) -> nix::Result<()> {
    calls::set_number(fd, libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_EBPF, program.as_raw_fd())
}
