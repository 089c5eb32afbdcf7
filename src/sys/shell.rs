//! A command of the user's, run by the shell in a process group of its own: what it writes, its end, and ending it early.
//!
//! It blocks, so it runs on a thread for that. Knows nothing of what the command is for.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::unistd::Pid;

use super::errand::{Outcome, Patience, attend};
use super::launch::Launched;
use super::process::{self, Ended};

/// A command takes as long as it takes; when it is asked to end, a second.
const PATIENCE: Patience = Patience { time: Duration::MAX, grace: Duration::from_secs(1) };

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
        let start = move || {
            let pid = Pid::from_raw(command.spawn()?.id().cast_signed());
            Ok(Launched { pid, process: process::open(pid)?, launcher: None })
        };
        // What it has left outside of its group, such as a compiler's server, is there for the next one as well.
        match attend(None, start, ours, cancelled, PATIENCE, &mut take)? {
            Outcome::Ended(ended) => Ok(Some(ended)),
            Outcome::Cancelled | Outcome::TooLong => Ok(None),
            Outcome::NotStarted(why) => Err(io::Error::other(why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::sys::files;

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
    fn a_command_that_is_cancelled_ends_with_its_group() {
        let (cancelled, cancel) = io::pipe().expect("a pipe");
        let mut cancel = Some(cancel);
        let script = "trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep 1000; done' & echo begun; wait; wait";
        let (ended, said) = run(script, cancelled.as_fd(), |_| drop(cancel.take()));
        assert_eq!((ended, said.as_str()), (None, "begun\n"));
    }
}
