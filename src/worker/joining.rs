//! Joining the master: is there one, and which descriptor leads to it?
//!
//! It owns the environment's names on the worker's side. It must not know what is said over the channel.

use std::env;
use std::io;
use std::sync::Mutex;

use super::Worker;
use super::link;
use super::membership::{Identity, lock};
use crate::protocol::environment::{self, ChannelName, ChannelNameError};

/// Joined once for the process: whoever asks later gets a copy.
static JOINED: Mutex<Option<Worker>> = Mutex::new(None);

/// What this process is.
#[derive(Debug, Clone)]
pub enum Role {
    /// Nobody supervises it: it may be a master.
    Master,
    /// A master started it.
    Worker(Worker),
}

/// Why a process that has a master cannot join it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The environment is damaged.
    #[error(transparent)]
    Environment(#[from] ChannelNameError),
    /// The channel cannot be taken over.
    #[error("cannot take over the channel to the master")]
    Channel(#[source] io::Error),
    /// The thread that listens to the master cannot be started.
    #[error("cannot start the thread that listens to the master")]
    Thread(#[source] io::Error),
}

/// What this process is: a worker that has joined its master, or, where nobody supervises it, a master.
///
/// # Errors
/// When there is a master but it cannot be joined: such a process is never taken for a master itself.
pub fn role() -> Result<Role, JoinError> {
    let worker = Worker::join()?;
    match worker.is_supervised() {
        true => Ok(Role::Worker(worker)),
        false => Ok(Role::Master),
    }
}

impl Worker {
    /// Joins the master that started this process, or is alone where there is none.
    ///
    /// The first call takes the channel over, and says hello; later calls give copies of the same worker. Call it
    /// before this process starts others, so that they do not inherit the channel.
    ///
    /// # Errors
    /// When there is a master but the channel to it cannot be used.
    pub fn join() -> Result<Self, JoinError> {
        let mut joined = lock(&JOINED);
        match &*joined {
            Some(worker) => Ok(worker.clone()),
            None => {
                let worker = Self::join_with(|name| Some(env::var_os(name)?.to_string_lossy().into_owned()))?;
                Ok(joined.insert(worker).clone())
            }
        }
    }

    /// Joins the master that the variables name.
    pub(super) fn join_with(variable: impl Fn(&str) -> Option<String>) -> Result<Self, JoinError> {
        let Some(channel) = variable(environment::CHANNEL) else { return Self::alone() };
        let name: ChannelName = channel.parse()?;
        let Some(channel) = link::take_channel(name).map_err(JoinError::Channel)? else { return Self::alone() };
        let identity = Identity {
            id: number(&variable, environment::WORKER),
            generation: number(&variable, environment::GENERATION),
            slot: number(&variable, environment::SLOT),
        };
        Self::over(channel, identity)
    }

    /// A worker that nobody supervises.
    pub(super) fn alone() -> Result<Self, JoinError> {
        Self::new(Identity::default(), None).map_err(JoinError::Channel)
    }
}

fn number<T: std::str::FromStr>(variable: impl Fn(&str) -> Option<String>, name: &str) -> Option<T> {
    variable(name)?.parse().ok()
}
