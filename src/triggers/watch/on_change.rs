//! For production: what a release is made of is watched, and when it changes, a reload is asked for.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use super::news::{Change, News};
use super::selection::{Files, Pace, Selection};
use super::watcher::{WatchError, Watcher};
use crate::master::Handle;
use crate::supervision::{Command, Origin};

/// Watches what the release that is started next is made of.
#[derive(Debug)]
pub struct OnChange {
    /// None as long as nothing is to be watched: then nothing of it is there.
    watcher: Mutex<Option<Watcher>>,
    news: mpsc::UnboundedSender<News>,
}

/// Asks for reloads.
#[derive(Debug)]
pub struct Asking {
    news: mpsc::UnboundedReceiver<News>,
    here: PathBuf,
}

impl OnChange {
    /// Watches nothing yet. Paths below `here` are told as people would write them there.
    pub fn new(here: PathBuf) -> (OnChange, Asking) {
        let (sender, news) = mpsc::unbounded_channel();
        (OnChange { watcher: Mutex::new(None), news: sender }, Asking { news, here })
    }

    /// Watches these files from now on. What is there by now is what the next generation will run, and no reason for a
    /// further reload. Reads them all: call it where that may take a while, before the release is resolved.
    ///
    /// # Errors
    /// As [`Watcher::start`].
    pub fn attend(&self, files: Files, pace: Pace) -> Result<(), WatchError> {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing = files == Files::default();
        let selection = Selection::Files(files);
        match &mut *watcher {
            Some(watcher) => watcher.select(&selection, pace),
            None if nothing => Ok(()),
            none => {
                *none = Some(Watcher::telling(&selection, pace, self.news.clone())?);
                Ok(())
            }
        }
    }
}

impl Asking {
    /// Asks for a reload at each change, for ever.
    pub async fn ask(mut self, master: Handle) {
        while let Some(news) = self.news.recv().await {
            match news {
                News::Changed(change) => {
                    let origin = Origin::new(self.as_seen_here(change).to_string());
                    master.start_asking(Command::RELOAD, origin).await; // the notices tell the outcome
                }
                News::Noticed(notice) => tracing::warn!("{notice}"),
            }
        }
    }

    fn as_seen_here(&self, Change { paths }: Change) -> Change {
        let short = |path: PathBuf| path.strip_prefix(&self.here).map(|path| Path::new(".").join(path)).unwrap_or(path);
        Change { paths: paths.into_iter().map(short).collect() }
    }
}
