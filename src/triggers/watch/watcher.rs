//! The watcher: a handle, and the thread behind it that sleeps until something happens.

use std::io;
use std::sync::mpsc::{self as std_mpsc, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::mpsc;

use super::events::{self, Message};
use super::news::News;
use super::selection::{Pace, Selection};
use super::survey::Survey;
use super::watching::Watching;

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    messages: std_mpsc::Sender<Message>,
    extent: Arc<Mutex<Extent>>,
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
    pub fn start(selection: Selection, pace: Pace) -> Result<(Watcher, mpsc::UnboundedReceiver<News>), WatchError> {
        let (news, receiver) = mpsc::unbounded_channel();
        Ok((Watcher::telling(&selection, pace, news)?, receiver))
    }

    /// The same, for whoever has a channel already.
    pub(super) fn telling(
        selection: &Selection,
        pace: Pace,
        news: mpsc::UnboundedSender<News>,
    ) -> Result<Watcher, WatchError> {
        let survey = Survey::of(selection)?;
        let (messages, inbox) = std_mpsc::channel();
        let extent = Arc::new(Mutex::new(Extent::default()));
        let mut watching = Watching::new(pace, news, messages.clone(), extent.clone());
        thread::Builder::new().name("watch".into()).spawn(move || watch(&mut watching, &inbox))?;
        let watcher = Watcher { messages, extent };
        watcher.tell_and_wait(survey, pace);
        Ok(watcher)
    }

    /// Watches this from now on. What is there by now is known and no news, but for files that are not whole. Waits until
    /// all is read.
    ///
    /// # Errors
    /// As [`Watcher::start`]; then all stays as it is.
    pub fn select(&self, selection: &Selection, pace: Pace) -> Result<(), WatchError> {
        self.tell_and_wait(Survey::of(selection)?, pace);
        Ok(())
    }

    /// How much is watched.
    pub fn extent(&self) -> Extent {
        *self.extent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_and_wait(&self, survey: Survey, pace: Pace) {
        let (done, end) = std_mpsc::sync_channel(1);
        let _ = self.messages.send(Message::Select(Box::new(survey), pace, done)); // the thread lives as long as we
        let _ = end.recv();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::End);
    }
}

fn watch(watching: &mut Watching, inbox: &std_mpsc::Receiver<Message>) {
    loop {
        let message = match watching.due() {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(pause) => inbox.recv_timeout(pause),
        };
        let all = events::all(message, inbox);
        if !watching.hear(all) {
            return;
        }
        watching.look_around();
    }
}
