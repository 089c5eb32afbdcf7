//! Putting a master together: what it runs, where it listens, how it behaves.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::build::Build;
use super::open::{Declaration, ListenError};
use super::recipe::Recipe;
use super::recipes::Recipes;
use super::release_error::ReleaseError;
use crate::supervision::{Coalescing, FirstStart, Policy};
use crate::sys::lanes::LANES;

/// Puts a [`Master`](super::Master) together.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) recipes: Recipes,
    pub(super) declarations: Vec<Declaration>,
    pub(super) policy: Policy,
    pub(super) behaviour: Behaviour,
    pub(super) aside: Option<PathBuf>,
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
}
