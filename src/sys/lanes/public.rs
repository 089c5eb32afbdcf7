//! The public path of a Unix listener: who is there, what may be put there, and what may be taken away. All by a
//! descriptor of its directory, so that neither `chdir` nor a renamed parent leads astray.

use std::{
    ffi::{OsStr, OsString},
    os::fd::{AsFd, AsRawFd},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open, renameat},
    sys::{
        socket::{UnixAddr, connect, getsockopt, sockopt::PeerCredentials},
        stat::{FileStat, Mode, SFlag},
    },
};

use super::{
    directory::{Directory, FileId, unix_socket},
    endpoint::Endpoint,
    error::{OpenError, call},
    holder::Holder,
};

/// The longest name of a Unix socket: `sun_path` less the zero that ends it.
pub(super) const LONGEST: usize = 107;

/// Whether somebody listens at an address; if so, who, as far as can be seen.
pub(super) fn who_listens(address: &UnixAddr) -> nix::Result<Option<Option<Holder>>> {
    let probe = unix_socket(false)?;
    match connect(probe.as_raw_fd(), address) {
        Ok(()) => Ok(Some(getsockopt(&probe, PeerCredentials).ok().and_then(|peer| Holder::of(peer.pid())))),
        // A full queue, or a socket of another type.
        Err(Errno::EAGAIN | Errno::EPROTOTYPE) => Ok(Some(address.path().and_then(Holder::of_path))),
        Err(Errno::ECONNREFUSED | Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// The public path of a listener.
#[derive(Debug)]
pub(super) struct PublicPath {
    path: PathBuf,
    pub(super) parent: Directory,
    pub(super) name: OsString,
}

impl PublicPath {
    /// Looks at the path, and touches nothing.
    pub(super) fn open(path: &Path) -> Result<PublicPath, OpenError> {
        let at = Endpoint::Unix(path.to_owned());
        let length = path.as_os_str().len();
        if length > LONGEST {
            return Err(OpenError::TooLong { at, length, most: LONGEST });
        }
        let directory = || OpenError::NotASocket { path: path.to_owned(), kind: "a directory" };
        let name = path.file_name().ok_or_else(directory)?.to_owned();
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = open(parent, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::ENOENT | Errno::ENOTDIR => OpenError::NoParent { path: path.to_owned() },
            other => call(&at, "open")(other),
        })?;
        let parent = std::path::absolute(parent).map_err(call(&at, "getcwd"))?;
        Ok(PublicPath { path: path.to_owned(), parent: Directory { fd, path: parent }, name })
    }

    /// Refuses a path where something is that must not be replaced: all but a socket that nobody listens on.
    pub(super) fn refuse_occupant(&self) -> Result<(), OpenError> {
        let at = self.endpoint();
        let Some(there) = self.parent.find(&self.name).map_err(call(&at, "stat"))? else { return Ok(()) };
        if let Some(kind) = kind(&there) {
            return Err(OpenError::NotASocket { path: self.path.clone(), kind });
        }
        let address = self.parent.address(&self.name).map_err(call(&at, "connect"))?;
        match who_listens(&address).map_err(call(&at, "connect"))? {
            Some(holder) => Err(OpenError::InUse { at, holder }),
            None => Ok(()),
        }
    }

    /// Who listens here now, as far as can be seen.
    pub(super) fn holder(&self) -> Option<Holder> {
        who_listens(&self.parent.address(&self.name).ok()?).ok()??
    }

    /// Puts an entry of a directory here, over what was here.
    pub(super) fn take(&self, from: &impl AsFd, name: &OsStr) -> nix::Result<()> {
        renameat(from, name, &self.parent, self.name.as_os_str())
    }

    /// Removes the path, if it leads to one of these files.
    pub(super) fn remove(&self, ours: &[FileId]) {
        let there = self.parent.find(&self.name).ok().flatten();
        if there.is_some_and(|there| ours.contains(&FileId::from(&there))) {
            let _ = self.parent.remove(&self.name);
        }
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.path.clone())
    }

    /// What it means that nothing can be created here.
    pub(super) fn refused(&self, doing: &'static str, errno: Errno) -> OpenError {
        let path = self.path.clone();
        match errno {
            Errno::EACCES | Errno::EPERM | Errno::EROFS => OpenError::NotWritable { path, source: errno.into() },
            Errno::ENOENT => OpenError::NoParent { path },
            other => call(&self.endpoint(), doing)(other),
        }
    }
}

/// What it is, if not a socket.
fn kind(stat: &FileStat) -> Option<&'static str> {
    Some(match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFSOCK => return None,
        SFlag::S_IFDIR => "a directory",
        SFlag::S_IFLNK => "a symbolic link",
        SFlag::S_IFREG => "a file",
        _ => "a device or a pipe",
    })
}
