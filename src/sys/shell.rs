//! A command of the user's, run by the shell in a process group of its own: what it writes, its end, and ending it early.
//!
//! It blocks, so it runs on a thread for that. Knows nothing of what the command is for.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::files;
use super::process::{self, Ended};

/// So long may a command take that was asked to end, in milliseconds.
const END_GRACE: u16 = 1000;
/// So many bytes are taken at once.
const AT_ONCE: usize = 16 * 1024;

/// What is to be run, and where.
pub(crate) struct Shell<'a> {
    pub(crate) command: &'a OsStr,
    pub(crate) directory: &'a Path,
    /// Besides our own.
    pub(crate) environment: &'a BTreeMap<OsString, OsString>,
}

/// The pids of those that run: they are reaped where they were started, and nowhere else.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Whether this is a command that somebody waits for.
pub(crate) fn is_running(pid: Pid) -> bool {
    running().contains(&pid.as_raw())
}

/// They change only under this lock.
pub(super) fn running() -> MutexGuard<'static, BTreeSet<i32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shell<'_> {
    /// Runs it to its end; none if somebody closed the other end of `cancelled` before. `output` is a pipe or a terminal:
    /// the end to read from, which does not block, and the end to write to.
    pub(crate) fn run(
        &self,
        output: (OwnedFd, OwnedFd),
        cancelled: BorrowedFd<'_>,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<Option<Ended>> {
        let (ours, theirs) = output;
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(self.command).current_dir(self.directory).envs(self.environment).process_group(0);
        command.stdin(Stdio::null()).stdout(theirs.try_clone()?).stderr(theirs);
        let pid = {
            let mut running = running(); // nobody may look for strangers before we have said that it is none
            let pid = Pid::from_raw(command.spawn()?.id().cast_signed());
            running.insert(pid.as_raw());
            pid
        };
        drop(command); // it holds the end to write to
        let ended = wait(pid, ours.as_fd(), cancelled, &mut take);
        // What it has left of its group ends with it.
        let _ = killpg(pid, Signal::SIGKILL); // mostly, nothing is left
        let mut running = running();
        let reaped = process::open(pid).and_then(|process| process::reap(process.as_fd()));
        running.remove(&pid.as_raw());
        match ended? {
            Waited::Ended => reaped,
            Waited::Cancelled => Ok(None),
        }
    }
}

enum Waited {
    Ended,
    Cancelled,
}

fn wait(
    pid: Pid,
    output: BorrowedFd<'_>,
    cancelled: BorrowedFd<'_>,
    take: &mut impl FnMut(&[u8]),
) -> io::Result<Waited> {
    let process = process::open(pid)?;
    let mut open = true;
    loop {
        let watched = if open { output } else { process.as_fd() };
        let mut watched = [process.as_fd(), cancelled, watched].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut watched, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => continue,
            other => other?,
        };
        let [ended, stop, written] = watched.map(|it| it.revents().is_some_and(|found| !found.is_empty()));
        if stop {
            end(pid, process.as_fd());
            return Ok(Waited::Cancelled);
        }
        if open && written {
            open = read(output, take);
        }
        if ended {
            while open && has_more(output) {
                open = read(output, take);
            }
            return Ok(Waited::Ended);
        }
    }
}

/// Asks it to end, and ends it. Nobody may be left when the next one begins.
fn end(pid: Pid, process: BorrowedFd<'_>) {
    let _ = killpg(pid, Signal::SIGTERM); // it may have ended by itself
    let mut watched = [PollFd::new(process, PollFlags::POLLIN)];
    let _ = poll(&mut watched, PollTimeout::from(END_GRACE)); // interrupted or not, it ends now
    let _ = killpg(pid, Signal::SIGKILL);
    let _ = poll(&mut watched, PollTimeout::NONE); // killed, it ends
}

fn has_more(output: BorrowedFd<'_>) -> bool {
    let mut watched = [PollFd::new(output, PollFlags::POLLIN)];
    poll(&mut watched, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// Takes what is there; whether more may come.
fn read(output: BorrowedFd<'_>, take: &mut impl FnMut(&[u8])) -> bool {
    let mut buffer = [0; AT_ONCE];
    match files::read(output, &mut buffer) {
        Ok(0) => false,
        Ok(count) => {
            take(&buffer[..count]);
            true
        }
        Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, cancelled: BorrowedFd<'_>, mut take: impl FnMut(&[u8])) -> (Option<Ended>, String) {
        let mut said = Vec::new();
        let shell = Shell { command: OsStr::new(command), directory: Path::new("/"), environment: &BTreeMap::new() };
        let ended = shell.run(files::pipe().expect("a pipe"), cancelled, |bytes| {
            said.extend_from_slice(bytes);
            take(bytes);
        });
        (ended.expect("it runs"), String::from_utf8(said).expect("text"))
    }

    #[test]
    fn both_streams_and_the_status_come_back() {
        let (never, _keep) = io::pipe().expect("a pipe");
        let (ended, said) = run("echo $0 out; echo err >&2; exit 7", never.as_fd(), |_| {});
        assert_eq!((ended, said.as_str()), (Some(Ended::Status(7)), "/bin/sh out\nerr\n"));
    }

    #[test]
    fn what_it_left_running_is_not_waited_for_and_ends_with_it() {
        let (never, _keep) = io::pipe().expect("a pipe");
        let (ended, said) = run("sleep 1000 & echo $!", never.as_fd(), |_| {});
        assert_eq!(ended, Some(Ended::Status(0)));
        let left = Pid::from_raw(said.trim().parse().expect("a pid"));
        let stat = || std::fs::read_to_string(format!("/proc/{left}/stat")).unwrap_or_default();
        // Its parent is gone, so it is reaped by whoever adopts it; until then it is a zombie at most.
        while !stat().is_empty() && !stat().contains(" Z ") {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_command_that_is_cancelled_ends_with_all_that_it_started() {
        let (cancelled, cancel) = io::pipe().expect("a pipe");
        let mut cancel = Some(cancel);
        let script = "trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep 1000; done' & echo begun; wait; wait";
        let (ended, said) = run(script, cancelled.as_fd(), |_| drop(cancel.take()));
        assert_eq!((ended, said.as_str()), (None, "begun\n"));
    }
}
