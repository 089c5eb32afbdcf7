//! Private ways: connections of ours that only one generation can take, though clients reach another, or none. Through
//! its lanes; or one to each worker, where workers take connections that we accept.
//!
//! Must not know what is said over them.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::UnboundedSender;

use super::listener::Listener;
use super::listeners::ListenerId;
use super::lookups::Found;
use super::machine::Master;
use crate::protocol::Address;
use crate::supervision::{CohortId, GenerationId, Slot, WorkerId};
use crate::sys::lanes::{Origin, Own, Seat};

/// So many workers have a stream of their own at a time; of more, others have their turn the next time.
const MOST_ONE_BY_ONE: usize = 32;

/// A connection to one generation alone. It may not be complete yet: whoever writes first waits for that.
#[derive(Debug)]
pub(super) struct PrivateStream {
    /// The listener that it leads through.
    pub(super) listener: String,
    /// Where that really listens.
    pub(super) address: Address,
    /// Whose worker it is, if it leads to one of them.
    pub(super) slot: Option<Slot>,
    pub(super) connection: Private,
}

/// The connection itself. When it is dropped, the listener takes it back and forgets where it came from.
#[derive(Debug)]
pub(super) struct Private {
    pub(super) stream: Stream,
    pub(super) back: Option<(ListenerId, Own)>,
    pub(super) to: UnboundedSender<Found>,
}

#[derive(Debug)]
pub(super) enum Stream {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

/// Connections that we accept ourselves at a helm, to pass each to the worker that it is for.
pub(super) type Expected = BTreeMap<Origin, WorkerId>;

impl Stream {
    /// Any connection, of the same kind as the listener's.
    pub(super) fn over(fd: OwnedFd, address: &Address) -> io::Result<Stream> {
        match address {
            Address::Tcp { .. } => {
                let stream = TcpStream::from(fd);
                stream.set_nonblocking(true)?;
                tokio::net::TcpStream::from_std(stream).map(Stream::Tcp)
            }
            Address::Unix(_) | Address::Abstract(_) => {
                let stream = UnixStream::from(fd);
                stream.set_nonblocking(true)?;
                tokio::net::UnixStream::from_std(stream).map(Stream::Unix)
            }
        }
    }
}

impl Master {
    /// A connection through each listener of the generation: to each of its workers, if all take connections from us, or
    /// into its lane. There is none through a listener whose lane all generations share.
    pub(super) fn private_streams(&mut self, generation: GenerationId) -> Result<Vec<PrivateStream>, String> {
        let mut streams = Vec::new();
        let one_by_one = self.one_by_one(generation);
        for id in self.listeners.ids() {
            if !self.listeners.listener(id).is_some_and(|listener| listener.has_private_way_to(generation)) {
                continue;
            }
            match &one_by_one[..] {
                [] => {
                    let cohorts = self.listeners.listener(id).map_or_else(Vec::new, |it| it.cohorts_of(generation));
                    for cohort in cohorts {
                        streams.extend(self.private(id, cohort, None)?);
                    }
                }
                workers => {
                    for &(worker, slot) in workers {
                        let cohort = self.processes.all.get(&worker).map(|process| process.cohort);
                        let cohort = cohort.unwrap_or(CohortId::whole(generation));
                        streams.extend(self.private(id, cohort, Some((worker, slot)))?);
                    }
                }
            }
        }
        Ok(streams)
    }

    /// The workers that can be reached one by one: all that are ready, or none.
    fn one_by_one(&mut self, generation: GenerationId) -> Vec<(WorkerId, Slot)> {
        let ours = self.processes.all.iter().filter(|(_, process)| process.generation == generation);
        let ready: Vec<_> = ours.filter(|(worker, _)| !self.unproved.contains(worker)).collect();
        if !ready.iter().all(|(_, process)| process.takes_connections() || process.node.is_some()) {
            return Vec::new();
        }
        let mut workers: Vec<_> = ready.into_iter().map(|(&worker, process)| (worker, process.slot)).collect();
        if workers.len() > MOST_ONE_BY_ONE {
            let turn = self.relays.next_of(workers.len());
            workers.rotate_left(turn);
            workers.truncate(MOST_ONE_BY_ONE);
        }
        workers
    }

    /// A connection through one listener; none if its lane is shared.
    pub(super) fn private(
        &mut self,
        id: ListenerId,
        cohort: CohortId,
        worker: Option<(WorkerId, Slot)>,
    ) -> Result<Option<PrivateStream>, String> {
        let Some(listener) = self.listeners.listener_mut(id) else { return Ok(None) };
        let (name, address) = (listener.declaration.name.clone(), listener.address());
        let fault = |error: io::Error| format!("cannot connect to generation {cohort} on {name}: {error}");
        if listener.rotation.is_some() {
            return self.private_by_rotation(id, cohort, worker);
        }
        let Some(lane) = listener.seat_of(cohort) else { return Ok(None) };
        let seat = if worker.is_some() { Seat::Helm } else { lane };
        let Some(own) = listener.lanes.connect(seat).map_err(fault)? else { return Ok(None) };
        let begun = own.origin().and_then(|origin| Ok((origin, own.as_fd().try_clone_to_owned()?)));
        let begun = begun.and_then(|(origin, fd)| Ok((origin, Stream::over(fd, &address)?)));
        let (origin, stream) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                let _ = listener.lanes.end(own); // it is what has failed already
                return Err(fault(error));
            }
        };
        let connection = Private { stream, back: Some((id, own)), to: self.lookups.sender() };
        if let Some((worker, _)) = worker {
            listener.expected.insert(origin, worker);
            self.rescue(id, Seat::Helm);
            self.listeners.watch(id);
        }
        let slot = worker.map(|(_, slot)| slot);
        Ok(Some(PrivateStream { listener: name, address, slot, connection }))
    }

    /// Nobody needs that connection any more.
    pub(super) fn private_ended(&mut self, id: ListenerId, own: Own) {
        let Some(listener) = self.listeners.listener_mut(id) else { return };
        if let Ok(origin) = own.origin() {
            listener.expected.remove(&origin);
        }
        if let Err(error) = listener.lanes.end(own) {
            tracing::error!(listener = listener.declaration.name, %error, "cannot end a connection of our own");
        }
        self.listeners.watch(id);
    }

    /// The worker that a connection is for that we accepted, if it is one of ours.
    pub(super) fn expected(&mut self, id: ListenerId, accepted: &OwnedFd) -> Option<WorkerId> {
        let listener = self.listeners.listener_mut(id).filter(|listener| !listener.expected.is_empty())?;
        listener.expected.remove(&Origin::of(accepted.as_fd()).ok()?)
    }

    /// A worker does not take a connection that was for it alone: its lane does.
    pub(super) fn lead_into_lane(&mut self, id: ListenerId, cohort: CohortId, connection: &Arc<OwnedFd>) {
        let Ok(Some(PrivateStream { address, connection: mut server, .. })) = self.private(id, cohort, None) else {
            return;
        };
        let client = connection.as_fd().try_clone_to_owned().and_then(|fd| Stream::over(fd, &address));
        let Ok(mut client) = client else { return };
        self.lookups.beside(async move {
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await; // the check sees how it ends
        });
    }
}

impl Listener {
    /// Whether a connection of ours can reach the generation and nobody else.
    pub(super) fn has_private_way_to(&self, generation: GenerationId) -> bool {
        let is_its_own = |cohort: CohortId| self.rotation.is_some() || self.seat_of(cohort).is_some();
        self.cohorts_of(generation).iter().any(|&cohort| is_its_own(cohort) && self.is_taken_by(cohort))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Some((listener, own)) = self.back.take() {
            let _ = self.to.send(Found::PrivateEnded { listener, own }); // a master that is gone has no rules in force
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // a socket keeps nothing back
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Private {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Private {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
