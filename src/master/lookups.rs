//! What may block happens on other threads: following symlinks, reading /proc, asking for half-open handshakes.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::recipes::Recipes;
use super::release::Release;
use super::release_error::ReleaseError;
use crate::supervision::GenerationId;
use crate::sys::survivors::{self, Search};

/// What was found.
pub(super) enum Found {
    Release { generation: GenerationId, release: Result<Arc<Release>, ReleaseError> },
    Settled { generation: GenerationId, settled: bool },
    Survivors { generation: GenerationId, count: usize },
    RelayEnded,
}

/// The threads that look, and what they bring back.
pub(super) struct Lookups {
    sender: mpsc::UnboundedSender<Found>,
    receiver: mpsc::UnboundedReceiver<Found>,
}

impl Lookups {
    pub(super) fn new() -> Lookups {
        let (sender, receiver) = mpsc::unbounded_channel();
        Lookups { sender, receiver }
    }

    /// What was found next. Cancel-safe.
    pub(super) async fn next(&mut self) -> Found {
        self.receiver.recv().await.expect("we have a sender ourselves")
    }

    pub(super) fn resolve(&self, generation: GenerationId, recipes: Arc<Recipes>) {
        self.look(move || Found::Release { generation, release: recipes.resolve(generation).map(Arc::new) });
    }

    pub(super) fn settled(&self, generation: GenerationId, is_settled: impl FnOnce() -> bool + Send + 'static) {
        self.look(move || Found::Settled { generation, settled: is_settled() });
    }

    pub(super) fn survivors(&self, generation: GenerationId, search: Search) {
        self.look(move || Found::Survivors { generation, count: survivors::find(&search).len() });
    }

    pub(super) fn kill_survivors(&self, search: Search) {
        tokio::task::spawn_blocking(move || survivors::kill(&search));
    }

    /// Runs a relay beside the loop.
    pub(super) fn relay(&self, relay: impl Future<Output = ()> + Send + 'static) {
        let sender = self.sender.clone();
        tokio::spawn(async move {
            relay.await;
            let _ = sender.send(Found::RelayEnded); // a master that is gone counts nothing
        });
    }

    fn look(&self, what: impl FnOnce() -> Found + Send + 'static) {
        let sender = self.sender.clone();
        tokio::task::spawn_blocking(move || {
            let _ = sender.send(what()); // a master that is gone wants to know nothing
        });
    }
}
