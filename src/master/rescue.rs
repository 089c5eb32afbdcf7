//! Stragglers: connections in a lane where nobody accepts any more. They are passed to a worker that serves, or relayed
//! to the listener's own address, which leads there.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::listeners::ListenerId;
use super::machine::Master;
use super::report::Deed;
use crate::protocol::MasterMessage;
use crate::supervision::{CohortId, WorkerId};
use crate::sys::lanes::{Endpoint, Seat};

/// So many are accepted at once, before others have their turn.
const AT_ONCE: usize = 64;
/// More relays than this at once, and the kernel keeps the rest in its queue.
const MOST_RELAYS: usize = 512;

/// Connections on their way to a worker, or through us.
#[derive(Default)]
pub(super) struct Relays {
    /// Passed, but not yet taken: the worker may still decline, or die.
    passed: BTreeMap<(WorkerId, u64), Passed>,
    running: usize,
    next: usize,
}

struct Passed {
    listener: ListenerId,
    connection: Arc<OwnedFd>,
    /// It is for this cohort alone.
    only: Option<CohortId>,
}

impl Relays {
    /// Whose turn it is among so many.
    pub(super) fn next_of(&mut self, count: usize) -> usize {
        self.next = self.next.wrapping_add(1);
        self.next % count.max(1)
    }
}

impl Master {
    /// Accepts what waits in a lane where nobody else does.
    pub(super) fn rescue(&mut self, id: ListenerId, seat: Seat) {
        let (mut passed, mut relayed) = (0, 0);
        let mut name = String::new();
        for _ in 0..AT_ONCE {
            let Some(listener) = self.listeners.listener(id) else { break };
            let expects = seat == Seat::Helm && !listener.expected.is_empty();
            if self.relays.running >= MOST_RELAYS && !expects {
                self.listeners.set_rescue(false); // until a relay ends
                break;
            }
            let Ok(Some(connection)) = listener.lanes.accept(seat) else { break };
            name.clone_from(&listener.declaration.name);
            if let Some(worker) = self.expected(id, &connection) {
                self.pass_to(worker, id, Arc::new(connection), true);
                continue;
            }
            match self.pass(id, Arc::new(connection)) {
                Ok(()) => passed += 1,
                Err(connection) => {
                    self.relay(id, connection);
                    relayed += 1;
                }
            }
        }
        if seat == Seat::Helm {
            self.listeners.watch(id);
        }
        if passed + relayed > 0 {
            let connections = passed + relayed;
            self.report(Deed::Rescued { listener: name, connections, passed, relayed });
        }
    }

    /// Hands a connection to a worker of the generation that serves; gives it back if none takes any.
    fn pass(&mut self, listener: ListenerId, connection: Arc<OwnedFd>) -> Result<(), Arc<OwnedFd>> {
        let serving = self.supervisor.serving();
        let workers = self.processes.all.iter().filter(|(_, process)| Some(process.generation) == serving);
        let takers: Vec<WorkerId> =
            workers.filter(|(_, process)| process.takes_connections()).map(|(&id, _)| id).collect();
        let turn = self.relays.next_of(takers.len());
        let Some(&worker) = takers.get(turn) else { return Err(connection) };
        match self.pass_to(worker, listener, connection.clone(), false) {
            true => Ok(()),
            false => Err(connection),
        }
    }

    /// Hands a connection to this worker; whether that was possible.
    fn pass_to(&mut self, worker: WorkerId, listener: ListenerId, connection: Arc<OwnedFd>, alone: bool) -> bool {
        let key = self.listeners.listener(listener).map(|it| it.declaration.name.clone());
        let cohort = self.processes.all.get(&worker).map(|process| process.cohort);
        let (Some(key), Some(cohort)) = (key, cohort) else { return false };
        let sent = self.say(worker, MasterMessage::NewConn { key }, Some(connection.clone()));
        let only = alone.then_some(cohort);
        let passed = |seq| self.relays.passed.insert((worker, seq), Passed { listener, connection, only });
        sent.map(passed).is_some()
    }

    /// A worker answered: what it does not serve is relayed. False if there was nothing to be answered.
    pub(super) fn passed(&mut self, worker: WorkerId, seq: u64, accepted: bool) -> bool {
        let Some(Passed { listener, connection, only }) = self.relays.passed.remove(&(worker, seq)) else {
            return false;
        };
        if !accepted {
            if let Some(process) = self.processes.all.get_mut(&worker) {
                process.declined = process.declined.saturating_add(1);
            }
            match only {
                Some(cohort) => self.lead_into_lane(listener, cohort, &connection),
                None => self.relay(listener, connection),
            }
        }
        true
    }

    /// A worker is gone: what it had not taken goes to another.
    pub(super) fn pass_on(&mut self, gone: WorkerId) {
        let pending: Vec<u64> = self.relays.passed.range((gone, 0)..=(gone, u64::MAX)).map(|(key, _)| key.1).collect();
        for seq in pending {
            let Some(Passed { listener, connection, only: None }) = self.relays.passed.remove(&(gone, seq)) else {
                continue;
            };
            if let Err(connection) = self.pass(listener, connection) {
                self.relay(listener, connection);
            }
        }
    }

    /// Copies a connection to and from the listener's own address.
    fn relay(&mut self, listener: ListenerId, connection: Arc<OwnedFd>) {
        let Some(target) = self.listeners.listener(listener).map(|listener| listener.lanes.local().clone()) else {
            return;
        };
        self.relays.running += 1;
        self.lookups.relay(async move {
            if let Err(error) = relay(&connection, target).await {
                tracing::debug!(%error, "a relayed connection ended early");
            }
        });
    }

    /// There is room for another one.
    pub(super) fn relay_ended(&mut self) {
        self.relays.running -= 1;
        self.listeners.set_rescue(self.supervisor.serving().is_some());
    }
}

async fn relay(connection: &OwnedFd, target: Endpoint) -> io::Result<()> {
    let connection = connection.as_fd().try_clone_to_owned()?;
    match target {
        Endpoint::Tcp { .. } => {
            let connection = TcpStream::from(connection);
            connection.set_nonblocking(true)?;
            let mut client = tokio::net::TcpStream::from_std(connection)?;
            let mut server = tokio::net::TcpStream::connect(client.local_addr()?).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        }
        Endpoint::Unix(path) => {
            let mut client = unix(connection)?;
            let mut server = tokio::net::UnixStream::connect(path).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        }
        Endpoint::Abstract(_) => {} // has one lane only, and that one always has somebody who accepts
    }
    Ok(())
}

fn unix(connection: OwnedFd) -> io::Result<tokio::net::UnixStream> {
    let connection = UnixStream::from(connection);
    connection.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(connection)
}
