//! A process that somebody waits for on a thread of his own: what it writes, its end, and ending it early with all that it
//! has started. Knows nothing of what it is for.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::launch::Launched;
use super::passing::{self, Received};
use super::process::{self, Ended};
use super::survivors::{self, Search};
use super::{files, shell};

/// So many bytes are taken at once.
const AT_ONCE: usize = 16 * 1024;
/// Whoever starts others while he is being killed is looked for so often again.
const LOOKS: usize = 10;
/// So long is waited for whom we have killed: on a busy machine it takes a while.
const DYING: Duration = Duration::from_secs(1);

/// How long we wait for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// It is ended after that.
    pub(crate) time: Duration,
    /// And may take so long to end when it is asked to; then it is killed.
    pub(crate) grace: Duration,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ended(Ended),
    /// It was started, but its launcher could not become the program.
    NotStarted(String),
    /// It took too long, and was ended.
    TooLong,
    /// Nobody waited for it any more, and it was ended.
    Cancelled,
}

enum Waited {
    Ended,
    TooLong,
    Cancelled,
}

/// Starts it and waits until it has ended, took too long, or somebody closed the other end of `cancelled`; then it and what
/// it left of its group are no more. `output` is the end to read from, of a pipe or a terminal. Whatever it starts has the
/// `mark`, a variable, if all of it is to end with it.
pub(crate) fn attend(
    mark: Option<String>,
    start: impl FnOnce() -> io::Result<Launched>,
    output: OwnedFd,
    cancelled: BorrowedFd<'_>,
    patience: Patience,
    take: &mut dyn FnMut(&[u8]),
) -> io::Result<Outcome> {
    let Launched { pid, process, launcher } = {
        let mut running = shell::running(); // nobody may look for strangers before we have said that it is none
        let launched = start()?;
        running.insert(launched.pid.as_raw());
        launched
    };
    let waited = wait(process.as_fd(), output.as_fd(), cancelled, patience.time, take);
    if !matches!(waited, Ok(Waited::Ended)) {
        end(pid, process.as_fd(), patience.grace, mark);
    }
    // What it has left of its group ends with it.
    let _ = killpg(pid, Signal::SIGKILL); // mostly, nothing is left
    let mut running = shell::running();
    let reaped = process::reap(process.as_fd());
    running.remove(&pid.as_raw());
    drop(running);
    match waited? {
        Waited::Ended => Ok(match launcher.and_then(why_not_started) {
            Some(why) => Outcome::NotStarted(why),
            None => Outcome::Ended(reaped?.unwrap_or(Ended::Status(0))),
        }),
        Waited::TooLong => Ok(Outcome::TooLong),
        Waited::Cancelled => Ok(Outcome::Cancelled),
    }
}

fn wait(
    process: BorrowedFd<'_>,
    output: BorrowedFd<'_>,
    cancelled: BorrowedFd<'_>,
    time: Duration,
    take: &mut dyn FnMut(&[u8]),
) -> io::Result<Waited> {
    let until = Instant::now().checked_add(time);
    let mut open = true;
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(Waited::TooLong);
        }
        let watched = if open { output } else { process };
        let mut watched = [process, cancelled, watched].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut watched, left.map_or(PollTimeout::NONE, timeout)) {
            Err(nix::errno::Errno::EINTR) => continue,
            other => other?,
        };
        let [ended, stop, written] = watched.map(|it| it.revents().is_some_and(|found| !found.is_empty()));
        if stop {
            return Ok(Waited::Cancelled);
        }
        if open && written {
            open = match read(output, take) {
                Ok(length) => length > 0,
                Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
            };
        }
        if ended {
            while matches!(read(output, take), Ok(1..)) {}
            return Ok(Waited::Ended);
        }
    }
}

/// Rounded up, so that nobody wakes up too early again and again.
fn timeout(left: Duration) -> PollTimeout {
    PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
}

/// Asks it to end, and ends it with its whole session.
fn end(pid: Pid, process: BorrowedFd<'_>, grace: Duration, mark: Option<String>) {
    if !grace.is_zero() {
        let _ = killpg(pid, Signal::SIGTERM); // it may have ended by itself
        let _ = has_ended(process, timeout(grace)); // or it ends now
    }
    let _ = killpg(pid, Signal::SIGKILL);
    let _ = process::signal(process, Signal::SIGKILL); // which may not lead its group yet
    while !has_ended(process, PollTimeout::NONE) {} // killed, it ends
    let Some(mark) = mark else { return };
    let search = Search { sessions: BTreeSet::from([pid.as_raw()]), mark, ..Search::default() };
    for _ in 0..LOOKS {
        let killed = survivors::kill(&search);
        if killed.is_empty() {
            break;
        }
        for process in killed {
            let _ = has_ended(process.as_fd(), timeout(DYING)); // killed, it ends, if not in the kernel's hands
        }
    }
}

/// Whether a process has ended, or does so before the time is over.
fn has_ended(process: BorrowedFd<'_>, wait: PollTimeout) -> bool {
    let mut watched = [PollFd::new(process, PollFlags::POLLIN)];
    poll(&mut watched, wait).is_ok_and(|ready| ready > 0)
}

fn read(output: BorrowedFd<'_>, take: &mut dyn FnMut(&[u8])) -> io::Result<usize> {
    let mut buffer = [0; AT_ONCE];
    let length = files::read(output, &mut buffer)?;
    take(&buffer[..length]);
    Ok(length)
}

fn why_not_started(launcher: OwnedFd) -> Option<String> {
    let mut buffer = [0; 4096];
    match passing::receive(launcher.as_fd(), &mut buffer) {
        Ok(Received::Packet { length, .. }) => Some(String::from_utf8_lossy(&buffer[..length]).into_owned()),
        Ok(Received::End) | Err(_) => None,
    }
}
