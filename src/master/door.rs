//! Doors: loopback addresses that lead to one generation alone, for a person or a command that wants to look at it before
//! clients do. Owns who waits there; must not know why a generation has one.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::listeners::ListenerId;
use super::lookups::Found;
use super::machine::Master;
use super::report::Deed;
use crate::supervision::{GenerationId, Notice};

/// So many can be inside at a time; others wait outside.
const ROOM: usize = 32;
/// After an accept that failed for want of something, which may come back.
const BREATH: Duration = Duration::from_millis(100);

/// All that are open.
#[derive(Debug, Default)]
pub(super) struct Doors(BTreeMap<(GenerationId, ListenerId), Door>);

/// One address. Whoever is inside when it closes can stay.
#[derive(Debug)]
struct Door {
    address: SocketAddr,
    /// Nobody else holds it: it is closed with the door, and not when its keeper next wakes.
    _socket: Arc<TcpListener>,
    keeper: JoinHandle<()>,
}

/// Somebody who came in.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) generation: GenerationId,
    pub(super) listener: ListenerId,
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Doors {
    /// Those of all generations: the listener and the address.
    #[cfg(feature = "control")]
    pub(super) fn iter(&self) -> impl Iterator<Item = (GenerationId, ListenerId, SocketAddr)> + '_ {
        self.0.iter().map(|(&(generation, listener), door)| (generation, listener, door.address))
    }
}

impl Master {
    /// The doors to a generation, by the names of the listeners that they stand for. What has no private way has none.
    pub(super) fn open_doors(&mut self, generation: GenerationId) -> io::Result<Vec<(String, SocketAddr)>> {
        let private = self.listeners.iter().filter(|(_, listener)| listener.has_private_way_to(generation));
        let named: Vec<_> = private.map(|(id, listener)| (id, listener.declaration.name.clone())).collect();
        let mut opened = Vec::new();
        for (id, name) in named {
            let address = match self.doors.0.get(&(generation, id)) {
                Some(door) => door.address,
                None => {
                    let door = open(generation, id, self.lookups.sender())?;
                    let address = door.address;
                    self.doors.0.insert((generation, id), door);
                    address
                }
            };
            opened.push((name, address));
        }
        Ok(opened)
    }

    /// Nobody gets in any more.
    pub(super) fn close_doors(&mut self, generation: GenerationId) {
        self.doors.0.retain(|(of, _), _| *of != generation);
    }

    /// Somebody came in: he is led into the generation's lane.
    pub(super) fn let_in(&mut self, visitor: Visitor) {
        let Visitor { generation, listener, stream: mut client, permit } = visitor;
        if !self.doors.0.contains_key(&(generation, listener)) {
            return;
        }
        let newest = self.listeners.listener(listener).and_then(|it| it.cohorts_of(generation).pop());
        match newest.map_or(Ok(None), |cohort| self.private(listener, cohort, None)) {
            Ok(Some(private)) => self.lookups.beside(async move {
                let mut server = private.connection;
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await; // both ends see how it ends
                drop(permit);
            }),
            Ok(None) => {}
            Err(error) => tracing::warn!(error, "somebody cannot be let in"),
        }
    }

    /// Closes the doors of a generation that nobody has to look at any more: before anybody is told that.
    pub(super) fn close_doors_at(&mut self, notice: &Notice) {
        match *notice {
            Notice::Promoted { generation, .. }
            | Notice::GivenUp { generation, .. }
            | Notice::RolledBack { generation, .. }
            | Notice::Gone { generation, .. } => self.close_doors(generation),
            _ => {}
        }
    }

    /// Opens the doors of a generation that is held, and tells where they are.
    pub(super) fn open_doors_at(&mut self, notice: &Notice) {
        let Notice::Held { generation, .. } = *notice else { return };
        match self.open_doors(generation) {
            Ok(doors) => {
                for (listener, address) in doors {
                    self.report(Deed::Door { generation, listener, address: address.to_string() });
                }
            }
            Err(error) => {
                let what = format!("there is no private address for generation {generation}: {error}");
                self.report(Deed::Trouble { what });
            }
        }
    }
}

fn open(generation: GenerationId, listener: ListenerId, to: UnboundedSender<Found>) -> io::Result<Door> {
    let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    let socket = Arc::new(TcpListener::from_std(socket)?);
    let keeper = tokio::spawn(keep(Arc::downgrade(&socket), generation, listener, to));
    Ok(Door { address, _socket: socket, keeper })
}

async fn keep(socket: Weak<TcpListener>, generation: GenerationId, listener: ListenerId, to: UnboundedSender<Found>) {
    let room = Arc::new(Semaphore::new(ROOM));
    let accept = |cx: &mut Context<'_>| match socket.upgrade() {
        Some(socket) => socket.poll_accept(cx),
        None => Poll::Pending, // the door is closed, and this ends
    };
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        match poll_fn(accept).await {
            Ok((stream, _)) => {
                if to.send(Found::Visitor(Visitor { generation, listener, stream, permit })).is_err() {
                    return; // the master is gone
                }
            }
            Err(error) => {
                tracing::warn!(%error, "nobody can be let in");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}
