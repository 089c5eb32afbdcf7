//! What is known of each file, and what that makes of a look at it: as before, changed, or in doubt.
//! Pure: reads no file and no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a file is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// It is executed: while it is not whole, nothing is told at all.
    Program,
    /// Its absence is no change.
    Named,
    /// One of many in a directory: its absence is a change.
    Member,
}

/// Content, and by what to see that it has not changed without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) size: u64,
    pub(super) hash: u128,
    /// None: it was too fresh to be trusted.
    pub(super) identity: Option<Identity>,
}

/// The file's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) modified: (i64, i64),
    pub(super) changed: (i64, i64),
}

/// What a look at a file has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Gone,
    /// Somebody still writes it, or it cannot be executed yet.
    Unfinished,
    Whole(Print),
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    AsBefore,
    Changed,
    /// It must be looked at again, or, if that has been done for long, at the next event.
    Doubted {
        again: bool,
    },
}

/// A file that is not what it will be.
#[derive(Debug)]
struct Doubt {
    since: Duration,
    kind: Kind,
}

/// What is known.
///
/// # Invariants
/// - A change is told once, and only of content that is other than what was told or known before.
/// - While a program is in doubt, nothing is told; any other file holds the others up for `patience` at most.
#[derive(Debug)]
pub(super) struct Ledger {
    patience: Duration,
    known: BTreeMap<PathBuf, Print>,
    doubts: BTreeMap<PathBuf, Doubt>,
    /// What has changed and was not told yet.
    changed: BTreeSet<PathBuf>,
    /// The first of it.
    since: Duration,
}

/// A member that is gone, or new, counts after so long: editors take a file away and put another in its place, and write
/// beside it before.
const ABSENCE: Duration = Duration::from_millis(100);
/// After so long, a file in doubt is no longer looked at by ourselves.
const ENOUGH: Duration = Duration::from_secs(60);

impl Ledger {
    pub(super) fn new(patience: Duration) -> Ledger {
        let (known, doubts, changed) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Ledger { patience, known, doubts, changed, since: Duration::ZERO }
    }

    pub(super) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    pub(super) fn known(&self) -> &BTreeMap<PathBuf, Print> {
        &self.known
    }

    /// What this look means.
    pub(super) fn judge(&mut self, path: &Path, kind: Kind, sight: Sight, now: Duration) -> Verdict {
        let known = self.known.get(path);
        match sight {
            Sight::Whole(print) => {
                let same = known.is_some_and(|known| (known.size, known.hash) == (print.size, print.hash));
                // Whoever truncates a file is about to write to it, as a rule.
                let emptied = print.size == 0 && known.is_none_or(|known| known.size > 0);
                let is_new = kind == Kind::Member && known.is_none();
                if !same && emptied && self.is_younger(path, kind, now, self.patience)
                    || is_new && self.is_younger(path, kind, now, ABSENCE)
                {
                    return self.doubt(path, now);
                }
                self.doubts.remove(path);
                self.known.insert(path.to_owned(), print);
                if same {
                    return Verdict::AsBefore;
                }
            }
            Sight::Gone if known.is_none() => {
                self.doubts.remove(path);
                return Verdict::AsBefore;
            }
            Sight::Gone if kind == Kind::Member && !self.is_younger(path, kind, now, ABSENCE) => {
                self.forget(path);
            }
            Sight::Gone | Sight::Unfinished => {
                self.is_younger(path, kind, now, self.patience);
                return self.doubt(path, now);
            }
        }
        if self.changed.is_empty() {
            self.since = now;
        }
        self.changed.insert(path.to_owned());
        Verdict::Changed
    }

    /// What is there by now is known, and nothing is to be told of it.
    pub(super) fn learn(&mut self, path: &Path, kind: Kind, sight: Sight, now: Duration) -> Verdict {
        match sight {
            Sight::Whole(print) => {
                self.known.insert(path.to_owned(), print);
                self.doubts.remove(path);
                Verdict::AsBefore
            }
            Sight::Gone if kind == Kind::Member => {
                self.forget(path);
                Verdict::AsBefore
            }
            unclear @ (Sight::Gone | Sight::Unfinished) => self.judge(path, kind, unclear, now),
        }
    }

    /// Nothing that was not told before is to be told.
    pub(super) fn start_anew(&mut self) {
        self.changed.clear();
        self.doubts.clear();
    }

    /// It is watched no longer.
    pub(super) fn forget(&mut self, path: &Path) {
        self.known.remove(path);
        self.doubts.remove(path);
    }

    /// Only these are watched.
    pub(super) fn forget_all_but(&mut self, watched: &BTreeMap<PathBuf, Kind>) {
        self.known.retain(|path, _| watched.contains_key(path));
        self.doubts.retain(|path, _| watched.contains_key(path));
    }

    /// There is nothing to be looked at there any more.
    pub(super) fn dismiss(&mut self, path: &Path) {
        self.doubts.remove(path);
    }

    /// What is to be told now, in order, if the time for it has come: when all is `at_rest`, or has not been for long
    /// (longer, if it is many files).
    pub(super) fn tell(&mut self, now: Duration, at_rest: bool) -> Option<Vec<PathBuf>> {
        let waits = |doubt: &Doubt| match doubt.kind {
            Kind::Program => true,
            Kind::Named | Kind::Member => now.saturating_sub(doubt.since) < self.patience,
        };
        let many = self.changed.len().checked_ilog2()?;
        let restless = !at_rest && now.saturating_sub(self.since) < self.patience * (many + 1);
        if restless || self.doubts.values().any(waits) {
            return None;
        }
        Some(std::mem::take(&mut self.changed).into_iter().collect())
    }

    /// Whether the doubt about this path is younger than that; without one, it begins now.
    fn is_younger(&mut self, path: &Path, kind: Kind, now: Duration, than: Duration) -> bool {
        let doubt = self.doubts.entry(path.to_owned()).or_insert(Doubt { since: now, kind });
        now.saturating_sub(doubt.since) < than
    }

    fn doubt(&self, path: &Path, now: Duration) -> Verdict {
        let age = self.doubts.get(path).map_or(Duration::ZERO, |doubt| now.saturating_sub(doubt.since));
        Verdict::Doubted { again: age < ENOUGH.max(self.patience * 2) }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind::{Member, Named, Program};
    use super::*;

    fn whole(text: &str) -> Sight {
        let hash = text.bytes().fold(7, |hash: u128, byte| hash * 31 + u128::from(byte));
        Sight::Whole(Print { size: text.len() as u64, hash, identity: None })
    }

    /// A ledger that is patient for ten seconds.
    struct Story(Ledger);

    impl Story {
        fn knowing(known: &[(&str, Kind, &str)]) -> Story {
            let mut ledger = Ledger::new(Duration::from_secs(10));
            for (path, kind, text) in known {
                ledger.learn(Path::new(path), *kind, whole(text), Duration::ZERO);
            }
            Story(ledger)
        }

        fn look(&mut self, second: u64, path: &str, kind: Kind, sight: Sight) -> Verdict {
            self.0.judge(Path::new(path), kind, sight, Duration::from_secs(second))
        }

        fn told(&mut self, second: u64) -> Vec<String> {
            let told = self.0.tell(Duration::from_secs(second), true).unwrap_or_default();
            told.iter().map(|path| path.display().to_string()).collect()
        }
    }

    const AGAIN: Verdict = Verdict::Doubted { again: true };

    #[test]
    fn content_counts_and_nothing_else() {
        let mut story = Story::knowing(&[("config", Named, "1")]);
        assert_eq!(story.look(1, "config", Named, whole("1")), Verdict::AsBefore);
        assert_eq!(story.look(2, "config", Named, whole("2")), Verdict::Changed);
        assert_eq!(story.told(2), ["config"]);
        assert_eq!(story.told(3), [""; 0], "once");
    }

    #[test]
    fn a_file_that_was_truncated_is_about_to_be_written() {
        let mut story = Story::knowing(&[("config", Named, "1")]);
        assert_eq!(story.look(1, "config", Named, whole("")), AGAIN);
        assert_eq!(story.look(5, "config", Named, whole("2")), Verdict::Changed);
        assert_eq!(story.told(5), ["config"]);
    }

    #[test]
    fn a_file_that_stays_empty_is_meant_to_be() {
        let mut story = Story::knowing(&[("config", Named, "1")]);
        assert_eq!(story.look(1, "config", Named, whole("")), AGAIN);
        assert_eq!(story.look(11, "config", Named, whole("")), Verdict::Changed);
    }

    #[test]
    fn a_named_file_that_is_gone_is_waited_for_and_a_member_is_not() {
        let mut story = Story::knowing(&[("config", Named, "1"), ("a.rs", Member, "1")]);
        assert_eq!(story.look(1, "config", Named, Sight::Gone), AGAIN);
        assert_eq!(story.look(1, "a.rs", Member, Sight::Gone), AGAIN);
        assert_eq!(story.look(2, "a.rs", Member, Sight::Gone), Verdict::Changed);
        assert_eq!(story.told(2), [""; 0], "the other file is in doubt");
        assert_eq!(story.told(11), ["a.rs"], "but not for ever");
        assert_eq!(story.look(1000, "config", Named, Sight::Gone), Verdict::Doubted { again: false });
        assert_eq!(story.look(1001, "config", Named, whole("1")), Verdict::AsBefore);
    }

    #[test]
    fn a_file_that_somebody_writes_beside_for_a_moment_is_no_member() {
        let mut story = Story::knowing(&[("a.rs", Member, "1")]);
        assert_eq!(story.look(1, "a.rs.1234", Member, whole("2")), AGAIN);
        assert_eq!(story.look(1, "a.rs.1234", Member, Sight::Gone), Verdict::AsBefore);
        assert_eq!(story.look(1, "a.rs", Member, whole("2")), Verdict::Changed);
        assert_eq!(story.told(1), ["a.rs"]);
        assert_eq!(story.look(2, "b.rs", Member, whole("1")), AGAIN);
        assert_eq!(story.look(3, "b.rs", Member, whole("1")), Verdict::Changed, "it stays");
    }

    #[test]
    fn nothing_is_told_while_a_program_cannot_be_executed() {
        let mut story = Story::knowing(&[("server", Program, "1"), ("config", Named, "1")]);
        assert_eq!(story.look(1, "server", Program, Sight::Unfinished), AGAIN);
        assert_eq!(story.look(1, "config", Named, whole("2")), Verdict::Changed);
        assert_eq!(story.told(1000), [""; 0]);
        assert_eq!(story.look(1001, "server", Program, whole("2")), Verdict::Changed);
        assert_eq!(story.told(1001), ["config", "server"]);
    }

    #[test]
    fn what_is_learnt_is_no_news_unless_it_is_not_whole_yet() {
        let mut story = Story::knowing(&[("server", Program, "1")]);
        let ledger = &mut story.0;
        ledger.start_anew();
        assert_eq!(ledger.learn(Path::new("server"), Program, whole("2"), Duration::ZERO), Verdict::AsBefore);
        assert_eq!(ledger.learn(Path::new("server"), Program, Sight::Unfinished, Duration::ZERO), AGAIN);
        assert_eq!(story.look(1, "server", Program, whole("3")), Verdict::Changed);
    }

    #[test]
    fn a_change_waits_for_rest_but_not_for_ever() {
        let mut story = Story::knowing(&[("config", Named, "1")]);
        assert_eq!(story.look(1, "config", Named, whole("2")), Verdict::Changed);
        assert_eq!(story.0.tell(Duration::from_secs(2), false), None);
        assert!(story.0.tell(Duration::from_secs(11), false).is_some());
    }
}
