//! What may block happens on other threads: following symlinks, reading /proc, asking for half-open handshakes.

use std::io::{self, PipeWriter};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::door::Visitor;
use super::hooks::Facts;
use super::listeners::ListenerId;
use super::recipes::Recipes;
use super::release::Release;
use super::release_error::ReleaseError;
use super::report::Deed;
use crate::errands::Scenery;
use crate::supervision::{CohortId, GenerationId};
use crate::sys::lanes::Own;
use crate::sys::survivors::{self, Search};

/// What was found.
pub(super) enum Found {
    Release {
        generation: GenerationId,
        release: Result<Arc<Release>, ReleaseError>,
    },
    Settled {
        cohort: CohortId,
        settled: bool,
    },
    Survivors {
        cohort: CohortId,
        count: usize,
    },
    /// Something that happened while a release was resolved.
    Told {
        generation: GenerationId,
        deed: Deed,
    },
    /// How a round of checks has ended.
    Checked {
        generation: GenerationId,
        failure: Option<String>,
    },
    /// Something that happened while a hook was run, after its reload.
    Errand {
        deed: Deed,
    },
    ErrandEnded {
        number: u64,
    },
    RelayEnded,
    PrivateEnded {
        listener: ListenerId,
        own: Own,
    },
    Visitor(Visitor),
}

/// The threads that look, and what they bring back.
pub(super) struct Lookups {
    sender: mpsc::UnboundedSender<Found>,
    receiver: mpsc::UnboundedReceiver<Found>,
    /// Whose release is being resolved. What the thread does about it ends when this is closed.
    resolving: Option<(GenerationId, PipeWriter)>,
}

impl Lookups {
    pub(super) fn new() -> Lookups {
        let (sender, receiver) = mpsc::unbounded_channel();
        Lookups { sender, receiver, resolving: None }
    }

    /// What was found next. Cancel-safe.
    pub(super) async fn next(&mut self) -> Found {
        self.receiver.recv().await.expect("we have a sender ourselves")
    }

    /// # Errors
    /// When there are no descriptors left.
    pub(super) fn resolve(&mut self, facts: Facts, scenery: Scenery, recipes: Arc<Recipes>) -> io::Result<()> {
        let generation = facts.generation;
        let (cancelled, resolving) = io::pipe()?;
        self.resolving = Some((generation, resolving));
        let sender = self.sender.clone();
        self.look(move || {
            // A master that is gone wants to know nothing.
            let mut tell = |deed| drop(sender.send(Found::Told { generation, deed }));
            let release = recipes.resolve(&facts, scenery, &cancelled, &mut tell).map(Arc::new);
            Found::Release { generation, release }
        });
        Ok(())
    }

    /// Nobody waits for it any more.
    pub(super) fn cancel(&mut self, generation: GenerationId) {
        drop(self.resolving.take_if(|(of, _)| *of == generation));
    }

    /// Runs something that can be ended early, by closing what comes back.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub(super) fn errand(
        &self,
        number: u64,
        run: impl FnOnce(&io::PipeReader, &mut dyn FnMut(Deed)) + Send + 'static,
    ) -> io::Result<PipeWriter> {
        let (cancelled, ends_it) = io::pipe()?;
        let sender = self.sender.clone();
        self.look(move || {
            // A master that is gone wants to know nothing.
            run(&cancelled, &mut |deed| drop(sender.send(Found::Errand { deed })));
            Found::ErrandEnded { number }
        });
        Ok(ends_it)
    }

    pub(super) fn settled(&self, cohort: CohortId, is_settled: impl FnOnce() -> bool + Send + 'static) {
        self.look(move || Found::Settled { cohort, settled: is_settled() });
    }

    pub(super) fn survivors(&self, cohort: CohortId, search: Search) {
        self.look(move || Found::Survivors { cohort, count: survivors::find(&search).len() });
    }

    pub(super) fn kill_survivors(&self, search: Search) {
        tokio::task::spawn_blocking(move || drop(survivors::kill(&search)));
    }

    /// For telling the loop what was found.
    pub(super) fn sender(&self) -> mpsc::UnboundedSender<Found> {
        self.sender.clone()
    }

    /// Runs something beside the loop, of which nobody waits for the end.
    pub(super) fn beside(&self, what: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(what);
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
