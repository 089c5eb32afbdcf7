//! The private directory beside a public path, where the lanes of a Unix listener have their own names. A lock in it keeps
//! two masters apart.

use std::{
    ffi::{OsStr, OsString},
    os::fd::OwnedFd,
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::stat::{Mode, fchmod, fstat, mkdirat},
    unistd::{UnlinkatFlags, geteuid, unlinkat},
};

use super::{
    calls,
    directory::{Directory, FileId},
    error::{OpenError, call},
    public::PublicPath,
};

const LOCK: &str = "lock";

/// How often it is tried again when another master removes the directory in between.
const ATTEMPTS: usize = 16;

/// A directory that is ours and locked; it goes with its lock, unless it is kept for a successor.
#[derive(Debug)]
pub(super) struct PrivateDirectory {
    parent: OwnedFd,
    name: OsString,
    pub(super) directory: Directory,
    _lock: OwnedFd,
    kept: bool,
}

impl PrivateDirectory {
    /// Creates `.NAME.heirloom` beside the public path, or takes over one that a dead master of this user left.
    pub(super) fn beside(public: &PublicPath) -> Result<PrivateDirectory, OpenError> {
        let mut name = OsString::from(".");
        name.push(&public.name);
        name.push(".heirloom");
        for _ in 0..ATTEMPTS {
            if let Some(directory) = Self::attempt(public, &name)? {
                return Ok(directory);
            }
        }
        Err(OpenError::InUse { at: public.endpoint(), holder: public.holder() })
    }

    /// Leaves the directory where it is when this value goes.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// `None` if somebody removed the directory before it was locked.
    fn attempt(public: &PublicPath, name: &OsStr) -> Result<Option<PrivateDirectory>, OpenError> {
        let at = public.endpoint();
        match mkdirat(&public.parent, name, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(public.refused("mkdir", errno)),
        }
        let path = public.parent.path.join(name);
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = match openat(&public.parent, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::ENOTDIR | Errno::ELOOP | Errno::EACCES) => return Err(OpenError::NotOurs { directory: path }),
            Err(errno) => return Err(call(&at, "open")(errno)),
        };
        let stat = fstat(&fd).map_err(call(&at, "fstat"))?;
        if stat.st_uid != geteuid().as_raw() {
            return Err(OpenError::NotOurs { directory: path });
        }
        if stat.st_mode & 0o777 != 0o700 {
            fchmod(&fd, Mode::S_IRWXU).map_err(call(&at, "fchmod"))?;
        }
        let directory = Directory { fd, path };
        let Some(lock) = lock(public, &directory)? else { return Ok(None) };
        if !is_still_there(public, name, &directory, &lock) {
            return Ok(None);
        }
        let parent = public.parent.fd.try_clone().map_err(call(&at, "dup"))?;
        Ok(Some(PrivateDirectory { parent, name: name.to_owned(), directory, _lock: lock, kept: false }))
    }
}

/// Locks the directory; `None` if it was removed before.
fn lock(public: &PublicPath, directory: &Directory) -> Result<Option<OwnedFd>, OpenError> {
    let at = public.endpoint();
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let lock = match openat(directory, LOCK, flags, Mode::S_IRUSR | Mode::S_IWUSR) {
        Ok(lock) => lock,
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(call(&at, "open")(errno)),
    };
    match calls::lock(&lock) {
        Ok(()) => Ok(Some(lock)),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            Err(OpenError::InUse { at, holder: public.holder() })
        }
        Err(error) => Err(call(&at, "flock")(error)),
    }
}

/// Whether what was locked can still be found by name, and so keeps the next master out.
fn is_still_there(public: &PublicPath, name: &OsStr, directory: &Directory, lock: &OwnedFd) -> bool {
    let id = |fd: &OwnedFd| fstat(fd).ok().map(|stat| FileId::from(&stat));
    let find = |place: &Directory, name: &OsStr| place.find(name).ok().flatten().map(|stat| FileId::from(&stat));
    id(&directory.fd) == find(&public.parent, name) && id(lock) == find(directory, OsStr::new(LOCK))
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        if !self.kept {
            let _ = self.directory.remove(OsStr::new(LOCK));
            let _ = unlinkat(&self.parent, self.name.as_os_str(), UnlinkatFlags::RemoveDir);
        }
    }
}
