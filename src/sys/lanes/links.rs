//! The path way: each lane is a Unix socket with a name of its own in the private directory, and the public path is a hard
//! link to one of them. Owns all these names; must not know what a lane is for.
//!
//! A lane has two names there: the one it was bound at, which a worker may well unlink when it ends, and a link by which we
//! find it. Nobody but us removes the public path, and only while it leads to a file of ours.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io,
    os::fd::AsFd,
};

use nix::{errno::Errno, fcntl::AtFlags, sys::stat::FileStat, unistd::linkat};

use super::{
    calls,
    directory::FileId,
    endpoint::Options,
    error::{OpenError, call},
    listener::Repaired,
    own::Own,
    private::PrivateDirectory,
    public::PublicPath,
    seat::{LaneId, MOST, Seat},
    socket::{Seats, Socket},
};

/// The names of a Unix listener's lanes.
#[derive(Debug)]
pub(super) struct Links {
    public: PublicPath,
    private: PrivateDirectory,
    files: BTreeMap<Seat, FileId>,
    published: Option<FileId>,
    options: Options,
    mended: Vec<Repaired>,
    kept: bool,
}

impl Links {
    /// Binds all lanes and the hold, and puts lane 0 at the public path.
    pub(super) fn open(public: PublicPath, options: &Options) -> Result<(Seats, Links), OpenError> {
        let private = PrivateDirectory::beside(&public)?;
        public.refuse_occupant()?;
        let at = public.endpoint();
        let (files, options) = (BTreeMap::new(), options.clone());
        let mut links = Links { public, private, files, published: None, options, mended: Vec::new(), kept: false };
        links.remove_lanes();
        let mut seats = Seats::default();
        for lane in 0..links.options.lanes {
            let socket = links.bind(Seat::Lane(LaneId(lane)), None).map_err(call(&at, "bind"))?;
            seats.add_lane(socket);
        }
        let hold = links.bind(Seat::Helm, None).map_err(call(&at, "bind"))?;
        seats.replace(Seat::Helm, hold);
        links.link(Seat::Lane(LaneId(0))).map_err(|errno| links.public.refused("rename", errno))?;
        Ok((seats, links))
    }

    /// Puts another seat's socket at the public path, with the mode and the owner that an operator gave to the one before.
    pub(super) fn steer(&mut self, from: Seat, to: Seat) -> io::Result<()> {
        let wanted = self.files.get(&to).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        match self.public.parent.find(&self.public.name)? {
            Some(there) if FileId::from(&there) == *wanted => return Ok(()),
            Some(there) if !self.ours().contains(&FileId::from(&there)) => {
                let text = format!("{} leads to a file that is not ours", self.public.endpoint());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
            }
            Some(_) | None => {}
        }
        if let Some(before) = self.private.directory.find(&link_name(from))? {
            self.private.directory.dress(&link_name(to), &before)?;
        }
        Ok(self.link(to)?)
    }

    /// Replaces every socket that was shut: it can never listen again.
    pub(super) fn repair(&mut self, seats: &mut Seats, steered: Seat) -> io::Result<Vec<Repaired>> {
        let shut: Vec<Seat> = seats.iter().filter(|(_, socket)| !socket.listens()).map(|(seat, _)| seat).collect();
        for seat in shut {
            let before = self.private.directory.find(&link_name(seat))?;
            let was_public = self.is_public(seat);
            let socket = self.bind(seat, before.as_ref())?;
            seats.replace(seat, socket);
            if let Seat::Lane(lane) = seat {
                self.mended.push(Repaired { lane, replaced: true, rebuilt: false });
            }
            if was_public {
                self.link(seat)?;
            }
        }
        self.steer(steered, steered)?;
        Ok(std::mem::take(&mut self.mended))
    }

    /// Binds one more lane.
    pub(super) fn open_one_more(&mut self, seats: &mut Seats) -> io::Result<LaneId> {
        let count = seats.iter().count();
        if count >= MOST {
            return Err(io::Error::other(format!("{} has {count} sockets already", self.public.endpoint())));
        }
        let socket = self.bind(Seat::Lane(LaneId(count - 1)), None)?;
        Ok(seats.add_lane(socket))
    }

    /// Connects to a seat by a name that nobody else uses. Only at the helm must it be told from others.
    pub(super) fn connect(&self, seats: &Seats, seat: Seat) -> io::Result<Own> {
        seats.require(seat)?;
        Own::over_unix(&self.private.directory.address(&link_name(seat))?, seat == Seat::Helm)
    }

    /// Leaves all files where they are when this value goes.
    pub(super) fn keep(&mut self) {
        self.kept = true;
        self.private.keep();
    }

    /// Binds a socket for a seat, dressed as the one before it was; nobody reaches it before it listens.
    fn bind(&mut self, seat: Seat, before: Option<&FileStat>) -> io::Result<Socket> {
        let directory = &self.private.directory;
        directory.remove(&name(seat))?;
        let fd = directory.bind(&name(seat), self.options.blocking)?;
        let bound = directory.find(&name(seat))?.ok_or(Errno::ENOENT)?;
        let mode = self.options.mode.unwrap_or(bound.st_mode & 0o666);
        directory.remove(&link_name(seat))?;
        linkat(directory, name(seat).as_os_str(), directory, link_name(seat).as_os_str(), AtFlags::empty())?;
        self.files.insert(seat, FileId::from(&bound));
        directory.set_mode(&link_name(seat), mode)?;
        if let Some(before) = before {
            directory.dress(&link_name(seat), before)?;
        }
        calls::listen(fd.as_fd(), self.options.backlog)?;
        Socket::new(fd, self.options.backlog)
    }

    /// Puts a seat's socket at the public path, over what is there.
    fn link(&mut self, seat: Seat) -> nix::Result<()> {
        let (directory, next) = (&self.private.directory, OsStr::new("next"));
        directory.remove(next)?;
        linkat(directory, link_name(seat).as_os_str(), directory, next, AtFlags::empty())?;
        self.public.take(directory, next)?;
        self.published = self.files.get(&seat).copied();
        // A rename onto another name of the same file leaves both.
        directory.remove(next)
    }

    /// The files that the public path may lead to: those of the seats, and the last one that we put there, which may have
    /// been replaced since.
    fn ours(&self) -> Vec<FileId> {
        self.files.values().copied().chain(self.published).collect()
    }

    fn is_public(&self, seat: Seat) -> bool {
        let there = self.public.parent.find(&self.public.name).ok().flatten();
        there.is_some_and(|there| self.files.get(&seat) == Some(&FileId::from(&there)))
    }

    /// Removes every name that a lane can have, those of a dead master's lanes too.
    fn remove_lanes(&self) {
        let seats = (0..MOST).map(|lane| Seat::Lane(LaneId(lane))).chain([Seat::Helm]);
        let names = seats.flat_map(|seat| [name(seat), link_name(seat)]).chain(["next".into()]);
        for name in names {
            // What is left keeps the directory; the next master of this path removes it.
            let _ = self.private.directory.remove(&name);
        }
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        if !self.kept {
            self.public.remove(&self.ours());
            self.remove_lanes();
        }
    }
}

/// The name that a socket is bound at.
fn name(seat: Seat) -> OsString {
    match seat {
        Seat::Lane(lane) => lane.0.to_string().into(),
        Seat::Helm => "hold".into(),
    }
}

/// The name by which we find its file, whatever a worker does to the other.
fn link_name(seat: Seat) -> OsString {
    let mut link = name(seat);
    link.push(".link");
    link
}
