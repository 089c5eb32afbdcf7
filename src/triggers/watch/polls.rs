//! Looking by ourselves, where nobody tells us: whose numbers have changed, and stay so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ledger::{Identity, Print};
use super::look;
use super::news::Notice;
use super::selection::Polling;

/// So often, where it is needed.
const INTERVAL: Duration = Duration::from_secs(2);

/// What was seen when we last looked.
#[derive(Debug)]
pub(super) struct Polls {
    polling: Polling,
    next: Option<Duration>,
    /// The numbers of each file, and whether they were others before.
    seen: BTreeMap<PathBuf, (Option<Identity>, bool)>,
    /// Why we poll, or should: each reason is told once.
    told: BTreeSet<String>,
}

impl Polls {
    pub(super) fn new(polling: Polling) -> Polls {
        Polls { polling, next: None, seen: BTreeMap::new(), told: BTreeSet::new() }
    }

    pub(super) fn set_polling(&mut self, polling: Polling) {
        if self.polling != polling {
            (self.polling, self.next) = (polling, None);
        }
    }

    /// When to look next; none: never.
    pub(super) fn due(&self) -> Option<Duration> {
        self.next
    }

    /// Begins to look at these directories if that is wanted, or ends; what is to be told of it.
    pub(super) fn start(&mut self, silent: &BTreeMap<PathBuf, String>, now: Duration) -> Vec<Notice> {
        let every = match self.polling {
            Polling::Every(every) => Some(every),
            Polling::WhereNeeded => Some(INTERVAL),
            Polling::Never => None,
        };
        match every.filter(|_| !silent.is_empty()) {
            Some(every) => self.next = Some(self.next.unwrap_or(now + every)),
            None => {
                self.next = None;
                self.seen.clear();
            }
        }
        let mut notices = Vec::new();
        for (directory, why) in silent.iter().filter(|(_, why)| !why.is_empty()) {
            if self.told.insert(why.clone()) {
                let (directory, why) = (directory.clone(), why.clone());
                notices.push(match every {
                    Some(every) => Notice::Polling { directory, why, every },
                    None => Notice::Blind { directory, why },
                });
            }
        }
        notices
    }

    /// Looks at what is in silent directories, and returns what is other than before the last look, and was so then.
    pub(super) fn sweep<'a>(
        &mut self,
        selected: impl Iterator<Item = &'a PathBuf>,
        known: &'a BTreeMap<PathBuf, Print>,
        silent: &'a BTreeMap<PathBuf, String>,
        now: Duration,
    ) -> Vec<PathBuf> {
        let every = if let Polling::Every(every) = self.polling { every } else { INTERVAL };
        self.next = Some(now + every);
        let is_silent = |path: &&PathBuf| path.parent().is_some_and(|parent| silent.contains_key(parent));
        let all: BTreeSet<&PathBuf> = selected.chain(silent.keys()).chain(known.keys().filter(is_silent)).collect();
        let mut settled = Vec::new();
        let mut seen = BTreeMap::new();
        for path in all {
            let before = self.seen.get(path);
            let (numbers, is_settled) = self.glance(path, before);
            seen.insert(path.clone(), (numbers, before.is_none_or(|(before, _)| *before != numbers)));
            settled.extend(is_settled.then(|| path.clone()));
        }
        self.seen = seen;
        settled
    }

    /// Its numbers, and whether they have come to rest.
    fn glance(&self, path: &Path, before: Option<&(Option<Identity>, bool)>) -> (Option<Identity>, bool) {
        let numbers = look::numbers(path);
        (numbers, before.is_some_and(|(before, was_other)| *was_other && *before == numbers))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NFS: &str = "NFS does not tell what others do to its files";

    struct Place {
        directory: tempfile::TempDir,
        polls: Polls,
    }

    impl Place {
        fn new(polling: Polling) -> Place {
            let directory = tempfile::tempdir().expect("a directory");
            fs::write(directory.path().join("file"), "1").expect("a file");
            Place { directory, polls: Polls::new(polling) }
        }

        fn file(&self) -> PathBuf {
            self.directory.path().join("file")
        }

        fn silent(&self) -> BTreeMap<PathBuf, String> {
            BTreeMap::from([(self.directory.path().to_owned(), NFS.to_owned())])
        }

        fn sweep(&mut self) -> Vec<PathBuf> {
            let (file, silent) = (self.file(), self.silent());
            self.polls.sweep([&file].into_iter(), &BTreeMap::new(), &silent, Duration::ZERO)
        }
    }

    #[test]
    fn what_has_changed_is_believed_when_it_is_seen_twice() {
        let mut place = Place::new(Polling::WhereNeeded);
        place.sweep();
        place.sweep();
        assert!(place.sweep().is_empty());
        fs::write(place.file(), "22").expect("a file");
        assert!(place.sweep().is_empty(), "somebody may still write it");
        fs::write(place.file(), "333").expect("a file");
        assert!(place.sweep().is_empty(), "he did");
        assert_eq!(place.sweep(), [place.file()]);
        assert!(place.sweep().is_empty());
    }

    #[test]
    fn a_reason_to_poll_is_told_once_and_ends_with_what_caused_it() {
        let mut place = Place::new(Polling::WhereNeeded);
        let silent = place.silent();
        let told = place.polls.start(&silent, Duration::ZERO);
        assert!(told[0].to_string().ends_with(&format!("{NFS}; it is looked at every 2s")), "{told:?}");
        assert_eq!(place.polls.start(&silent, Duration::ZERO), []);
        assert_eq!(place.polls.due(), Some(INTERVAL));
        place.polls.start(&BTreeMap::new(), Duration::ZERO);
        assert_eq!(place.polls.due(), None);
    }

    #[test]
    fn who_does_not_want_us_to_poll_is_told_what_he_may_miss() {
        let mut place = Place::new(Polling::Never);
        let silent = place.silent();
        let told = place.polls.start(&silent, Duration::ZERO);
        assert!(told[0].to_string().ends_with("changes there may be missed"), "{told:?}");
        assert_eq!(place.polls.due(), None);
    }
}
