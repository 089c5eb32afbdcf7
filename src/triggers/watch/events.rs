//! What comes in: events of `notify`, on its own thread and only those that concern us, and what the handle asks for.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, EventHandler};

use super::selection::Pace;
use super::survey::{Concern, Survey};

/// What comes in.
#[derive(Debug)]
pub(super) enum Message {
    /// Something happened to these paths; perhaps they are other files now.
    Happened {
        paths: Vec<PathBuf>,
        replaced: bool,
    },
    /// Nobody knows what happened.
    Overflow,
    /// Something else is to be watched.
    Select(Box<Survey>, Pace, SyncSender<()>),
    End,
}

/// Passes on what concerns us, so that nobody is woken for anything else.
pub(super) struct Ear {
    pub(super) messages: Sender<Message>,
    pub(super) concern: Arc<Mutex<Concern>>,
}

impl EventHandler for Ear {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        let message = match event {
            Ok(event) if event.need_rescan() => Message::Overflow,
            Ok(event) => {
                let Some(replaced) = replaces(&event.kind) else { return };
                let concern = self.concern.lock().unwrap_or_else(PoisonError::into_inner);
                let paths: Vec<PathBuf> = event.paths.into_iter().filter(|path| concern.has(path)).collect();
                if paths.is_empty() {
                    return;
                }
                Message::Happened { paths, replaced }
            }
            Err(_) => Message::Overflow,
        };
        let _ = self.messages.send(message); // nobody listens any more when the watcher ends
    }
}

/// Whether another file may be there now; none if the event says nothing.
fn replaces(kind: &EventKind) -> Option<bool> {
    match kind {
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => Some(true),
        EventKind::Access(AccessKind::Close(AccessMode::Write)) | EventKind::Modify(_) => Some(false),
        EventKind::Access(_) | EventKind::Any | EventKind::Other => None,
    }
}

impl Concern {
    fn has(&self, path: &PathBuf) -> bool {
        self.names.contains_key(path)
            || self.inside.contains(path)
            || path.parent().is_some_and(|parent| self.inside.contains(parent))
    }
}

/// The message, and all that came meanwhile; none if it was only time.
pub(super) fn all(first: Result<Message, RecvTimeoutError>, inbox: &Receiver<Message>) -> Vec<Message> {
    match first {
        Ok(first) => std::iter::once(first).chain(inbox.try_iter()).collect(),
        Err(RecvTimeoutError::Timeout) => Vec::new(),
        Err(RecvTimeoutError::Disconnected) => vec![Message::End],
    }
}
