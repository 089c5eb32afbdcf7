//! From a builder to a master: opens the listeners, and sees whether there are descriptors enough.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::builder::{Builder, StartError};
use super::channel;
use super::checking::Errands;
use super::door::Doors;
use super::handle::Handle;
use super::listeners::Listeners;
use super::lookups::Lookups;
use super::machine::Master;
use super::node::{Datagrams, PreloadFile};
use super::processes::Processes;
use super::prove::Experience;
use super::release_error::ReleaseError;
use super::rescue::Relays;
use crate::supervision::{FirstStart, Supervisor};
use crate::sys::launch::Starter;
use crate::sys::poller::Poller;
use crate::sys::{files, process};

/// So many commands may wait for the master's attention.
const REQUESTS: usize = 1024;
/// Descriptors that are ours whatever we do: streams, epoll sets, signals, the control socket.
const DESCRIPTORS_OF_OUR_OWN: u64 = 64;
/// Descriptors for a worker: pidfd, channel, notify socket, launcher, two pipes.
const DESCRIPTORS_A_WORKER: u64 = 6;
/// So many generations may be there at once as a rule: one drains, one serves, one rises. A generation that finds no
/// room is given up.
const GENERATIONS: u64 = 3;

impl Builder {
    /// Opens the listeners. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the program is not there, a limit is too low, or a listener cannot be opened: nothing is open then.
    pub fn build(mut self) -> Result<Master, StartError> {
        let first = &mut self.recipes.first;
        first.listeners.append(&mut self.declarations);
        first.remember_where_we_are();
        let declared = match (first.resolve(), self.policy.first_start) {
            (Err(ReleaseError::NoProgram), FirstStart::Wait) => return Err(ReleaseError::NoProgram.into()),
            (Err(error), FirstStart::Fail) => return Err(error.into()),
            (Err(_), FirstStart::Wait) => first.listeners.clone(), // what is not there may still come
            (Ok(release), _) => release.listeners,
        };
        self.behaviour.descriptor_limit = Some(self.check_descriptors()?);
        let system = |what| move |source| StartError::System { what, source };
        if self.behaviour.adopt {
            process::adopt_orphans().map_err(system("become the parent of orphans"))?;
        }
        let poller = Arc::new(Poller::new().map_err(system("watch descriptors"))?);
        let mut listeners = Listeners::new(poller.clone());
        listeners.aside = self.aside;
        for declaration in declared {
            listeners.open(declaration, false)?;
        }
        let starter = self.behaviour.launcher.then(starter).flatten();
        let (requests, asked) = mpsc::channel(REQUESTS);
        Ok(Master {
            supervisor: Supervisor::new(self.policy),
            recipes: Arc::new(self.recipes),
            behaviour: self.behaviour,
            releases: BTreeMap::new(),
            kept: Default::default(),
            processes: Processes::default(),
            listeners,
            relays: Relays::default(),
            doors: Doors::default(),
            errands: Errands::default(),
            limits: BTreeSet::new(),
            guessed: BTreeSet::new(),
            lookups: Lookups::new(),
            poller,
            packet: vec![0; channel::ROOM],
            starter,
            spare: None,
            handle: Handle { requests },
            asked,
            answers: BTreeMap::new(),
            events: VecDeque::new(),
            sinks: Vec::new(),
            latest_request: 0,
            latest_report: 0,
            paused: Vec::new(),
            ending: None,
            changed: BTreeSet::new(),
            unreadable: None,
            unproved: BTreeSet::new(),
            experience: Experience::default(),
            preload: PreloadFile::default(),
            datagrams: Datagrams::default(),
        })
    }

    /// Raises our own limit if need be; gives back what it was, for the workers.
    fn check_descriptors(&self) -> Result<(u64, u64), StartError> {
        let system = |source| StartError::System { what: "read RLIMIT_NOFILE", source };
        let (now, most) = files::descriptor_limit().map_err(system)?;
        let recipe = &self.recipes.first;
        let sockets: u64 = recipe.listeners.iter().map(|declaration| declaration.lanes as u64 + 2).sum();
        let workers = u64::from(recipe.plan.workers) * GENERATIONS * DESCRIPTORS_A_WORKER;
        let needed = sockets + workers + DESCRIPTORS_OF_OUR_OWN;
        if needed > most {
            return Err(StartError::TooFewDescriptors { needed, allowed: most });
        }
        if now < most {
            files::set_descriptor_limit(most, most).map_err(system)?;
        }
        Ok((now, most))
    }
}

/// A refusal costs time beside very many workers, and nothing else.
fn starter() -> Option<Starter> {
    Starter::new().map_err(|error| tracing::info!(%error, "workers are started from the master's own table")).ok()
}
