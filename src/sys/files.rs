//! Files in memory, pipes, the clock, limits, where we are: what std has no safe or no sufficient word for.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::{ClockId, clock_gettime};

/// A file in memory that holds these bytes, to be read from its beginning.
pub(crate) fn in_memory(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create(c"heirloom", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// A pipe: the end to read from, which does not block, and the end to write to, which does.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    fcntl(read.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((read, write))
}

/// Reads what is there; nothing at the end of file, an error of kind `WouldBlock` if there is nothing yet.
pub(crate) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(nix::unistd::read(fd, buffer)?)
}

/// How long the machine has been up, also while it was suspended.
pub(crate) fn uptime() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).expect("CLOCK_BOOTTIME is there since Linux 2.6.39")
}

/// How long the machine has been awake, by the clock that `sd_notify` counts in: it stands still while it is suspended.
pub(crate) fn awake() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).expect("CLOCK_MONOTONIC is always there")
}

/// How many descriptors this process may have: now, and at most.
pub(crate) fn descriptor_limit() -> io::Result<(u64, u64)> {
    Ok(getrlimit(Resource::RLIMIT_NOFILE)?)
}

/// Sets how many descriptors this process may have, within what is allowed.
pub(crate) fn set_descriptor_limit(now: u64, most: u64) -> io::Result<()> {
    Ok(setrlimit(Resource::RLIMIT_NOFILE, now, most)?)
}

/// The number of a group.
#[cfg(feature = "control")]
pub(crate) fn group_id(name: &str) -> Option<u32> {
    Some(nix::unistd::Group::from_name(name).ok()??.gid.as_raw())
}

/// The user whose rights this process has.
#[cfg(feature = "control")]
pub(crate) fn who_we_are() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// `$PWD` if it leads here: unlike the kernel's answer, it keeps the symlinks that a deploy will move.
pub(crate) fn where_we_were_started() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let said = std::env::var_os("PWD").map(PathBuf::from).filter(|said| said.is_absolute());
    match (said, here.metadata()) {
        (Some(said), Ok(is)) if said.metadata().is_ok_and(|m| (m.dev(), m.ino()) == (is.dev(), is.ino())) => said,
        _ => here,
    }
}
