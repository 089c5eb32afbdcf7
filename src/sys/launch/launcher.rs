//! The master's side of a launcher: it is started, waits, and becomes a program when it is given its scene.
//!
//! That it waits makes it one thing to start it when it is needed, and another to have started it before.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::unistd::Pid;

use super::starter::{Starter, launch};
use super::{Launched, Outlets, Scene};
use crate::sys::{files, passing, process};

/// A launcher that waits for its scene. It ends when this is dropped, or when this process ends.
#[derive(Debug)]
pub(crate) struct Launcher {
    pid: Pid,
    /// Until it becomes a program.
    ends: Option<Ends>,
    surroundings: Surroundings,
}

/// What a child begins with, and what an operator may change of a process that runs: its control group, its limits, how
/// soon it is killed when memory runs out.
#[derive(Debug, PartialEq, Eq)]
struct Surroundings([Option<Vec<u8>>; 3]);

#[derive(Debug)]
struct Ends {
    process: OwnedFd,
    /// Over which the scene goes.
    socket: OwnedFd,
}

impl Launcher {
    /// Starts one, by the starter if there is one.
    pub(crate) fn start(starter: Option<&Starter>) -> io::Result<Launcher> {
        let surroundings = Surroundings::now();
        let (socket, theirs) = passing::pair()?;
        let pid = match starter {
            Some(starter) => starter.start(theirs.as_fd())?,
            None => launch([theirs])?,
        };
        // The child is not reaped yet, so its pid is still its own.
        let ends = Some(Ends { process: process::open(pid)?, socket });
        Ok(Launcher { pid, ends, surroundings })
    }

    /// Whether nothing has changed that it would find otherwise if it were started now.
    pub(crate) fn is_as_if_started_now(&self) -> bool {
        self.surroundings == Surroundings::now()
    }

    /// Its pid.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// The process, to be watched for its end.
    pub(crate) fn process(&self) -> BorrowedFd<'_> {
        self.ends.as_ref().expect("it waits").process.as_fd()
    }

    /// Hands it the scene, and as many descriptors as that says.
    pub(crate) fn give(
        mut self,
        scene: &Scene,
        held: &File,
        descriptors: &[BorrowedFd<'_>],
        outlets: &Outlets,
    ) -> io::Result<Launched> {
        let socket = self.ends.as_ref().expect("it waits").socket.as_fd();
        let script = files::in_memory(&serde_json::to_vec(scene).map_err(io::Error::other)?)?;
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let (output, error) = match outlets {
            Outlets::Inherited => (stdout.as_fd(), stderr.as_fd()),
            Outlets::Pipes { output, error } => (output.as_fd(), error.as_fd()),
        };
        passing::send(socket, b"scene", &[script.as_fd(), held.as_fd(), output, error])?;
        for some in descriptors.chunks(passing::ROOM) {
            passing::send(socket, b"descriptors", some)?;
        }
        passing::set_nonblocking(socket, true)?;
        let Ends { process, socket } = self.ends.take().expect("it waits");
        Ok(Launched { pid: self.pid, process, launcher: Some(socket) })
    }
}

impl Surroundings {
    fn now() -> Surroundings {
        Surroundings(["cgroup", "limits", "oom_score_adj"].map(|name| fs::read(format!("/proc/self/{name}")).ok()))
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        if let Some(Ends { process, .. }) = &self.ends {
            let _ = process::end(process.as_fd()); // it may have ended, and been reaped
        }
    }
}
