//! Where recipes come from: the same for all generations, or read anew for each.

use std::fmt;
use std::io::PipeReader;
use std::path::Path;
use std::sync::Arc;

use super::build::{Build, Job};
use super::hooks::Facts;
use super::recipe::Recipe;
use super::release::Release;
use super::release_error::ReleaseError;
use super::report::Deed;
use crate::errands::{Hook, Scenery};
use crate::supervision::GenerationId;
use crate::sys::terminal;

/// Reads a recipe, on a thread that may block.
type Read = dyn Fn() -> Result<Recipe, ReleaseError> + Send + Sync;

/// What each generation's recipe is taken from.
#[derive(Clone)]
pub(super) struct Recipes {
    /// The first generation's: with it, the master was started.
    pub(super) first: Recipe,
    /// How those of the others are read; without it, they are the first one's.
    pub(super) read: Option<Arc<Read>>,
    /// What makes it, before it is resolved.
    pub(super) build: Option<Build>,
    /// The build writes to a terminal of this size, and not into a pipe.
    pub(super) terminal: Option<terminal::Size>,
}

impl Recipes {
    /// What a generation is to run. Builds it if need be, and reads the file system.
    pub(super) fn resolve(
        &self,
        facts: &Facts,
        scenery: Scenery,
        cancelled: &PipeReader,
        tell: &mut dyn FnMut(Deed),
    ) -> Result<Release, ReleaseError> {
        let generation = facts.generation;
        if let Some(build) = &self.build {
            let directory = self.first.directory.as_deref().unwrap_or(Path::new("."));
            build.run(&Job { generation, directory, cancelled, terminal: self.terminal }, tell)?;
        }
        if generation == GenerationId(1) {
            return self.first.resolve();
        }
        let mut recipe = self.read.as_ref().map_or_else(|| Ok(self.first.clone()), |read| read())?;
        recipe.directory = recipe.directory.or_else(|| self.first.directory.clone());
        if recipe.hooks.pre_reload.is_some() {
            recipe.around()?.run(Hook::PreReload, facts, scenery, cancelled, tell)?;
        }
        recipe.resolve()
    }
}

impl fmt::Debug for Recipes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipes").field("first", &self.first).finish_non_exhaustive()
    }
}
