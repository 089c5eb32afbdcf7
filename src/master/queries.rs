//! Queries: a worker asks for an address, and is granted a handle or refused with a reason that a person can act on.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::listener::Allotment;
use super::listeners::{ListenerId, Listeners};
use super::machine::{Master, listening};
use super::open::Declaration;
use super::report::Deed;
use super::wording::{in_full, shown, shown_within};
use crate::protocol::{Address, Declared, MasterMessage, Match, Query, choose};
use crate::supervision::{CohortId, GenerationId, WorkerId};

/// What a query gets that makes no sense, and one for which there is no listener.
const EINVAL: i32 = nix::errno::Errno::EINVAL as i32;
const EADDRNOTAVAIL: i32 = nix::errno::Errno::EADDRNOTAVAIL as i32;
/// And one that wants more than it can have.
const EMFILE: i32 = nix::errno::Errno::EMFILE as i32;

/// So many listeners can a generation open by asking for them.
const MOST_OPENED: usize = 64;
/// So many different guesses are told.
const MOST_GUESSES: usize = 256;
/// A refusal's reason is cut off after this, since it is to fit into a packet.
const LONGEST_REFUSAL: usize = 2048;

/// What a query gets.
struct Grant {
    key: String,
    handle: Arc<OwnedFd>,
    /// The worker was born with it, under this number.
    fd: Option<u16>,
}

impl Listeners {
    /// Which listener a query means: of those that the generation declares, or of all if it declares none.
    pub(super) fn matching(&self, generation: GenerationId, asked: &Address) -> (Match, Vec<ListenerId>) {
        let anything_declared =
            self.iter().map(|(_, listener)| listener).any(|listener| listener.is_declared_by(generation));
        let open = self.iter().filter(|(_, listener)| !anything_declared || listener.is_declared_by(generation));
        let (ids, declared): (Vec<_>, Vec<Declared>) = open.map(|(id, listener)| (id, listener.declared())).unzip();
        match choose(&declared, asked) {
            Match::OnlyOne(_) | Match::Refused(_) if !anything_declared => (Match::Nothing, ids),
            found => (found, ids),
        }
    }

    /// How many listeners are open because that generation asked for them.
    fn opened_for(&self, generation: GenerationId) -> usize {
        let by_query = self.iter().map(|(_, listener)| listener).filter(|listener| listener.by_query);
        by_query.filter(|listener| !listener.cohorts_of(generation).is_empty()).count()
    }
}

impl Allotment {
    /// What a worker is told that asks for a lane when there is none.
    pub(super) fn granted(self) -> Result<(), (i32, String)> {
        match self {
            Allotment::Done => Ok(()),
            Allotment::NotYet(why) | Allotment::Never(why) => Err((EINVAL, why)),
        }
    }
}

impl Master {
    /// A worker wants a handle: it is granted, or refused with a reason that a person can act on.
    pub(super) fn query(&mut self, worker: WorkerId, cohort: CohortId, ack: u64, query: &Query) {
        let granted = Address::try_from(query)
            .map_err(|error| (EINVAL, error.to_string()))
            .and_then(|asked| self.find_or_open(worker, cohort, &asked));
        let (message, handle) = match granted {
            Ok(Grant { key, fd: Some(fd), .. }) => (MasterMessage::Inherited { ack, key, fd }, None),
            Ok(Grant { key, handle, fd: None }) => (MasterMessage::Granted { ack, key }, Some(handle)),
            Err((errno, message)) => {
                let message = shown_within(&message, LONGEST_REFUSAL);
                self.report_refusal(worker, query, &message);
                (MasterMessage::Refused { ack, errno, message }, None)
            }
        };
        self.say(worker, message, handle);
    }

    fn find_or_open(&mut self, worker: WorkerId, cohort: CohortId, asked: &Address) -> Result<Grant, (i32, String)> {
        let (found, ids) = self.listeners.matching(cohort.generation, asked);
        let id = match found {
            Match::Exact(index) | Match::Covered(index) => ids[index],
            Match::OnlyOne(index) => {
                self.report_guess(worker, asked, ids[index]);
                ids[index]
            }
            Match::Nothing => self.open_for_query(cohort, asked)?,
            Match::Refused(message) => return Err((EADDRNOTAVAIL, message)),
        };
        self.listeners.allot_one(id, cohort, self.supervisor.serving()).granted()?;
        let fault = |error: io::Error| (error.raw_os_error().unwrap_or(EINVAL), error.to_string());
        let handle = self.listeners.grant(id, cohort).map_err(fault)?;
        self.listeners.take(id, cohort);
        let key = self.listeners.listener(id).map(|listener| listener.declaration.name.clone()).unwrap_or_default();
        let fd = self.processes.all.get(&worker).and_then(|process| process.inherited.get(&id).copied());
        Ok(Grant { key, handle, fd })
    }

    /// Nothing is declared: the query itself opens the listener.
    fn open_for_query(&mut self, cohort: CohortId, asked: &Address) -> Result<ListenerId, (i32, String)> {
        let lanes = self.behaviour.lanes;
        let declaration = Declaration { lanes, ..Declaration::new(asked.to_string(), asked.clone()) };
        self.open_asked(cohort, declaration, false)
    }

    pub(super) fn open_asked(
        &mut self,
        cohort: CohortId,
        declaration: Declaration,
        rotates: bool,
    ) -> Result<ListenerId, (i32, String)> {
        if self.listeners.opened_for(cohort.generation) >= MOST_OPENED {
            let why = format!("a generation can open at most {MOST_OPENED} listeners by asking for them");
            return Err((EMFILE, why));
        }
        let fault = |error: &dyn std::error::Error, errno: i32| (errno, in_full(error));
        let id = self.listeners.open(declaration, true).map_err(|error| fault(&error, error.errno()))?;
        let allotted = self.listeners.allot_one(id, cohort, self.supervisor.serving()).granted();
        allotted.inspect_err(|_| self.listeners.close(id))?;
        if let Some(listener) = self.listeners.listener_mut(id) {
            if rotates {
                listener.rotate();
            }
            let deed = listening(listener);
            self.report(deed);
        }
        Ok(id)
    }

    pub(super) fn report_guess(&mut self, worker: WorkerId, asked: &Address, id: ListenerId) {
        let Some(process) = self.processes.all.get(&worker) else { return };
        let (generation, slot) = (process.generation, process.slot);
        let Some(listener) = self.listeners.listener(id) else { return };
        if self.guessed.len() >= MOST_GUESSES || !self.guessed.insert((asked.clone(), id)) {
            return; // it has been said
        }
        let (asked, listener) = (asked.to_string(), listener.declaration.name.clone());
        self.report(Deed::Guessed { generation, slot, asked, listener });
    }

    fn report_refusal(&mut self, worker: WorkerId, query: &Query, why: &str) {
        let asked = Address::try_from(query).map_or_else(|_| format!("{query:?}"), |address| address.to_string());
        self.report_refusal_of(worker, &asked, why);
    }

    pub(super) fn report_refusal_of(&mut self, worker: WorkerId, asked: &str, why: &str) {
        let Some(process) = self.processes.all.get(&worker).filter(|_| self.has_room()) else { return };
        let (generation, slot) = (process.generation, process.slot);
        self.report(Deed::Refused { generation, slot, asked: shown(asked), why: shown(why) });
    }
}
