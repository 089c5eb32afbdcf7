//! The launcher's side: what happens between the launcher's first instruction and the program's.

#![allow(unsafe_code, reason = "signal dispositions have no safe interface")]

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal};
use nix::sys::stat::Mode;

use super::{Executable, FAILED, Scene};
use crate::sys::{files, passing};

/// Where the descriptors begin that the program is to find, by the convention of socket activation.
const FIRST_DESCRIPTOR: i32 = 3;
/// More than a launcher is ever handed.
const MOST_DESCRIPTORS: i32 = 256;

/// Takes the scene from standard input and becomes the program; returns the exit status if that fails.
pub(crate) fn become_program() -> i32 {
    // Away from 0, 1, 2 and from where the program's descriptors go; close-on-exec, so that its end tells of success.
    let control = match fcntl(io::stdin().as_fd(), FcntlArg::F_DUPFD_CLOEXEC(FIRST_DESCRIPTOR + MOST_DESCRIPTORS)) {
        // SAFETY: fcntl has just made this descriptor; nobody else has it.
        Ok(fd) => unsafe { OwnedFd::from_raw_fd(fd) },
        Err(_) => return FAILED,
    };
    let Err(why) = set_the_scene_and_execute(&control);
    let _ = passing::send(control.as_fd(), why.as_bytes(), &[]); // if the master is gone, nobody wants to know
    FAILED
}

fn set_the_scene_and_execute(control: &OwnedFd) -> Result<std::convert::Infallible, String> {
    let (scene, held, descriptors) = receive(control).map_err(|error| format!("the scene did not arrive: {error}"))?;
    no_input().map_err(|error| format!("cannot open /dev/null: {error}"))?;
    let _ = nix::unistd::setsid(); // fails only if we lead a group already, which a launcher does not
    default_signals().map_err(|error| format!("cannot reset signals: {error}"))?;
    let directory = scene.directory.display();
    std::env::set_current_dir(&scene.directory).map_err(|error| format!("cannot enter {directory}: {error}"))?;
    if let Some((now, most)) = scene.descriptor_limit {
        files::set_descriptor_limit(now, most).map_err(|error| format!("cannot set RLIMIT_NOFILE: {error}"))?;
    }
    place(descriptors).map_err(|error| format!("cannot place descriptors: {error}"))?;
    execute(&scene, &held)
}

fn receive(control: &OwnedFd) -> io::Result<(Scene, OwnedFd, Vec<OwnedFd>)> {
    let mut buffer = [0; 64];
    let passing::Received::Packet { mut descriptors, truncated: false, .. } =
        passing::receive(control.as_fd(), &mut buffer)?
    else {
        return Err(io::Error::other("the master is gone, or sent too much"));
    };
    if descriptors.len() < 2 {
        return Err(io::Error::other("descriptors are missing"));
    }
    let rest = descriptors.split_off(2);
    let (held, script) = (descriptors.remove(1), descriptors.remove(0));
    let mut text = Vec::new();
    File::from(script).read_to_end(&mut text)?;
    Ok((serde_json::from_slice(&text)?, held, rest))
}

fn no_input() -> io::Result<()> {
    let null = nix::fcntl::open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    nix::unistd::dup2_stdin(null)?;
    Ok(())
}

/// A program expects the defaults, not what Rust's runtime or our parent chose to ignore or to block.
fn default_signals() -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: the default disposition runs none of our code.
        unsafe { nix::sys::signal::sigaction(signal, &default)? };
    }
    nix::sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    Ok(())
}

/// Puts the descriptors at 3, 4 …, where they outlive exec.
fn place(descriptors: Vec<OwnedFd>) -> io::Result<()> {
    let away = descriptors
        .into_iter()
        .map(|fd| fcntl(fd.as_fd(), FcntlArg::F_DUPFD_CLOEXEC(FIRST_DESCRIPTOR + MOST_DESCRIPTORS)))
        .collect::<nix::Result<Vec<_>>>()?;
    for (number, fd) in (FIRST_DESCRIPTOR..).zip(away) {
        // SAFETY: dup2 onto a number whose former owner, if any, has been dropped above; the copy lives until exec.
        if unsafe { libc::dup2(fd, number) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn execute(scene: &Scene, held: &OwnedFd) -> Result<std::convert::Infallible, String> {
    let text = |text: &OsStr| CString::new(text.as_bytes()).map_err(|_| format!("a NUL byte in {text:?}"));
    let arguments = scene.arguments.iter().map(|argument| text(argument)).collect::<Result<Vec<_>, _>>()?;
    let environment = scene
        .environment
        .iter()
        .map(|(name, value)| {
            let mut entry = name.clone();
            entry.push("=");
            entry.push(value);
            text(&entry)
        })
        .collect::<Result<Vec<_>, _>>()?;
    match &scene.executable {
        Executable::Path(path) => nix::unistd::execve(&text(path.as_os_str())?, &arguments, &environment)
            .map_err(|error| format!("cannot execute {}: {}", path.display(), error.desc())),
        Executable::Held => nix::unistd::execveat(held.as_fd(), c"", &arguments, &environment, AtFlags::AT_EMPTY_PATH)
            .map_err(|error| format!("cannot execute the held file {}: {}", held.as_raw_fd(), error.desc())),
    }
}
