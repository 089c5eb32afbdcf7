//! The master's side: starting the launcher, or the program itself.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::unistd::Pid;

use super::Scene;
use super::starter::{Starter, launch};
use crate::sys::{files, passing, process};

/// A process that has been started.
pub(crate) struct Launched {
    pub(crate) pid: Pid,
    pub(crate) process: OwnedFd,
    /// Where a launcher says why it failed; its end means that the program runs.
    pub(crate) launcher: Option<OwnedFd>,
}

/// Where its output goes: to pipes, or where ours goes.
pub(crate) enum Outlets {
    Inherited,
    Pipes { output: OwnedFd, error: OwnedFd },
}

/// Starts the launcher, by the starter if there is one, and hands it the scene, and as many descriptors as that says.
pub(crate) fn start_through_launcher(
    starter: Option<&Starter>,
    scene: &Scene,
    held: &File,
    descriptors: &[BorrowedFd<'_>],
    outlets: Outlets,
) -> io::Result<Launched> {
    let (ours, theirs) = passing::pair()?;
    let script = files::in_memory(&serde_json::to_vec(scene).map_err(io::Error::other)?)?;
    passing::send(ours.as_fd(), b"scene", &[script.as_fd(), held.as_fd()])?;
    for some in descriptors.chunks(passing::ROOM) {
        passing::send(ours.as_fd(), b"descriptors", some)?;
    }
    let (output, error) = match outlets {
        Outlets::Inherited => (io::stdout().as_fd().try_clone_to_owned()?, io::stderr().as_fd().try_clone_to_owned()?),
        Outlets::Pipes { output, error } => (output, error),
    };
    let pid = match starter {
        Some(starter) => starter.start(&[theirs.as_fd(), output.as_fd(), error.as_fd()])?,
        None => launch([theirs, output, error])?,
    };
    passing::set_nonblocking(ours.as_fd(), true)?;
    // The child is not reaped yet, so its pid is still its own.
    Ok(Launched { pid, process: process::open(pid)?, launcher: Some(ours) })
}

/// Starts the program itself, in a process group of its own, with a descriptor as its standard input.
pub(crate) fn start_directly(scene: &Scene, held: &File, input: OwnedFd, outlets: Outlets) -> io::Result<Launched> {
    let by_descriptor = || PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
    let path = scene.executable.path(held).map_or_else(by_descriptor, PathBuf::from);
    let mut command = Command::new(path);
    if let Some((name, arguments)) = scene.arguments.split_first() {
        command.arg0(name).args(arguments);
    }
    command
        .env_clear()
        .envs(scene.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&scene.directory)
        .process_group(0)
        .stdin(input);
    if let Outlets::Pipes { output, error } = outlets {
        command.stdout(Stdio::from(output)).stderr(Stdio::from(error));
    }
    let pid = Pid::from_raw(command.spawn()?.id().cast_signed());
    // The child is not reaped yet, so its pid is still its own.
    Ok(Launched { pid, process: process::open(pid)?, launcher: None })
}
