//! Sockets for datagrams: one for all workers of all generations, as Node's own primary has it. A datagram goes to whoever
//! reads first.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::errno::Errno;

use crate::dialects::node::Server;
use crate::supervision::GenerationId;
use crate::sys::datagrams;

/// So many can a generation have.
const MOST: usize = 64;
/// Flags of a script's `bind`.
const ONLY_IPV6: u32 = 1;
const REUSE: u32 = 4;

/// All of them.
#[derive(Debug, Default)]
pub(in crate::master) struct Datagrams {
    all: BTreeMap<u32, Socket>,
    latest: u32,
}

#[derive(Debug)]
struct Socket {
    /// What was asked for; of those with any port, which one.
    asked: (SocketAddr, i64),
    local: SocketAddr,
    handle: Arc<OwnedFd>,
    generations: BTreeSet<GenerationId>,
}

/// One that a worker gets.
pub(super) struct Found {
    pub(super) id: u32,
    pub(super) local: SocketAddr,
    pub(super) handle: Arc<OwnedFd>,
    /// It was not open before.
    pub(super) new: bool,
}

impl Datagrams {
    /// The socket that a script asks for, opened if need be. The error has a number, and is a sentence.
    pub(super) fn find_or_open(&mut self, server: &Server, generation: GenerationId) -> Result<Found, (i32, String)> {
        let (address, port) = server.datagrams().ok_or((Errno::EINVAL as i32, "it is no port".to_owned()))?;
        let ip: IpAddr =
            address.parse().map_err(|_| (Errno::EINVAL as i32, format!("`{address}` is no IP address")))?;
        let asked = (SocketAddr::new(ip, port), if port == 0 { server.index() } else { 0 });
        let there = self.all.iter().find(|(_, socket)| socket.asked == asked).map(|(id, _)| *id);
        let id = match there {
            Some(id) => id,
            None => self.open(asked, server.flags.unwrap_or_default(), generation)?,
        };
        let socket = self.all.get_mut(&id).expect("it is open");
        socket.generations.insert(generation);
        Ok(Found { id, local: socket.local, handle: socket.handle.clone(), new: there.is_none() })
    }

    fn open(&mut self, asked: (SocketAddr, i64), flags: u32, generation: GenerationId) -> Result<u32, (i32, String)> {
        if self.all.values().filter(|socket| socket.generations.contains(&generation)).count() >= MOST {
            return Err((Errno::EMFILE as i32, format!("a generation can open at most {MOST} sockets for datagrams")));
        }
        let opened = datagrams::open(asked.0, flags & ONLY_IPV6 != 0, flags & REUSE != 0);
        let (fd, local) = opened.map_err(|error| {
            let errno = error.raw_os_error().unwrap_or(Errno::EINVAL as i32);
            (errno, format!("cannot open {}: {error}", asked.0))
        })?;
        self.latest += 1;
        let socket = Socket { asked, local, handle: Arc::new(fd), generations: BTreeSet::new() };
        self.all.insert(self.latest, socket);
        Ok(self.latest)
    }

    /// What it is called, for people.
    pub(super) fn name(&self, id: u32) -> String {
        self.all.get(&id).map(|socket| name(socket.local)).unwrap_or_default()
    }

    /// Nothing of the generation is left. Says what was closed.
    pub(in crate::master) fn forget(&mut self, generation: GenerationId) -> Vec<String> {
        for socket in self.all.values_mut() {
            socket.generations.remove(&generation);
        }
        let closed = self.all.values().filter(|socket| socket.generations.is_empty());
        let closed = closed.map(|socket| name(socket.local)).collect();
        self.all.retain(|_, socket| !socket.generations.is_empty());
        closed
    }
}

pub(super) fn name(local: SocketAddr) -> String {
    format!("udp {local}")
}
