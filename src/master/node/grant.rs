//! A script wants to listen: its query opens the listener, if nothing is declared, or means one that is.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::errno::Errno;

use super::channel::{Handle, ServerId};
use super::datagrams;
use crate::dialects::node::{Place, Refusal, Server};
use crate::master::listener::Listener;
use crate::master::listeners::{ListenerId, Listeners};
use crate::master::machine::Master;
use crate::master::open::Declaration;
use crate::master::report::Deed;
use crate::protocol::{Address, Match};
use crate::supervision::{CohortId, GenerationId, WorkerId};
use crate::sys::lanes::{Endpoint, Way};

/// What a query gets.
struct Grant {
    server: ServerId,
    place: Place,
    /// The socket; without it, the connections.
    socket: Option<Arc<OwnedFd>>,
}

/// Why not: the number of an error, and a sentence.
type Refused = (i32, String);

impl Master {
    /// A Node worker wants to listen; it is answered in any case.
    pub(super) fn node_query(&mut self, worker: WorkerId, cohort: CohortId, ack: u64, server: &Server) {
        let granted = self.grant_node(worker, cohort, server);
        let data = match &granted {
            Ok(Grant { server: ServerId::Listener(id), .. }) => {
                self.listeners.listener_mut(*id).and_then(|listener| listener.same_for_all(server))
            }
            Ok(Grant { server: ServerId::Datagrams(_), .. }) => None,
            Err((_, why)) => {
                let asked = server.address().map_or_else(|_| server.key(), |address| address.to_string());
                self.report_refusal_of(worker, &asked, why);
                None
            }
        };
        let Some(node) = self.processes.all.get_mut(&worker).and_then(|process| process.node.as_mut()) else { return };
        match granted {
            Ok(Grant { server: id, place, socket }) => {
                node.keys.insert(server.key(), id);
                match socket {
                    None => node.talk.grant(ack, data.as_ref(), place),
                    Some(socket) => {
                        node.talk.share(ack, data.as_ref(), place.port(), Handle { socket, private: false });
                    }
                }
            }
            Err((errno, _)) => node.talk.refuse(ack, Refusal(errno)),
        }
        self.flush_node(worker);
    }

    fn grant_node(&mut self, worker: WorkerId, cohort: CohortId, server: &Server) -> Result<Grant, Refused> {
        if let Some(number) = server.descriptor() {
            let why = format!("descriptor {number} is heirloom's own: declare the listener, and listen on its address");
            return Err((Errno::EBADF as i32, why));
        }
        let grant = match server.datagrams() {
            Some(_) => self.grant_datagrams(cohort.generation, server)?,
            None => self.grant_listener(worker, cohort, server)?,
        };
        let node = self.processes.all.get(&worker).and_then(|process| process.node.as_ref());
        match node.is_some_and(|node| node.keys.values().any(|has| *has == grant.server)) {
            true => Err((Errno::EADDRINUSE as i32, "this very worker listens there already".into())),
            false => Ok(grant),
        }
    }

    fn grant_datagrams(&mut self, generation: GenerationId, server: &Server) -> Result<Grant, Refused> {
        let found = self.datagrams.find_or_open(server, generation)?;
        if found.new {
            let (listener, address) = (datagrams::name(found.local), found.local.to_string());
            self.report(Deed::Listening { listener, address, way: Way::Shared.to_string(), lanes: 1 });
        }
        let place = Place::Tcp(found.local);
        Ok(Grant { server: ServerId::Datagrams(found.id), place, socket: Some(found.handle) })
    }

    fn grant_listener(&mut self, worker: WorkerId, cohort: CohortId, server: &Server) -> Result<Grant, Refused> {
        let asked = server.address().map_err(|error| (Errno::EINVAL as i32, error.to_string()))?;
        let id = self.find_or_open_for_node(worker, cohort, server, asked)?;
        self.listeners.allot_one(id, cohort, self.supervisor.serving()).granted()?;
        let rotates = self.rotates(cohort.generation);
        let listener = self.listeners.listener_mut(id).ok_or((Errno::EINVAL as i32, "it is gone".to_owned()))?;
        let (server, place) = (ServerId::Listener(id), listener.place());
        if listener.rotation.is_some() || (rotates && listener.way() == Way::Shared) {
            listener.rotate();
            self.listeners.hold(id, cohort);
            return Ok(Grant { server, place, socket: None });
        }
        let fault = |error: io::Error| (error.raw_os_error().unwrap_or(Errno::EINVAL as i32), error.to_string());
        let socket = Some(self.listeners.grant(id, cohort).map_err(fault)?);
        Ok(Grant { server, place, socket })
    }

    fn rotates(&self, generation: GenerationId) -> bool {
        self.releases.get(&generation).is_some_and(|release| release.rotates())
    }

    fn find_or_open_for_node(
        &mut self,
        worker: WorkerId,
        cohort: CohortId,
        server: &Server,
        asked: Address,
    ) -> Result<ListenerId, Refused> {
        let lanes = if self.rotates(cohort.generation) { 1 } else { self.behaviour.lanes };
        let name = match (asked.port(), server.index()) {
            (Some(0), index @ 1..) => format!("{asked}#{index}"),
            _ => asked.to_string(),
        };
        if let Some(id) = self.listeners.any_port_named(&name, &asked) {
            return Ok(id);
        }
        let (found, ids) = self.listeners.matching(cohort.generation, &asked);
        let is_another = |index: usize| {
            asked.port() == Some(0) && self.listeners.listener(ids[index]).is_some_and(|listener| listener.by_query)
        };
        let found = match found {
            Match::Exact(index) | Match::Covered(index) if is_another(index) => Match::Nothing,
            found => found,
        };
        match found {
            Match::Exact(index) | Match::Covered(index) => Ok(ids[index]),
            Match::OnlyOne(index) => {
                self.report_guess(worker, &asked, ids[index]);
                Ok(ids[index])
            }
            Match::Nothing => {
                let declaration = Declaration { lanes, mode: server.mode(), ..Declaration::new(name, asked) };
                self.open_asked(cohort, declaration, lanes == 1 && self.rotates(cohort.generation))
            }
            Match::Refused(message) => Err((Errno::EADDRNOTAVAIL as i32, message)),
        }
    }
}

impl Listeners {
    /// Workers of the generation get connections from there, though none of them has the socket.
    fn hold(&mut self, id: ListenerId, cohort: CohortId) {
        let tenant = self.listener_mut(id).and_then(|listener| listener.tenants.get_mut(&cohort));
        if let Some(tenant) = tenant {
            tenant.granted = true;
        }
    }

    /// The listener that a query for any port has opened, by its name.
    fn any_port_named(&self, name: &str, asked: &Address) -> Option<ListenerId> {
        let alike = |listener: &Listener| listener.by_query && listener.declaration.name == name;
        self.iter().find(|(_, it)| asked.port() == Some(0) && alike(it)).map(|(id, _)| id)
    }

    /// Those whose connections we accept.
    pub(super) fn rotating(&self) -> Vec<ListenerId> {
        self.iter().filter(|(_, listener)| listener.rotation.is_some()).map(|(id, _)| id).collect()
    }
}

impl Listener {
    /// Where it listens, as a script is told it.
    fn place(&self) -> Place {
        match self.lanes.local() {
            Endpoint::Tcp { address, .. } => Place::Tcp(*address),
            Endpoint::Unix(_) | Endpoint::Abstract(_) => Place::Path,
        }
    }

    /// What the first worker that listened there wants all others to have: TLS sessions go on in any of them.
    fn same_for_all(&mut self, server: &Server) -> Option<serde_json::Value> {
        if self.data.is_none() {
            self.data = server.data.clone().filter(|data| !data.is_null());
        }
        self.data.clone()
    }
}
