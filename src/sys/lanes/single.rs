//! The shared way: one socket for everybody, never steered. Owns its public path, if it has one.

use std::{
    ffi::OsString,
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{UnixAddr, bind},
    sys::stat::FileStat,
};

use super::{
    calls,
    directory::{FileId, unix_socket},
    endpoint::{Endpoint, Options},
    error::{OpenError, call},
    listener::Repaired,
    public::{LONGEST, PublicPath, who_listens},
    seat::{LaneId, Seat},
    socket::{Seats, Socket},
};

/// What is behind the one socket.
#[derive(Debug)]
pub(super) enum Single {
    /// A TCP address.
    Tcp,
    /// A public path.
    Unix(PublicFile),
    /// An abstract name, which lasts as long as any descriptor does.
    Abstract,
}

/// A public path, and the file of ours that it leads to.
#[derive(Debug)]
pub(super) struct PublicFile {
    public: PublicPath,
    file: FileId,
    options: Options,
    kept: bool,
}

impl Single {
    /// Lets whatever was shut listen again, or replaces it.
    pub(super) fn repair(&mut self, seats: &mut Seats) -> io::Result<Vec<Repaired>> {
        let lane = LaneId(0);
        let socket = seats.require(Seat::Lane(lane))?;
        if socket.listens() {
            return Ok(Vec::new());
        }
        let replaced = match self {
            Single::Tcp => {
                socket.listen()?;
                false
            }
            Single::Unix(file) => {
                let before = file.public.parent.find(&file.public.name)?;
                let before = before.filter(|there| FileId::from(there) == file.file);
                let (fd, id) = put(&file.public, &file.options, before.as_ref())?;
                file.file = id;
                seats.replace(Seat::Lane(lane), Socket::new(fd, file.options.backlog)?);
                true
            }
            Single::Abstract => {
                let text = "an abstract name is free again only when all who hold the socket have closed it";
                return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
            }
        };
        Ok(vec![Repaired { lane, replaced, rebuilt: false }])
    }

    /// Leaves the public path where it is when this value goes.
    pub(super) fn keep(&mut self) {
        match self {
            Single::Unix(file) => file.kept = true,
            Single::Tcp | Single::Abstract => {}
        }
    }
}

/// Opens one socket and puts it at a public path.
pub(super) fn open_path(public: PublicPath, options: &Options) -> Result<(OwnedFd, Single), OpenError> {
    public.refuse_occupant()?;
    let (fd, file) = put(&public, options, None).map_err(|errno| public.refused("bind", errno))?;
    Ok((fd, Single::Unix(PublicFile { public, file, options: options.clone(), kept: false })))
}

/// Opens one socket with an abstract name.
pub(super) fn open_abstract(name: &[u8], options: &Options) -> Result<(OwnedFd, Single), OpenError> {
    let at = Endpoint::Abstract(name.to_owned());
    let too_long = OpenError::TooLong { at: at.clone(), length: name.len(), most: LONGEST };
    let address = UnixAddr::new_abstract(name).map_err(|_| too_long)?;
    let fd = unix_socket(options.blocking).map_err(call(&at, "socket"))?;
    bind(fd.as_raw_fd(), &address).map_err(|errno| match errno {
        Errno::EADDRINUSE => {
            OpenError::InUse { at: at.clone(), holder: who_listens(&address).ok().flatten().flatten() }
        }
        other => call(&at, "bind")(other),
    })?;
    calls::listen(fd.as_fd(), options.backlog).map_err(call(&at, "listen"))?;
    Ok((fd, Single::Abstract))
}

/// Binds a socket at a temporary name beside the public path, lets it listen, and renames it: there is no gap. With what
/// was there before, it gets that one's owner and mode.
fn put(public: &PublicPath, options: &Options, before: Option<&FileStat>) -> nix::Result<(OwnedFd, FileId)> {
    let mut name = OsString::from(".");
    name.push(&public.name);
    name.push(format!(".heirloom.{}", std::process::id()));
    public.parent.remove(&name)?;
    let fd = public.parent.bind(&name, options.blocking)?;
    let placed = (|| {
        let bound = public.parent.find(&name)?.ok_or(Errno::ENOENT)?;
        match before {
            Some(before) => public.parent.dress(&name, before)?,
            None => public.parent.set_mode(&name, options.mode.unwrap_or(bound.st_mode & 0o666))?,
        }
        calls::listen(fd.as_fd(), options.backlog)?;
        public.take(&public.parent, &name)?;
        Ok(FileId::from(&bound))
    })();
    if placed.is_err() {
        let _ = public.parent.remove(&name);
    }
    placed.map(|file| (fd, file))
}

impl Drop for PublicFile {
    fn drop(&mut self) {
        if !self.kept {
            self.public.remove(&[self.file]);
        }
    }
}
