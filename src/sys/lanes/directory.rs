//! A directory by its descriptor: sockets bound in it, files found, dressed and removed. Knows nothing of what they are for.

use std::{
    ffi::OsStr,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::AtFlags,
    sys::{
        socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket},
        stat::{FchmodatFlags, FileStat, Mode, fchmodat, fstatat},
    },
    unistd::{Gid, Uid, UnlinkatFlags, fchownat, unlinkat},
};

/// A file, whatever its names: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId(libc::dev_t, libc::ino_t);

impl From<&FileStat> for FileId {
    fn from(stat: &FileStat) -> FileId {
        FileId(stat.st_dev, stat.st_ino)
    }
}

/// A directory that is open, with the path by which its entries can be called.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) fd: OwnedFd,
    pub(super) path: PathBuf,
}

impl Directory {
    /// The address of a socket in here: by its path, or by our descriptor where that is too long.
    pub(super) fn address(&self, name: &OsStr) -> nix::Result<UnixAddr> {
        let by_path = UnixAddr::new(&self.path.join(name));
        by_path.or_else(|_| UnixAddr::new(&Path::new("/proc/self/fd").join(self.fd.as_raw_fd().to_string()).join(name)))
    }

    /// A new socket that is bound to a name in here and does not listen yet.
    pub(super) fn bind(&self, name: &OsStr, blocking: bool) -> nix::Result<OwnedFd> {
        let fd = unix_socket(blocking)?;
        bind(fd.as_raw_fd(), &self.address(name)?)?;
        Ok(fd)
    }

    /// What has this name; `None` if nothing has.
    pub(super) fn find(&self, name: &OsStr) -> nix::Result<Option<FileStat>> {
        match fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Gives a file the owner and the mode of another one.
    pub(super) fn dress(&self, name: &OsStr, like: &FileStat) -> nix::Result<()> {
        let now = self.find(name)?.ok_or(Errno::ENOENT)?;
        if (now.st_uid, now.st_gid) != (like.st_uid, like.st_gid) {
            let (owner, group) = (Uid::from_raw(like.st_uid), Gid::from_raw(like.st_gid));
            fchownat(&self.fd, name, Some(owner), Some(group), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        }
        if now.st_mode & 0o7777 != like.st_mode & 0o7777 { self.set_mode(name, like.st_mode) } else { Ok(()) }
    }

    /// Gives a file a mode.
    pub(super) fn set_mode(&self, name: &OsStr, mode: u32) -> nix::Result<()> {
        fchmodat(&self.fd, name, Mode::from_bits_truncate(mode), FchmodatFlags::FollowSymlink)
    }

    /// Removes a name, if there is such a one.
    pub(super) fn remove(&self, name: &OsStr) -> nix::Result<()> {
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Err(Errno::ENOENT) => Ok(()),
            other => other,
        }
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A new Unix stream socket.
pub(super) fn unix_socket(blocking: bool) -> nix::Result<OwnedFd> {
    let mut flags = SockFlag::SOCK_CLOEXEC;
    flags.set(SockFlag::SOCK_NONBLOCK, !blocking);
    socket(AddressFamily::Unix, SockType::Stream, flags, None)
}
