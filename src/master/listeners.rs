//! All the addresses that the master holds open: what concerns every one of them, and which sockets are watched for what.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use super::listener::{Allotment, Listener, Tenant, described};
use super::open::{Declaration, ListenError};
use super::shares::Shares;
use super::token::Token;
use crate::supervision::{CohortId, GenerationId};
use crate::sys::lanes::{Dial, LaneId, Probe, Seat, Steering};
use crate::sys::poller::Poller;
/// A listener's number; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListenerId(pub(super) u32);

/// All listeners.
pub(super) struct Listeners {
    pub(super) all: BTreeMap<ListenerId, Listener>,
    latest: u32,
    pub(super) poller: Arc<Poller>,
    /// What steers most of them at once, where we may have that.
    pub(super) dial: Option<Arc<Dial>>,
    /// They have been steered, and their programs not been renewed since.
    pub(super) stale: bool,
    /// Whether there is anybody to whom a rescued connection could be given.
    pub(super) rescue: bool,
    /// There was a socket that could not be watched.
    pub(super) blind: bool,
    /// The generation whose listeners are those that count.
    pub(super) in_force: Option<GenerationId>,
    /// Listeners are opened where no client looks for them, those with a path in this directory.
    pub(super) aside: Option<PathBuf>,
}

impl Listeners {
    pub(super) fn new(poller: Arc<Poller>) -> Listeners {
        Listeners {
            all: BTreeMap::new(),
            latest: 0,
            poller,
            dial: Dial::new().map(Arc::new),
            stale: false,
            rescue: false,
            blind: false,
            in_force: None,
            aside: None,
        }
    }

    pub(super) fn open(&mut self, declaration: Declaration, by_query: bool) -> Result<ListenerId, ListenError> {
        self.latest += 1;
        let mut lanes = match &self.aside {
            None => declaration.open(self.dial.as_ref())?,
            Some(directory) => declaration.open_aside(directory, self.latest)?,
        };
        lanes.steer(Steering::Hold).map_err(ListenError::steering)?;
        let id = ListenerId(self.latest);
        self.all.insert(id, Listener::new(declaration, lanes, by_query));
        self.watch(id);
        Ok(id)
    }

    /// What these are called, in the order of their numbers in a worker.
    pub(super) fn names(&self, inherited: &BTreeMap<ListenerId, u16>) -> Vec<String> {
        let mut ids: Vec<_> = inherited.iter().collect();
        ids.sort_by_key(|(_, number)| **number);
        ids.into_iter().filter_map(|(id, _)| Some(self.all.get(id)?.declaration.name.clone())).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ListenerId, &Listener)> {
        self.all.iter().map(|(&id, listener)| (id, listener))
    }

    pub(super) fn ids(&self) -> Vec<ListenerId> {
        self.all.keys().copied().collect()
    }

    pub(super) fn listener(&self, id: ListenerId) -> Option<&Listener> {
        self.all.get(&id)
    }

    pub(super) fn listener_mut(&mut self, id: ListenerId) -> Option<&mut Listener> {
        self.all.get_mut(&id)
    }

    pub(super) fn in_force(&self) -> Option<GenerationId> {
        self.in_force
    }

    /// Chooses a free lane of each listener for the generation. While nobody serves, it has the connections at once.
    pub(super) fn allot(&mut self, cohort: CohortId, serving: Option<GenerationId>) -> Allotment {
        let ids: Vec<_> =
            self.iter().filter(|(_, listener)| listener.is_for(cohort.generation)).map(|(id, _)| id).collect();
        for id in ids {
            match self.allot_one(id, cohort, serving) {
                Allotment::Done => {}
                otherwise => return otherwise,
            }
        }
        Allotment::Done
    }

    pub(super) fn allot_one(&mut self, id: ListenerId, cohort: CohortId, serving: Option<GenerationId>) -> Allotment {
        let Some(listener) = self.all.get_mut(&id) else { return Allotment::Done };
        if !listener.tenants.contains_key(&cohort) {
            match listener.free_lane(cohort.generation, serving) {
                Ok(lane) => {
                    let tenant = Tenant { lane, handle: Weak::new(), granted: false, taken: false, abandoned: false };
                    listener.tenants.insert(cohort, tenant);
                }
                Err(otherwise) => return otherwise,
            }
        }
        if listener.steered.is_empty()
            && serving.is_none_or(|serving| serving == cohort.generation)
            && let Err(why) = listener.steer(Shares::all(cohort))
        {
            return Allotment::Never(why);
        }
        self.watch(id);
        Allotment::Done
    }

    /// A copy of the generation's lane, to be given to a worker; however many wait for it, they share one.
    pub(super) fn grant(&mut self, id: ListenerId, cohort: CohortId) -> io::Result<Arc<OwnedFd>> {
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let listener = self.all.get_mut(&id).ok_or_else(gone)?;
        let tenant = listener.tenants.get_mut(&cohort).ok_or_else(gone)?;
        listener.lanes.grant(tenant.lane)?;
        let handle = match tenant.handle.upgrade() {
            Some(handle) => handle,
            None => Arc::new(listener.lanes.handle(tenant.lane).try_clone_to_owned()?),
        };
        tenant.handle = Arc::downgrade(&handle);
        tenant.granted = true;
        Ok(handle)
    }

    /// A worker of the generation accepts there.
    pub(super) fn take(&mut self, id: ListenerId, cohort: CohortId) {
        if let Some(tenant) = self.all.get_mut(&id).and_then(|listener| listener.tenants.get_mut(&cohort)) {
            tenant.taken = true;
        }
    }

    /// Nobody accepts in the generation's lanes any more.
    pub(super) fn abandon(&mut self, cohort: CohortId) {
        for id in self.ids() {
            let listener = self.all.get_mut(&id).expect("it is one of ours");
            if let Some(tenant) = listener.tenants.get_mut(&cohort) {
                tenant.abandoned = true;
                self.watch(id);
            }
        }
    }

    /// Where new connections to the generation may still wait: the listeners and their lanes.
    pub(super) fn lanes_of(&self, cohort: CohortId) -> impl Iterator<Item = (&Listener, Seat)> {
        self.all.values().filter_map(move |listener| Some((listener, listener.seat_of(cohort)?)))
    }

    /// Whether a probe could tell whether the generation accepts.
    pub(super) fn can_be_probed(&self, cohort: CohortId) -> bool {
        let granted = |listener: &Listener| listener.tenants.get(&cohort).is_some_and(|tenant| tenant.granted);
        self.lanes_of(cohort).any(|(listener, _)| granted(listener))
    }

    /// Connects to each lane that the generation has been given, so that nobody else can take the connection.
    pub(super) fn probe(&mut self, cohort: CohortId) -> Vec<(ListenerId, Probe)> {
        let mut probes = Vec::new();
        for (&id, listener) in &mut self.all {
            let Some(tenant) = listener.tenants.get(&cohort).filter(|tenant| tenant.granted) else { continue };
            match listener.lanes.probe(tenant.lane) {
                Ok(probe) => probes.extend(probe.map(|probe| (id, probe))),
                Err(error) => {
                    tracing::warn!(listener = listener.declaration.name, %error, "cannot probe a lane");
                }
            }
        }
        probes
    }

    pub(super) fn end_probes(&mut self, probes: Vec<(ListenerId, Probe)>) {
        for (id, probe) in probes {
            if let Some(listener) = self.all.get_mut(&id)
                && let Err(error) = listener.lanes.end_probe(probe)
            {
                tracing::error!(listener = listener.declaration.name, %error, "cannot end a probe");
            }
        }
    }

    /// Mends what a worker has shut. Says what was done, and which cohorts held it: even where the socket is the same,
    /// an event loop that has seen it shut may take it for shut for ever (Tokio's does).
    pub(super) fn mend(&mut self, id: ListenerId) -> io::Result<(Vec<String>, Vec<CohortId>)> {
        let Some(listener) = self.all.get_mut(&id) else { return Ok((Vec::new(), Vec::new())) };
        let mended = listener.lanes.repair()?;
        listener.watched.clear();
        let lanes: BTreeSet<LaneId> = mended.iter().map(|mended| mended.lane).collect();
        let holders = listener.tenants.iter_mut().filter(|(_, tenant)| tenant.granted && lanes.contains(&tenant.lane));
        let holders = holders.map(|(&cohort, tenant)| {
            tenant.handle = Weak::new();
            cohort
        });
        let holders = holders.collect();
        self.watch(id);
        Ok((mended.iter().map(described).collect(), holders))
    }

    /// Whether there is anybody to whom a rescued connection could be given.
    pub(super) fn set_rescue(&mut self, possible: bool) {
        if self.rescue != possible {
            self.rescue = possible;
            self.ids().into_iter().for_each(|id| self.watch(id));
        }
    }

    pub(super) fn close(&mut self, id: ListenerId) {
        if let Some(listener) = self.all.remove(&id) {
            for (_, fd) in listener.lanes.members() {
                self.poller.remove(fd);
            }
        }
    }

    /// Watches each socket of a listener for what matters now.
    pub(super) fn watch(&mut self, id: ListenerId) {
        let Some(listener) = self.all.get_mut(&id) else { return };
        let mut watched = BTreeMap::new();
        for (seat, fd) in listener.lanes.members() {
            let interest = listener.interest(seat, self.rescue);
            let token = Token::Lane(id, seat).number();
            let done = match listener.watched.get(&seat) {
                Some(former) if *former == interest => Ok(()),
                Some(_) => self.poller.modify(fd, token, interest),
                None => {
                    self.poller.remove(fd); // it may have had another seat
                    self.poller.add(fd, token, interest)
                }
            };
            if let Err(error) = done {
                tracing::error!(listener = listener.declaration.name, %error, "cannot watch a lane");
                self.blind = true;
            }
            watched.insert(seat, interest);
        }
        listener.watched = watched;
    }
}
