//! The launcher's side: what happens between the launcher's first instruction and the program's.

#![allow(unsafe_code, reason = "signal dispositions have no safe interface")]

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use super::{FAILED, Scene};
use crate::sys::{files, passing, terminal};

/// Where the descriptors begin that the program is to find, by the convention of socket activation.
const FIRST_DESCRIPTOR: i32 = 3;

/// Takes the scene from standard input and becomes the program; returns the exit status if that fails.
pub(crate) fn become_program() -> i32 {
    // Close-on-exec, so that its end tells of success.
    let Ok(control) = at_least(io::stdin().as_fd(), FIRST_DESCRIPTOR) else { return FAILED };
    // Whoever signals the master's group, a terminal say, does not mean a launcher that waits.
    let _ = hear_signals(SigHandler::SigIgn); // if it cannot be, it is told when the program's are set
    let (control, why) = match receive(&control) {
        Ok(given) => match out_of_the_way(control, given.held, given.descriptors.len()) {
            Ok((control, held)) => {
                let Err(why) = set_the_scene_and_execute(given.scene, &held, given.streams, given.descriptors);
                (control, why)
            }
            Err(_) => return FAILED,
        },
        Err(error) => (control, format!("the scene did not arrive: {error}")),
    };
    let _ = passing::send(control.as_fd(), why.as_bytes(), &[]); // if the master is gone, nobody wants to know
    FAILED
}

fn set_the_scene_and_execute(
    mut scene: Scene,
    held: &OwnedFd,
    streams: [OwnedFd; 2],
    descriptors: Vec<OwnedFd>,
) -> Result<std::convert::Infallible, String> {
    for name in std::mem::take(&mut scene.pid_variables) {
        scene.environment.push((name, std::process::id().to_string().into()));
    }
    match scene.foreground {
        true => come_to_the_foreground().map_err(|error| format!("cannot have the terminal: {error}"))?,
        false => no_input().map_err(|error| format!("cannot open /dev/null: {error}"))?,
    }
    hear_signals(SigHandler::SigDfl).map_err(|error| format!("cannot reset signals: {error}"))?;
    speak_to(streams).map_err(|error| format!("cannot place output and error: {error}"))?;
    let behind = FIRST_DESCRIPTOR + i32::try_from(descriptors.len()).map_err(|error| error.to_string())?;
    place(descriptors).map_err(|error| format!("cannot place descriptors: {error}"))?;
    keep_from_program(behind).map_err(|error| format!("cannot close descriptors: {error}"))?;
    if let Some((now, most)) = scene.descriptor_limit {
        files::set_descriptor_limit(now, most).map_err(|error| format!("cannot set RLIMIT_NOFILE: {error}"))?;
    }
    scene.world.enter(scene.credentials.as_ref())?;
    let directory = scene.directory.display();
    std::env::set_current_dir(&scene.directory).map_err(|error| format!("cannot enter {directory}: {error}"))?;
    execute(&scene, held)
}

/// What comes from the master.
struct Given {
    scene: Scene,
    /// The program's file.
    held: OwnedFd,
    /// Standard output and error.
    streams: [OwnedFd; 2],
    descriptors: Vec<OwnedFd>,
}

fn receive(control: &OwnedFd) -> io::Result<Given> {
    let mut buffer = [0; 64];
    let passing::Received::Packet { descriptors, truncated: false, .. } =
        passing::receive(control.as_fd(), &mut buffer)?
    else {
        return Err(io::Error::other("the master is gone, or sent too much"));
    };
    let Ok([script, held, output, error]) = <[OwnedFd; 4]>::try_from(descriptors) else {
        return Err(io::Error::other("descriptors are missing"));
    };
    let mut text = Vec::new();
    File::from(script).read_to_end(&mut text)?;
    let scene: Scene = serde_json::from_slice(&text)?;
    let mut descriptors = Vec::new();
    while descriptors.len() < scene.descriptors {
        match passing::receive(control.as_fd(), &mut buffer)? {
            passing::Received::Packet { descriptors: some, truncated: false, .. } => descriptors.extend(some),
            passing::Received::Packet { .. } | passing::Received::End => {
                return Err(io::Error::other("descriptors are missing"));
            }
        }
    }
    Ok(Given { scene, held, streams: [output, error], descriptors })
}

/// A copy with this number or a higher one, close-on-exec.
fn at_least(fd: BorrowedFd<'_>, number: i32) -> io::Result<OwnedFd> {
    let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(number))?;
    // SAFETY: fcntl has just made this descriptor; nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Nothing to read, and a session of its own.
fn no_input() -> io::Result<()> {
    let null = nix::fcntl::open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    nix::unistd::dup2_stdin(null)?;
    let _ = nix::unistd::setsid(); // fails only if we lead a group already, which a launcher does not
    Ok(())
}

/// A session of its own could not have the terminal of ours.
fn come_to_the_foreground() -> io::Result<()> {
    nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    nix::unistd::dup2_stdin(terminal::come_to_the_foreground()?)?;
    Ok(())
}

fn speak_to([output, error]: [OwnedFd; 2]) -> nix::Result<()> {
    nix::unistd::dup2_stdout(output)?;
    nix::unistd::dup2_stderr(error)
}

/// A program expects the defaults, not what Rust's runtime, our parent or we chose to ignore or to block.
fn hear_signals(handler: SigHandler) -> io::Result<()> {
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: to ignore a signal, or to do the default, runs none of our code.
        unsafe { nix::sys::signal::sigaction(signal, &action)? };
    }
    nix::sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    Ok(())
}

/// Moves what the launcher still needs behind where the program's descriptors go.
fn out_of_the_way(control: OwnedFd, held: OwnedFd, descriptors: usize) -> io::Result<(OwnedFd, OwnedFd)> {
    let behind = FIRST_DESCRIPTOR + i32::try_from(descriptors).map_err(io::Error::other)?;
    Ok((at_least(control.as_fd(), behind)?, at_least(held.as_fd(), behind)?))
}

/// Puts the descriptors at 3, 4 …, where they outlive exec.
fn place(descriptors: Vec<OwnedFd>) -> io::Result<()> {
    let behind = FIRST_DESCRIPTOR + i32::try_from(descriptors.len()).map_err(io::Error::other)?;
    // Each is closed where it came in before any is put where it belongs.
    let away = descriptors.into_iter().map(|fd| at_least(fd.as_fd(), behind)).collect::<io::Result<Vec<_>>>()?;
    for (number, fd) in (FIRST_DESCRIPTOR..).zip(away) {
        // SAFETY: nobody owns the number, since all that had it were moved; the copy lives until exec.
        if unsafe { libc::dup2(fd.as_raw_fd(), number) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// What the master itself has inherited, from a careless shell say, is none of the program's business.
fn keep_from_program(from: i32) -> io::Result<()> {
    // SAFETY: close_range with this flag closes nothing now; it only marks what exec is to close.
    let marked = unsafe { libc::syscall(libc::SYS_close_range, from, libc::c_int::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if marked == 0 {
        return Ok(());
    }
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        if let Some(number) = number.filter(|&number| number >= from) {
            // SAFETY: it marks a descriptor of this single-threaded process; one that is gone meanwhile is an error.
            unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
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
    match scene.executable.path(held) {
        Some(path) => nix::unistd::execve(&text(path.as_os_str())?, &arguments, &environment)
            .map_err(|error| format!("cannot execute {}: {}", path.display(), error.desc())),
        None => nix::unistd::execveat(held.as_fd(), c"", &arguments, &environment, AtFlags::AT_EMPTY_PATH)
            .map_err(|error| format!("cannot execute the held file {}: {}", held.as_raw_fd(), error.desc())),
    }
}
