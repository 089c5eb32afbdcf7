//! A look at one generation whose workers are passed their connections: a connection of our own for one of them.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::channel::Handle;
use crate::master::listeners::ListenerId;
use crate::master::machine::Master;
use crate::master::private::{Private, PrivateStream, Stream};
use crate::protocol::Address;
use crate::supervision::{CohortId, Slot, WorkerId};

impl Master {
    /// A connection to that worker, or to any of the generation that listens there.
    pub(in crate::master) fn private_by_rotation(
        &mut self,
        id: ListenerId,
        cohort: CohortId,
        worker: Option<(WorkerId, Slot)>,
    ) -> Result<Option<PrivateStream>, String> {
        let Some(listener) = self.listeners.listener(id) else { return Ok(None) };
        let (name, address) = (listener.declaration.name.clone(), listener.address());
        let ours = self.processes.all.iter().filter(|(_, process)| process.cohort == cohort);
        let mut with_keys = ours.filter_map(|(&of, process)| Some((of, process.node.as_ref()?.key_of(id)?.to_owned())));
        let found = with_keys.find(|(of, _)| worker.is_none_or(|(worker, _)| worker == *of));
        let Some((of, key)) = found else { return Ok(None) };
        let fault = |error: io::Error| format!("cannot connect to generation {cohort} on {name}: {error}");
        let (ours, theirs) = pair(&address).map_err(fault)?;
        let stream = Stream::over(ours, &address).map_err(fault)?;
        if let Some(node) = self.processes.all.get_mut(&of).and_then(|process| process.node.as_mut()) {
            node.talk.pass(&key, Handle { socket: Arc::new(theirs), private: true });
        }
        self.flush_node(of);
        let connection = Private { stream, back: None, to: self.lookups.sender() };
        Ok(Some(PrivateStream { listener: name, address, slot: worker.map(|(_, slot)| slot), connection }))
    }
}

/// Two ends of a connection of the same kind as the listener's; the second one does not block.
fn pair(address: &Address) -> io::Result<(OwnedFd, OwnedFd)> {
    match address {
        Address::Tcp { .. } => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let client = TcpStream::connect(listener.local_addr()?)?;
            let from = client.local_addr()?;
            // Anybody can connect there meanwhile.
            let server = loop {
                let (server, of) = listener.accept()?;
                if of == from {
                    break server;
                }
            };
            server.set_nonblocking(true)?;
            Ok((client.into(), server.into()))
        }
        Address::Unix(_) | Address::Abstract(_) => {
            let (client, server) = UnixStream::pair()?;
            server.set_nonblocking(true)?;
            Ok((client.into(), server.into()))
        }
    }
}
