//! The worker itself: its place under a master, or its being alone.
//!
//! It owns what all copies of a [`Worker`] share. It must not know how messages travel.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

#[cfg(feature = "http")]
use super::connections::Passed;
use super::connections::{Connections, Desk, Wish};
use super::link::{Drained, Link};
#[cfg(feature = "http")]
use super::tally::Tally;
use super::{OnMasterDeath, Stage, Stages};
use crate::protocol::{MAX_TEXT, Status, WorkerMessage};

/// How long a worker may drain when there is no master to lose patience.
const GRACE_WITHOUT_MASTER: Duration = Duration::from_secs(30);

/// This process as a worker; all copies are the same one.
#[derive(Debug, Clone)]
pub struct Worker {
    pub(super) shared: Arc<Shared>,
}

/// Why a worker cannot say that it is ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadyError {
    /// There is nobody to tell it.
    #[error("cannot say that this worker is ready: its master is gone")]
    MasterGone,
}

/// Who a worker is for its master.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Identity {
    pub(super) id: Option<u64>,
    pub(super) generation: Option<u64>,
    pub(super) slot: Option<u32>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) identity: Identity,
    /// The way to the master; none when the worker is alone.
    pub(super) link: Option<Link>,
    pub(super) desk: Desk,
    pub(super) drained: Drained,
    pub(super) stages: watch::Sender<Stage>,
    #[cfg(feature = "http")]
    pub(super) tally: Tally,
    on_master_death: Mutex<OnMasterDeath>,
    has_said_ready: AtomicBool,
    has_said_draining: AtomicBool,
}

impl Worker {
    pub(super) fn new(identity: Identity, link: Option<Link>) -> std::io::Result<Self> {
        let stage = if link.is_some() { Stage::Waiting } else { Stage::Serving };
        let shared = Shared {
            identity,
            link,
            desk: Desk::default(),
            drained: Drained::new()?,
            stages: watch::Sender::new(stage),
            #[cfg(feature = "http")]
            tally: Tally::default(),
            on_master_death: Mutex::default(),
            has_said_ready: AtomicBool::new(false),
            has_said_draining: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether a master started this process; if not, the worker is alone and binds by itself.
    pub fn is_supervised(&self) -> bool {
        self.shared.link.is_some()
    }

    /// Its id, never used again while the master lives.
    pub fn id(&self) -> Option<u64> {
        self.shared.identity.id
    }

    /// The number of its generation.
    pub fn generation(&self) -> Option<u64> {
        self.shared.identity.generation
    }

    /// Its seat in the generation.
    pub fn slot(&self) -> Option<u32> {
        self.shared.identity.slot
    }

    /// Says that this worker can serve; only the first call does anything.
    ///
    /// # Errors
    /// When the master is gone.
    pub fn ready(&self) -> Result<(), ReadyError> {
        let Some(link) = &self.shared.link else { return Ok(()) };
        if self.shared.has_said_ready.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        match link.post(&WorkerMessage::Ready) {
            Ok(_) => Ok(()),
            Err(_) => {
                self.shared.has_said_ready.store(false, Ordering::Relaxed);
                Err(ReadyError::MasterGone)
            }
        }
    }

    /// Tells how this worker does. Never waits: when the master is busy, or has heard a hundred of them within this
    /// second, it does not hear this one.
    pub fn status(&self, mut status: Status) {
        if let Some(text) = &mut status.text {
            shorten(text, MAX_TEXT);
        }
        if let Some(link) = &self.shared.link {
            link.post_if_there_is_room(&WorkerMessage::Status(status));
        }
    }

    /// Begins to drain of its own accord, and tells the master, which then sees to a replacement.
    pub fn drain(&self, grace: Duration) {
        self.shared.drain(grace);
    }

    /// The stage that this worker is in.
    pub fn stage(&self) -> Stage {
        *self.shared.stages.borrow()
    }

    /// The stages from now on, to be waited for.
    pub fn stages(&self) -> Stages {
        Stages::of(self, self.shared.stages.subscribe())
    }

    /// Chooses what happens when the master is gone; if it is already, that happens now.
    pub fn on_master_death(&self, choice: OnMasterDeath) {
        let mut chosen = lock(&self.shared.on_master_death);
        *chosen = choice;
        if self.stage() == Stage::MasterGone {
            self.shared.go_on_without_master(choice);
        }
    }

    /// The accepted connections that the master passes to this worker, for one taker.
    ///
    /// `None` while another one has them. While nobody has them, the master gives them to somebody else.
    pub fn connections(&self) -> Option<Connections> {
        Connections::take(self, Wish::Any)
    }

    /// The accepted connections that `wants` knows, before anybody else is asked; any number may do that.
    #[cfg(feature = "http")]
    pub(crate) fn connections_that(&self, wants: impl Fn(&Passed) -> bool + Send + 'static) -> Connections {
        Connections::take(self, Wish::Only(Box::new(wants))).expect("only who wants all must be alone")
    }
}

impl Shared {
    pub(super) fn move_to(&self, next: impl FnOnce(Stage) -> Stage) {
        self.stages.send_if_modified(|stage| {
            let before = *stage;
            *stage = next(before);
            *stage != before
        });
    }

    /// Tells the master before the application can notice, and leave.
    pub(super) fn drain(&self, grace: Duration) {
        let is_first = !self.has_said_draining.swap(true, Ordering::Relaxed);
        if let (true, Some(link)) = (is_first, &self.link) {
            // A master that is gone need not know.
            let _ = link.post(&WorkerMessage::Draining);
        }
        self.move_to(|_| Stage::Draining { grace });
        self.desk.close();
        self.drained.raise();
    }

    /// Does what was chosen for the end of the channel; the choice cannot change meanwhile.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there is no channel to end"))]
    pub(super) fn lose_the_master(&self) {
        let chosen = lock(&self.on_master_death);
        self.go_on_without_master(*chosen);
    }

    fn go_on_without_master(&self, choice: OnMasterDeath) {
        match choice {
            OnMasterDeath::Serve => self.move_to(Stage::orphaned),
            OnMasterDeath::Drain if self.stages.borrow().is_draining() => {}
            OnMasterDeath::Drain => self.drain(GRACE_WITHOUT_MASTER),
            OnMasterDeath::Exit => std::process::exit(1),
        }
    }
}

/// Locks a mutex whose value is whole even if somebody panicked while he held it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cuts a text off at a character's end.
fn shorten(text: &mut String, longest: usize) {
    let end = (0..=longest.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_off_at_the_end_of_a_character() {
        let shortened = |text: &str, longest| {
            let mut text = text.to_owned();
            shorten(&mut text, longest);
            text
        };
        assert_eq!(shortened("day", 9), "day");
        assert_eq!(shortened("day", 2), "da");
        assert_eq!(shortened("ünï", 3), "ün");
        assert_eq!(shortened("ünï", 4), "ün");
        assert_eq!(shortened("ü", 1), "");
    }
}
