//! The master's side: starting the program itself, without a launcher.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::unistd::Pid;

use super::Scene;
use crate::sys::process;

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
