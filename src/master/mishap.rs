//! What may happen to a worker, done on purpose: for demonstrations.

use std::io;

use nix::unistd::Pid;

use crate::sys::process;

/// Kills a worker of a master in this process, as the system does when memory runs out.
///
/// # Errors
/// When there is no such child of this process.
#[doc(hidden)]
pub fn kill_worker(pid: u32) -> io::Result<()> {
    process::kill_child(Pid::from_raw(pid.cast_signed()))
}
