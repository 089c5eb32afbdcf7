//! The releases of the generations that served last: pinned, so that a rollback raises the same files again. Which of them
//! is wanted is not its business.

use std::collections::VecDeque;
use std::sync::Arc;

use super::machine::Master;
use super::release::Release;
use crate::supervision::{GenerationId, KEPT, Notice};

/// The latest at the end.
#[derive(Debug, Default)]
pub(super) struct Kept {
    releases: VecDeque<(GenerationId, Arc<Release>)>,
}

impl Kept {
    /// The generation serves from now on.
    fn keep(&mut self, generation: GenerationId, release: Arc<Release>) {
        self.releases.push_back((generation, release));
        if self.releases.len() > KEPT {
            self.releases.pop_front();
        }
    }

    /// What the generation ran.
    pub(super) fn of(&self, generation: GenerationId) -> Option<Arc<Release>> {
        self.releases.iter().find(|(of, _)| *of == generation).map(|(_, release)| release.clone())
    }
}

impl Master {
    /// Keeps the release of whoever comes to serve.
    pub(super) fn keep_release(&mut self, notice: &Notice) {
        if let Notice::Promoted { generation, .. } = notice
            && let Some(release) = self.releases.get(generation)
        {
            self.kept.keep(*generation, release.clone());
        }
    }
}
