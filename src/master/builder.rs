//! Putting a master together: what it runs, where it listens, how it behaves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::build::Build;
use super::channel;
use super::door::Doors;
use super::handle::Handle;
use super::listeners::Listeners;
use super::lookups::Lookups;
use super::machine::Master;
use super::open::{Declaration, ListenError};
use super::processes::Processes;
use super::prove::Experience;
use super::recipes::Recipes;
use super::release::Recipe;
use super::release_error::ReleaseError;
use super::rescue::Relays;
use crate::supervision::{Coalescing, FirstStart, Policy, Supervisor};
use crate::sys::lanes::LANES;
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

/// Puts a [`Master`] together.
#[derive(Clone, Debug)]
pub struct Builder {
    recipes: Recipes,
    declarations: Vec<Declaration>,
    policy: Policy,
    behaviour: Behaviour,
    aside: Option<PathBuf>,
}

/// How a master treats its workers and its surroundings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Behaviour {
    /// Workers are started by this program's own hidden verb.
    pub(super) launcher: bool,
    /// Workers write into pipes of ours.
    pub(super) capture: bool,
    /// What our descendants leave behind becomes our child, and is reaped.
    pub(super) adopt: bool,
    /// How many descriptors a worker may have: what we were started with.
    pub(super) descriptor_limit: Option<(u64, u64)>,
    /// For listeners that a query opens.
    pub(super) lanes: usize,
}

/// Why a master cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// What it is to run is not there, or not fit to be run.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// A listener cannot be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// RLIMIT_NOFILE is too low for what is asked.
    #[error("{needed} descriptors are needed, but only {allowed} are allowed (RLIMIT_NOFILE)")]
    TooFewDescriptors {
        /// What the listeners and workers take.
        needed: u64,
        /// The hard limit.
        allowed: u64,
    },
    /// The system refuses something that every master needs.
    #[error("cannot {what}")]
    System {
        /// What we tried.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl StartError {
    /// What to do about it, where we know.
    pub fn hint(&self) -> Option<String> {
        match self {
            StartError::Listen(error) => error.hint(),
            StartError::TooFewDescriptors { needed, .. } => Some(format!(
                "raise the hard limit to at least {needed}: `ulimit -Hn`, LimitNOFILE= in systemd, --ulimit in Docker"
            )),
            StartError::Release(_) | StartError::System { .. } => None,
        }
    }
}

impl Default for Builder {
    fn default() -> Self {
        let program = std::env::current_exe().map(OsString::from).unwrap_or_default();
        let arguments = std::env::args_os().skip(1);
        Builder {
            recipes: Recipes {
                first: Recipe::new(std::iter::once(program).chain(arguments)),
                read: None,
                build: None,
                terminal: None,
            },
            declarations: Vec::new(),
            policy: Policy::default(),
            behaviour: Behaviour {
                launcher: false,
                capture: false,
                adopt: false,
                descriptor_limit: None,
                lanes: LANES,
            },
            aside: None,
        }
    }
}

impl Builder {
    /// What to run, instead of this very program with its arguments.
    #[must_use]
    pub fn recipe(mut self, recipe: Recipe) -> Builder {
        self.recipes.first = recipe;
        self
    }

    /// Reads the recipe of each further generation anew, on a thread that may block: where it cannot be read, that
    /// generation is given up. Listeners come and go with the recipe that names them.
    #[must_use]
    pub fn read_anew(mut self, read: impl Fn() -> Result<Recipe, ReleaseError> + Send + Sync + 'static) -> Builder {
        self.recipes.read = Some(Arc::new(read));
        self
    }

    /// Runs a command before each generation is resolved, on a thread that may block: where it fails, that generation is
    /// given up. It is ended when its generation is.
    #[must_use]
    pub fn build_first(mut self, build: Build) -> Builder {
        self.recipes.build = Some(build);
        self
    }

    /// How many workers.
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Builder {
        self.recipes.first.plan.workers = workers;
        self
    }

    /// Opens a listener before any worker exists. Once one is declared, workers get no others.
    #[must_use]
    pub fn listen(mut self, declaration: Declaration) -> Builder {
        self.declarations.push(declaration);
        self
    }

    /// How many lanes a listener gets that a query opens: 1 means that all generations share one socket.
    #[must_use]
    pub fn lanes(mut self, lanes: usize) -> Builder {
        self.behaviour.lanes = lanes;
        self
    }

    /// What becomes of a reload that is asked for while another is under way.
    #[must_use]
    pub fn coalescing(mut self, coalescing: Coalescing) -> Builder {
        self.policy.coalescing = coalescing;
        self
    }

    /// What a failed first generation means.
    #[must_use]
    pub fn first_start(mut self, first_start: FirstStart) -> Builder {
        self.policy.first_start = first_start;
        self
    }

    /// A rehearsal: every listener, also those that workers ask for, is opened where no client looks for it. Those with
    /// a path are in this directory, the others at any port of the loopback.
    #[must_use]
    pub fn aside(mut self, directory: impl Into<PathBuf>) -> Builder {
        self.aside = Some(directory.into());
        self
    }

    /// Workers write into pipes of the master, which reports each line, instead of where the master itself writes.
    #[must_use]
    pub fn capture_output(mut self, capture: bool) -> Builder {
        self.behaviour.capture = capture;
        self
    }

    /// What is captured is written to terminals of so many columns and rows, and not into pipes: programs write in colour
    /// there, and line by line.
    #[must_use]
    pub fn on_terminals(mut self, columns: u16, rows: u16) -> Builder {
        self.recipes.terminal = Some((columns, rows));
        self
    }

    /// Becomes the parent of what workers leave behind, reaps it, and lets no generation go before it has ended.
    #[must_use]
    pub fn adopt_orphans(mut self, adopt: bool) -> Builder {
        self.behaviour.adopt = adopt;
        self
    }

    /// Starts workers through the program's hidden verb: the process must be one that calls [`super::launch`] for it.
    #[doc(hidden)]
    #[must_use]
    pub fn launcher(mut self, launcher: bool) -> Builder {
        self.behaviour.launcher = launcher;
        self
    }

    /// Opens the listeners. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the program is not there, a limit is too low, or a listener cannot be opened: nothing is open then.
    pub fn build(mut self) -> Result<Master, StartError> {
        let first = &mut self.recipes.first;
        first.listeners.append(&mut self.declarations);
        first.remember_where_we_are();
        match (first.resolve(), self.policy.first_start) {
            (Err(ReleaseError::NoProgram), FirstStart::Wait) => return Err(ReleaseError::NoProgram.into()),
            (Err(error), FirstStart::Fail) => return Err(error.into()),
            (Err(_), FirstStart::Wait) | (Ok(_), _) => {} // what is not there may still come
        }
        self.behaviour.descriptor_limit = Some(self.check_descriptors()?);
        let system = |what| move |source| StartError::System { what, source };
        if self.behaviour.adopt {
            process::adopt_orphans().map_err(system("become the parent of orphans"))?;
        }
        let poller = Arc::new(Poller::new().map_err(system("watch descriptors"))?);
        let mut listeners = Listeners::new(poller.clone());
        listeners.aside = self.aside;
        for declaration in &self.recipes.first.listeners {
            listeners.open(declaration.clone(), false)?;
        }
        let starter = self.behaviour.launcher.then(starter).flatten();
        let (requests, asked) = mpsc::channel(REQUESTS);
        Ok(Master {
            supervisor: Supervisor::new(self.policy),
            recipes: Arc::new(self.recipes),
            behaviour: self.behaviour,
            releases: BTreeMap::new(),
            processes: Processes::default(),
            listeners,
            relays: Relays::default(),
            doors: Doors::default(),
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
