//! Processes: told apart by a pidfd, never by a pid, which may be a stranger's once its owner is reaped.

#![allow(unsafe_code, reason = "pidfd_open, pidfd_send_signal and prctl have no safe wrapper in nix")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// How a process ended, as the kernel tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Status(i32),
    Signal(Signal),
}

/// Whether nobody has reaped the process yet, so that its pid is its own.
#[cfg(feature = "control")]
pub(crate) fn is_unreaped(process: BorrowedFd<'_>) -> bool {
    let (fd, nothing) = (process.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
    // SAFETY: signal 0 is no signal; the call takes numbers and a null pointer.
    unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, 0, nothing, 0) == 0 }
}

/// A descriptor for a process that is our child, or whose start time is checked afterwards.
pub(crate) fn open(pid: Pid) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and gives a new descriptor (close-on-exec) or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let fd = i32::try_from(fd).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor; nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends a signal to exactly that process. That it is gone already is no error.
pub(crate) fn signal(process: BorrowedFd<'_>, signal: Signal) -> io::Result<()> {
    let nothing: *const libc::siginfo_t = std::ptr::null();
    // SAFETY: a null siginfo means that the kernel fills one in as for kill(2); the descriptor is borrowed for the call.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal as i32, nothing, 0) };
    match sent {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            gone if gone.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            error => Err(error),
        },
    }
}

/// Reaps a child, if it has ended.
pub(crate) fn reap(process: BorrowedFd<'_>) -> io::Result<Option<Ended>> {
    let status = waitid(Id::PIDFd(process.as_fd()), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG)?;
    Ok(ended(status))
}

/// Ends a child at once. A process that is not our child, or not any more, is left alone.
pub(crate) fn kill_child(pid: Pid) -> io::Result<()> {
    let process = open(pid)?;
    // The pidfd is of one process for good, and only of our own children can one ask this.
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::PIDFd(process.as_fd()), flags)?;
    signal(process.as_fd(), Signal::SIGKILL)
}

/// Ends a child that has nothing to finish, and reaps it.
pub(crate) fn end(process: BorrowedFd<'_>) -> io::Result<()> {
    signal(process, Signal::SIGKILL)?;
    waitid(Id::PIDFd(process), WaitPidFlag::WEXITED)?;
    Ok(())
}

/// A child that has ended and is not reaped yet.
pub(crate) fn any_ended() -> io::Result<Option<Pid>> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::All, flags) {
        Ok(status) => Ok(status.pid()),
        Err(nix::errno::Errno::ECHILD) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Reaps a child that we did not start.
pub(crate) fn reap_stranger(pid: Pid) -> io::Result<()> {
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG)?;
    Ok(())
}

/// From now on, what our descendants leave behind becomes our child.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    // SAFETY: prctl(PR_SET_CHILD_SUBREAPER) reads one integer.
    match unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn ended(status: WaitStatus) -> Option<Ended> {
    match status {
        WaitStatus::Exited(_, status) => Some(Ended::Status(status)),
        WaitStatus::Signaled(_, signal, _) => Some(Ended::Signal(signal)),
        WaitStatus::Stopped(..)
        | WaitStatus::PtraceEvent(..)
        | WaitStatus::PtraceSyscall(_)
        | WaitStatus::Continued(_)
        | WaitStatus::StillAlive => None,
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn child(script: &str) -> (OwnedFd, std::process::Child) {
        let child = Command::new("sh").arg("-c").arg(script).stdin(Stdio::piped()).spawn().expect("sh starts");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        (open(pid).expect("a pidfd"), child)
    }

    fn wait(process: BorrowedFd<'_>) -> Ended {
        let mut watched = [nix::poll::PollFd::new(process, nix::poll::PollFlags::POLLIN)];
        nix::poll::poll(&mut watched, nix::poll::PollTimeout::NONE).expect("poll");
        reap(process).expect("reap").expect("it has ended")
    }

    #[test]
    fn a_status_and_a_signal_are_told_apart() {
        let (process, _child) = child("exit 7");
        assert_eq!(wait(process.as_fd()), Ended::Status(7));
        let (process, _child) = child("read wait");
        assert_eq!(reap(process.as_fd()).expect("reap"), None);
        signal(process.as_fd(), Signal::SIGKILL).expect("kill");
        assert_eq!(wait(process.as_fd()), Ended::Signal(Signal::SIGKILL));
        signal(process.as_fd(), Signal::SIGKILL).expect("a process that is gone is no error");
    }

    #[test]
    fn only_a_child_is_killed() {
        let (process, child) = child("read wait");
        kill_child(Pid::from_raw(child.id().cast_signed())).expect("kill");
        assert_eq!(wait(process.as_fd()), Ended::Signal(Signal::SIGKILL));
        let parent = nix::unistd::getppid();
        let error = kill_child(parent).expect_err("it is not our child");
        assert_eq!(error.raw_os_error(), Some(libc::ECHILD));
    }
}
