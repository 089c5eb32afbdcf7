//! One listening socket and what can be asked of it; all the sockets of a listener by seat.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::stat::fstat,
};

use super::{
    calls,
    seat::{LaneId, Seat},
    settings::{Settings, Spoiled},
    sock_diag,
};

/// How full a socket's queue of connections is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Queue {
    /// Connections that nobody has accepted yet.
    pub(crate) waiting: u32,
    /// How many can wait.
    pub(crate) limit: u32,
}

/// A listening socket as it was when it was opened.
#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    inode: u64,
    unix: bool,
    backlog: u32,
    limit: u32,
    settings: Settings,
}

impl Socket {
    /// Remembers a socket that listens by now, with all its options.
    pub(super) fn new(fd: OwnedFd, backlog: u32) -> io::Result<Socket> {
        let inode = fstat(&fd)?.st_ino;
        let unix = calls::number(fd.as_fd(), libc::SOL_SOCKET, libc::SO_DOMAIN)? == libc::AF_UNIX;
        let settings = Settings::of(fd.as_fd())?;
        let mut socket = Socket { fd, inode, unix, backlog, limit: 0, settings };
        socket.limit = socket.queue()?.limit;
        Ok(socket)
    }

    pub(super) fn inode(&self) -> u64 {
        self.inode
    }

    /// Whether connections still arrive.
    pub(super) fn listens(&self) -> bool {
        listens(self.as_fd())
    }

    fn shows(&self, events: libc::c_short) -> bool {
        calls::poll(self.as_fd(), events) & events != 0
    }

    /// Listens (again), with the backlog that was configured.
    pub(super) fn listen(&self) -> io::Result<()> {
        Ok(calls::listen(self.as_fd(), self.backlog)?)
    }

    /// How many connections wait; nothing waits in a socket that was shut.
    pub(super) fn queue(&self) -> io::Result<Queue> {
        if !self.listens() {
            return Ok(Queue { waiting: 0, limit: 0 });
        }
        if !self.unix {
            return Ok(tcp_queue(self.as_fd())?);
        }
        // Without unix_diag only "some" can be told from "none".
        let guess = || Queue { waiting: u32::from(self.shows(libc::POLLIN)), limit: self.backlog };
        Ok(sock_diag::unix_queue(self.inode).unwrap_or_else(|_| guess()))
    }

    /// `sk_drops`: of a TCP socket that listens, the connections that found its queue full.
    #[cfg(feature = "control")]
    pub(super) fn overflows(&self) -> Option<u32> {
        const DROPS: usize = 8 * 4; // SK_MEMINFO_DROPS
        if self.unix {
            return None;
        }
        let figures = calls::option(self.as_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO, DROPS + 4).ok()?;
        figures.get(DROPS..DROPS + 4)?.try_into().ok().map(u32::from_ne_bytes)
    }

    /// Accepts one connection that waits. Where the socket blocks, it is asked first whether one does; then a worker that
    /// still accepts could be quicker, so this is for sockets whose workers have gone.
    pub(super) fn accept(&self) -> io::Result<Option<OwnedFd>> {
        loop {
            let blocks = !OFlag::from_bits_retain(fcntl(&self.fd, FcntlArg::F_GETFL)?).contains(OFlag::O_NONBLOCK);
            if blocks && self.listens() && !self.shows(libc::POLLIN) {
                return Ok(None);
            }
            match calls::accept(self.as_fd()) {
                Ok(accepted) => return Ok(Some(accepted)),
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR | Errno::ECONNABORTED) => {}
                Err(other) => return Err(other.into()),
            }
        }
    }

    /// Puts back all options that a worker may have changed, and reads them back.
    pub(super) fn restore(&self) -> Result<(), Spoiled> {
        if !self.listens() {
            return Err(Spoiled { option: "SO_ACCEPTCONN", why: "it was shut".into() });
        }
        self.settings.restore(self.as_fd())?;
        self.restore_backlog().map_err(|why| Spoiled { option: "backlog", why })
    }

    /// A socket that listens already only gets its backlog changed by this. A TCP socket is left alone where it can be:
    /// if it were shut at this very instant, it would listen again behind the back of whoever counts its group.
    fn restore_backlog(&self) -> Result<(), String> {
        let limit = || self.queue().map(|queue| queue.limit).map_err(|error| error.to_string());
        if self.unix || limit()? != self.limit {
            self.listen().map_err(|error| error.to_string())?;
        }
        match limit()? {
            limit if limit == self.limit => Ok(()),
            limit => Err(format!("it is {limit} instead of {}", self.limit)),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Whether connections still arrive at a socket. A Unix socket that was shut says that it listens, but has hung up; a TCP
/// socket that listens has never hung up.
pub(super) fn listens(fd: BorrowedFd<'_>) -> bool {
    let accepts = calls::number(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN) == Ok(1);
    let hung_up = libc::POLLRDHUP | libc::POLLHUP;
    accepts && calls::poll(fd, hung_up) & hung_up == 0
}

/// The queue of a listening TCP socket: in `tcp_info`, `tcpi_unacked` is what waits and `tcpi_sacked` what can.
fn tcp_queue(fd: BorrowedFd<'_>) -> nix::Result<Queue> {
    const UNACKED: usize = 24;
    const SACKED: usize = 28;
    let info = calls::option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, SACKED + 4)?;
    let number = |at: usize| info.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
    match (number(UNACKED), number(SACKED)) {
        (Some(waiting), Some(limit)) => Ok(Queue { waiting, limit }),
        _ => Err(Errno::EINVAL),
    }
}

/// All the sockets of a listener.
#[derive(Debug, Default)]
pub(super) struct Seats {
    lanes: Vec<Socket>,
    helm: Option<Socket>,
}

impl Seats {
    /// Adds a lane; its id is the next one.
    pub(super) fn add_lane(&mut self, socket: Socket) -> LaneId {
        self.lanes.push(socket);
        LaneId(self.lanes.len() - 1)
    }

    /// Puts a socket in a seat and gives back the one that sat there.
    pub(super) fn replace(&mut self, seat: Seat, socket: Socket) -> Option<Socket> {
        match seat {
            Seat::Lane(lane) => self.lanes.get_mut(lane.0).map(|old| std::mem::replace(old, socket)),
            Seat::Helm => self.helm.replace(socket),
        }
    }

    pub(super) fn find(&self, seat: Seat) -> Option<&Socket> {
        match seat {
            Seat::Lane(lane) => self.lanes.get(lane.0),
            Seat::Helm => self.helm.as_ref(),
        }
    }

    /// As [`Seats::find`], for a seat that a caller names.
    pub(super) fn require(&self, seat: Seat) -> io::Result<&Socket> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("this listener has no socket for {seat}"));
        self.find(seat).ok_or_else(missing)
    }

    /// All sockets: the lanes in order, then the helm.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Seat, &Socket)> {
        let lanes = self.lanes.iter().enumerate().map(|(index, socket)| (Seat::Lane(LaneId(index)), socket));
        lanes.chain(self.helm.iter().map(|socket| (Seat::Helm, socket)))
    }
}
