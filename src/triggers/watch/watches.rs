//! Watches on directories, by the crate `notify`: which ones there are, where nobody tells us anything, and why.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use notify::{Config, ErrorKind, EventHandler, EventKindMask, INotifyWatcher, PathOp, UpdatePathsError, Watcher as _};

use super::selection::Polling;
use crate::sys::storage;

/// Watches on directories.
#[derive(Debug)]
pub(super) struct Watches {
    /// None: the system has none for us.
    notify: Result<INotifyWatcher, String>,
    polling: Polling,
    /// Which directory each watch is on: another one may be there by now.
    armed: HashMap<PathBuf, (u64, u64)>,
    /// Something happened to these directories themselves.
    stale: HashSet<PathBuf>,
    wanted: BTreeSet<PathBuf>,
    /// Directories of which nobody tells us anything, and why.
    silent: BTreeMap<PathBuf, String>,
    /// Whether a device tells, asked once.
    devices: HashMap<u64, Option<&'static str>>,
}

/// What wakes us: neither reading nor each single write, but that a writer has closed.
fn kinds() -> EventKindMask {
    EventKindMask::CREATE
        | EventKindMask::REMOVE
        | EventKindMask::MODIFY_META
        | EventKindMask::MODIFY_NAME
        | EventKindMask::ACCESS_CLOSE
}

impl Watches {
    pub(super) fn new(handler: impl EventHandler, polling: Polling) -> Watches {
        let config = Config::default().with_event_kinds(kinds()).with_follow_symlinks(false);
        let why_not = |error: notify::Error| match error.kind {
            ErrorKind::Io(error) if error.raw_os_error() == Some(nix::errno::Errno::EMFILE as i32) => {
                "this user has no inotify instance left (fs.inotify.max_user_instances)".to_owned()
            }
            _ => format!("inotify is not there: {error}"),
        };
        Watches {
            notify: INotifyWatcher::new(handler, config).map_err(why_not),
            polling,
            armed: HashMap::new(),
            stale: HashSet::new(),
            wanted: BTreeSet::new(),
            silent: BTreeMap::new(),
            devices: HashMap::new(),
        }
    }

    pub(super) fn set_polling(&mut self, polling: Polling) {
        if self.polling != polling {
            self.polling = polling;
            self.wanted.clear(); // who is silent is another question now
        }
    }

    /// Directories of which nobody tells us anything, and why.
    pub(super) fn silent(&self) -> &BTreeMap<PathBuf, String> {
        &self.silent
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.armed.len()
    }

    /// Something happened to this path itself: if there is a watch on it, it may be on what is there no longer.
    pub(super) fn suspect(&mut self, path: &Path) {
        if self.armed.contains_key(path) {
            self.stale.insert(path.to_owned());
        }
    }

    /// Watches these directories and no others, and returns those on which there was no watch before.
    pub(super) fn arm(&mut self, wanted: BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        if self.wanted == wanted && self.stale.is_empty() {
            return BTreeSet::new();
        }
        self.silent.clear();
        let mut operations: Vec<PathOp> =
            self.armed.keys().filter(|path| !wanted.contains(*path)).map(PathOp::unwatch).collect();
        self.armed.retain(|path, _| wanted.contains(path));
        let mut new = BTreeSet::new();
        for path in &wanted {
            let Ok(metadata) = fs::metadata(path) else {
                operations.extend(self.armed.remove(path).map(|_| PathOp::unwatch(path)));
                continue;
            };
            self.note_silence(path, metadata.dev());
            let identity = (metadata.dev(), metadata.ino());
            let before = self.armed.insert(path.clone(), identity);
            if before == Some(identity) && !self.stale.contains(path) {
                continue;
            }
            operations.extend(before.map(|_| PathOp::unwatch(path)));
            operations.push(PathOp::watch_non_recursive(path));
            new.insert(path.clone());
        }
        self.stale.clear();
        self.wanted = wanted;
        for path in self.apply(operations) {
            new.remove(&path);
        }
        new
    }

    fn note_silence(&mut self, path: &Path, device: u64) {
        let ask = || storage::silent(path).ok().flatten();
        let silent = *self.devices.entry(device).or_insert_with(ask);
        let why = match (self.polling, silent) {
            (Polling::Every(_), _) => Some(String::new()),
            (Polling::WhereNeeded | Polling::Never, Some("overlayfs")) => {
                Some("overlayfs does not tell what happens beneath it".into())
            }
            (Polling::WhereNeeded | Polling::Never, Some(name)) => {
                Some(format!("{name} does not tell what others do to its files"))
            }
            (Polling::WhereNeeded | Polling::Never, None) => None,
        };
        self.silent.extend(why.map(|why| (path.to_owned(), why)));
    }

    /// Returns the directories that cannot be watched.
    fn apply(&mut self, mut operations: Vec<PathOp>) -> Vec<PathBuf> {
        let mut failed = Vec::new();
        let mut fail = |watches: &mut Watches, path: PathBuf, why: &str| {
            watches.armed.remove(&path);
            watches.silent.insert(path.clone(), why.to_owned());
            failed.push(path);
        };
        while !operations.is_empty() {
            let result = match &mut self.notify {
                Ok(notify) => notify.update_paths(std::mem::take(&mut operations)),
                Err(why) => {
                    let why = why.clone();
                    watched(operations).for_each(|path| fail(self, path, &why));
                    break;
                }
            };
            let Err(UpdatePathsError { source, origin, remaining }) = result else { break };
            operations = remaining;
            let Some(PathOp::Watch(path, _)) = origin else { continue };
            match source.kind {
                ErrorKind::PathNotFound => drop(self.armed.remove(&path)), // its parent tells when it comes back
                ErrorKind::MaxFilesWatch => {
                    let why = "there are no watches left (fs.inotify.max_user_watches)";
                    let rest = std::mem::take(&mut operations);
                    std::iter::once(path).chain(watched(rest)).for_each(|path| fail(self, path, why));
                }
                _ => fail(self, path, &format!("it cannot be watched: {source}")),
            }
        }
        failed
    }
}

fn watched(operations: Vec<PathOp>) -> impl Iterator<Item = PathBuf> {
    operations.into_iter().filter_map(|operation| match operation {
        PathOp::Watch(path, _) => Some(path),
        PathOp::Unwatch(_) => None,
    })
}
