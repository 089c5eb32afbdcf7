//! Accepted connections that the master passes, one by one, to whoever in the application takes them.
//!
//! Each is answered: yes when it is taken, no when nobody does. It must not know why they are passed.

use std::fmt;
use std::sync::Mutex;

use tokio::sync::mpsc;

use super::Worker;
use super::membership::{Shared, lock};
use crate::protocol::WorkerMessage;

/// As many connections may wait for the taker; more are given to somebody else.
const WAITING: usize = 64;

/// A socket that came from the master.
#[cfg(unix)]
pub type Socket = std::os::fd::OwnedFd;
/// A socket that came from the master.
#[cfg(windows)]
pub type Socket = std::os::windows::io::OwnedSocket;

/// A connection that the master accepted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Passed {
    /// Names the listener that it came in at.
    pub key: String,
    /// The connection; whether its calls wait is up to the master, so set it.
    pub socket: Socket,
}

/// The connections that the master passes to this worker, until it drains.
#[derive(Debug)]
pub struct Connections {
    worker: Worker,
    offers: mpsc::Receiver<Offer>,
}

/// A connection, and the number of the message that it came with.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) seq: u64,
    pub(super) passed: Passed,
}

/// Where offers are left for the takers, while there are any.
#[derive(Debug, Default)]
pub(super) struct Desk {
    takers: Mutex<Vec<Taker>>,
}

/// Somebody who takes connections.
#[derive(Debug)]
struct Taker {
    wish: Wish,
    offers: mpsc::Sender<Offer>,
}

/// Which connections a taker wants.
pub(super) enum Wish {
    /// Whatever nobody else asked for.
    Any,
    /// Those that he knows as his.
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "only who serves HTTP is choosy"))]
    Only(Box<dyn Fn(&Passed) -> bool + Send>),
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Any) { "Any" } else { "Only(..)" })
    }
}

impl Desk {
    /// Leaves an offer, or gives it back if nobody takes it.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there is no master to offer anything"))]
    pub(super) fn offer(&self, offer: Offer) -> Result<(), Offer> {
        let takers = lock(&self.takers);
        let asked_for_it = |taker: &&Taker| matches!(&taker.wish, Wish::Only(wants) if wants(&offer.passed));
        let takes_any = |taker: &&Taker| matches!(taker.wish, Wish::Any);
        let mut open = takers.iter().filter(|taker| !taker.offers.is_closed());
        match open.clone().find(asked_for_it).or_else(|| open.find(takes_any)) {
            Some(taker) => taker.offers.try_send(offer).map_err(mpsc::error::TrySendError::into_inner),
            None => Err(offer),
        }
    }

    /// Takes no more offers.
    pub(super) fn close(&self) {
        lock(&self.takers).clear();
    }

    fn open(&self, shared: &Shared, wish: Wish) -> Option<mpsc::Receiver<Offer>> {
        let mut takers = lock(&self.takers);
        takers.retain(|taker| !taker.offers.is_closed());
        if matches!(wish, Wish::Any) && takers.iter().any(|taker| matches!(taker.wish, Wish::Any)) {
            return None;
        }
        let (offers, receiver) = mpsc::channel(WAITING);
        // The stage changes before the desk is closed: one of the two sees the other.
        if !shared.stages.borrow().is_draining() {
            takers.push(Taker { wish, offers });
        }
        Some(receiver)
    }
}

impl Connections {
    pub(super) fn take(worker: &Worker, wish: Wish) -> Option<Self> {
        let offers = worker.shared.desk.open(&worker.shared, wish)?;
        Some(Self { worker: worker.clone(), offers })
    }

    /// Waits for the next connection, and tells the master that it is taken.
    ///
    /// `None` when the worker drains and all are taken. It may be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Option<Passed> {
        let Offer { seq, passed } = self.offers.recv().await?;
        self.answer(seq, true);
        Some(passed)
    }

    fn answer(&self, ack: u64, accepted: bool) {
        if let Some(link) = &self.worker.shared.link {
            // A master that is gone has lost its copy anyway.
            let _ = link.post(&WorkerMessage::Accepted { ack, accepted });
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.offers.close();
        while let Ok(Offer { seq, passed }) = self.offers.try_recv() {
            drop(passed);
            self.answer(seq, false);
        }
    }
}
