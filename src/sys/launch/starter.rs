//! A thread that starts launchers from a descriptor table of its own.
//!
//! A child begins with a copy of its parent's table, which exec then closes one by one: beside a thousand workers that
//! takes longer than all the rest. It knows nothing of scenes and workers.

#![allow(unsafe_code, reason = "a descriptor that two tables have, has two owners")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use nix::sys::signal::{SigSet, SigmaskHow};
use nix::unistd::Pid;

use super::VERB;
use crate::sys::passing::{self, Received};

/// The first number behind standard input, output and error.
const FIRST_DESCRIPTOR: RawFd = 3;

/// The thread; it ends with this.
#[derive(Debug)]
pub(crate) struct Starter(OwnedFd);

impl Starter {
    /// Starts the thread. Fails where the kernel, or a sandbox, does not give it a table of its own.
    pub(crate) fn new() -> io::Result<Starter> {
        let (ours, theirs) = passing::pair()?;
        let (say, apart) = mpsc::channel();
        let number = theirs.as_raw_fd();
        // A handler that ran there would write to descriptors that it does not have.
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let thread = thread::Builder::new().name("start".into()).spawn(move || match keep_only(number) {
            Ok(requests) => {
                let _ = say.send(Ok(())); // somebody waits for it
                serve(&requests);
            }
            Err(error) => drop(say.send(Err(error))),
        });
        mask.thread_set_mask()?;
        thread?;
        apart.recv().map_err(io::Error::other)??;
        drop(theirs); // in our table; the thread has its own by now
        Ok(Starter(ours))
    }

    /// Starts a launcher with this as its standard input.
    pub(super) fn start(&self, input: BorrowedFd<'_>) -> io::Result<Pid> {
        passing::send(self.0.as_fd(), b"start", &[input])?;
        let mut answer = [0; 4];
        match passing::receive(self.0.as_fd(), &mut answer)? {
            Received::Packet { length: 4, .. } => match i32::from_ne_bytes(answer) {
                pid @ 1.. => Ok(Pid::from_raw(pid)),
                errno => Err(io::Error::from_raw_os_error(-errno)),
            },
            Received::Packet { .. } | Received::End => Err(io::Error::other("the thread that starts programs is gone")),
        }
    }
}

/// Gives this thread a table with nothing in it but its standard streams and this.
fn keep_only(number: RawFd) -> io::Result<OwnedFd> {
    close_range(number + 1, RawFd::MAX, libc::CLOSE_RANGE_UNSHARE)?;
    if number > FIRST_DESCRIPTOR {
        close_range(FIRST_DESCRIPTOR, number - 1, 0)?;
    }
    // SAFETY: in this thread's table, nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn close_range(first: RawFd, last: RawFd, flags: libc::c_uint) -> io::Result<()> {
    // SAFETY: the first call closes in a copy of the table that nobody has seen yet, and so does any later one.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    nix::errno::Errno::result(closed).map(drop).map_err(io::Error::from)
}

/// Until nobody can ask any more.
fn serve(requests: &OwnedFd) {
    let mut buffer = [0; 16];
    while let Ok(Received::Packet { descriptors, .. }) = passing::receive(requests.as_fd(), &mut buffer) {
        let answer = match <[OwnedFd; 1]>::try_from(descriptors).map(launch) {
            Ok(Ok(pid)) => pid.as_raw(),
            Ok(Err(error)) => -error.raw_os_error().unwrap_or(libc::EIO),
            Err(_) => -libc::EMFILE,
        };
        let _ = passing::send(requests.as_fd(), &answer.to_ne_bytes(), &[]); // whoever asked may be gone
    }
}

/// Starts this program under the hidden verb. What goes wrong before it has its scene is told where we tell it.
pub(super) fn launch([input]: [OwnedFd; 1]) -> io::Result<Pid> {
    let child = Command::new("/proc/self/exe").arg(VERB).env_clear().stdin(input).stdout(Stdio::null()).spawn()?;
    Ok(Pid::from_raw(child.id().cast_signed()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    fn table(of: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(format!("/proc/self/task/{of}/fd")).expect("a thread of ours");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_thread_has_nothing_but_its_streams_and_its_requests() {
        let _ours = fs::File::open("/dev/null").expect("a file");
        let starter = Starter::new().expect("a table of its own");
        let names = fs::read_dir("/proc/self/task")
            .expect("our threads")
            .flatten()
            .filter(|thread| fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.trim() == "start"));
        let tables: Vec<_> = names.map(|thread| table(&thread.file_name().to_string_lossy()).len()).collect();
        assert!(!tables.is_empty() && tables.iter().all(|count| *count <= 4), "{tables:?}");
        drop(starter);
    }

    #[test]
    fn what_it_starts_has_the_input_that_it_was_given() {
        let starter = Starter::new().expect("a table of its own");
        let (ours, theirs) = passing::pair().expect("a pair");
        // The launcher here is the test program, which does not know the verb, and ends.
        let pid = starter.start(theirs.as_fd()).expect("a process");
        drop(theirs);
        assert!(matches!(passing::receive(ours.as_fd(), &mut [0; 8]), Ok(Received::End)));
        nix::sys::wait::waitpid(pid, None).expect("it ends");
    }
}
