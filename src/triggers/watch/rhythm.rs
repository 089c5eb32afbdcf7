//! When to look: after quiet, though not never where it is never quiet; not too often; and again at what was not whole.
//! Pure: paths and the time come in, the time of the next look goes out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// Hints of what may have changed, until it is time to look at it.
///
/// # Invariants
/// - A path that never rests does not hold up the others for longer than `patience`, nor do ever new paths for longer
///   than ten times that.
/// - No look is due sooner than `at_most_every` after the last change that was told.
#[derive(Debug)]
pub(super) struct Rhythm {
    quiet: Duration,
    at_most_every: Duration,
    /// What may have changed, and when that was first heard.
    hints: BTreeMap<PathBuf, Duration>,
    /// The first hint of them all.
    since: Duration,
    /// The last one that counts.
    last: Duration,
    /// When a change was last told.
    told: Option<Duration>,
    /// What was not whole.
    again: BTreeMap<PathBuf, Again>,
}

/// A further look at what was not whole.
#[derive(Clone, Copy, Debug)]
struct Again {
    /// When; none while it is being looked at.
    at: Option<Duration>,
    /// After which pause.
    pause: Duration,
}

impl Rhythm {
    pub(super) fn new(quiet: Duration, at_most_every: Duration) -> Rhythm {
        let zero = Duration::ZERO;
        let (hints, again) = (BTreeMap::new(), BTreeMap::new());
        Rhythm { quiet, at_most_every, hints, since: zero, last: zero, told: None, again }
    }

    pub(super) fn set_pace(&mut self, quiet: Duration, at_most_every: Duration) {
        (self.quiet, self.at_most_every) = (quiet, at_most_every);
    }

    /// For so long a file that is changed again and again is waited for.
    pub(super) fn patience(&self) -> Duration {
        (self.quiet * 10).max(Duration::from_secs(1))
    }

    /// Something happened to this path.
    pub(super) fn hint(&mut self, path: PathBuf, now: Duration) {
        if self.hints.is_empty() {
            (self.since, self.last) = (now, now);
        }
        let first = *self.hints.entry(path).or_insert(now);
        self.last = self.last.max(now.min(first + self.patience()));
    }

    /// When to look next; none: not before something happens.
    pub(super) fn due(&self) -> Option<Duration> {
        let again = self.again.values().filter_map(|again| again.at).min();
        self.quiet_at().into_iter().chain(again.map(|at| self.not_before(at))).min()
    }

    fn quiet_at(&self) -> Option<Duration> {
        let many = self.hints.len().checked_ilog2()?;
        let quiet = self.last + self.quiet * (many + 1);
        Some(self.not_before(quiet.min(self.since + self.patience() * 10)))
    }

    fn not_before(&self, at: Duration) -> Duration {
        self.told.map_or(at, |told| at.max(told + self.at_most_every))
    }

    /// What to look at now.
    pub(super) fn take(&mut self, now: Duration) -> BTreeSet<PathBuf> {
        let mut paths = BTreeSet::new();
        if self.quiet_at().is_some_and(|at| at <= now) {
            paths.extend(std::mem::take(&mut self.hints).into_keys());
        }
        for (path, again) in &mut self.again {
            if again.at.take_if(|at| *at <= now).is_some() {
                paths.insert(path.clone());
            }
        }
        paths
    }

    /// This one was not whole: it is looked at again, ever more rarely.
    pub(super) fn again(&mut self, path: PathBuf, now: Duration) {
        let (first, longest) = (self.quiet.max(Duration::from_millis(50)), self.quiet.max(Duration::from_secs(2)));
        let pause = self.again.get(&path).map_or(first, |again| longest.min(again.pause * 2));
        self.again.insert(path, Again { at: Some(now + pause), pause });
    }

    /// All that was to be looked at now has been; what was to be looked at again, and was not found to look at.
    pub(super) fn looked(&mut self) -> Vec<PathBuf> {
        let (waiting, lost) = std::mem::take(&mut self.again).into_iter().partition(|(_, again)| again.at.is_some());
        self.again = waiting;
        BTreeMap::into_keys(lost).collect()
    }

    /// Whether nothing has happened since the last look.
    pub(super) fn is_at_rest(&self) -> bool {
        self.hints.is_empty()
    }

    /// This one needs no further look by itself.
    pub(super) fn enough(&mut self, path: &PathBuf) {
        self.again.remove(path);
    }

    /// A change was told.
    pub(super) fn told(&mut self, now: Duration) {
        self.told = Some(now);
    }

    /// Everything has just been looked at.
    pub(super) fn start_anew(&mut self) {
        self.hints.clear();
        self.again.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUIET: u64 = 100;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn rhythm(at_most_every: u64) -> Rhythm {
        Rhythm::new(millis(QUIET), millis(at_most_every))
    }

    #[test]
    fn it_sleeps_until_something_happens() {
        assert_eq!(rhythm(0).due(), None);
    }

    #[test]
    fn a_save_is_looked_at_when_it_has_been_quiet() {
        let mut rhythm = rhythm(0);
        rhythm.hint("a".into(), millis(0));
        rhythm.hint("a".into(), millis(60));
        assert_eq!(rhythm.due(), Some(millis(160)));
        assert!(rhythm.take(millis(159)).is_empty());
        assert_eq!(rhythm.take(millis(160)), ["a".into()].into());
        assert_eq!(rhythm.due(), None);
    }

    #[test]
    fn a_burst_of_many_files_is_waited_for_a_little_longer() {
        let mut rhythm = rhythm(0);
        (0..1024).for_each(|number| rhythm.hint(format!("{number}").into(), millis(0)));
        assert_eq!(rhythm.due(), Some(millis(11 * QUIET)));
    }

    #[test]
    fn a_file_that_never_rests_is_looked_at_all_the_same_and_not_too_often() {
        let mut rhythm = rhythm(5000);
        let mut looks = Vec::new();
        for now in 0..30_000 {
            rhythm.hint("noisy".into(), millis(now));
            if !rhythm.take(millis(now)).is_empty() {
                looks.push(now);
                rhythm.told(millis(now));
            }
        }
        assert_eq!(looks, [1100, 6100, 11_100, 16_100, 21_100, 26_100]);
    }

    #[test]
    fn what_is_not_whole_is_looked_at_again_ever_more_rarely() {
        let mut rhythm = rhythm(0);
        let mut now = millis(0);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            rhythm.again("a".into(), now);
            let due = rhythm.due().expect("it is to be looked at again");
            pauses.push((due - now).as_millis());
            now = due;
            assert_eq!(rhythm.take(now), ["a".into()].into());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(rhythm.looked(), [PathBuf::from("a")]);
        assert_eq!(rhythm.due(), None);
    }

    proptest! {
        #[test]
        fn whatever_happens_a_look_is_due_soon_and_finds_all_of_it(
            hints in prop::collection::vec((0_u64..400, 0_u8..20), 1..200),
            at_most_every in 0_u64..3000,
        ) {
            let mut rhythm = rhythm(at_most_every);
            let (mut now, mut looked, mut told) = (millis(0), BTreeSet::new(), None);
            let mut hinted = BTreeSet::new();
            let mut first = None;
            for (pause, file) in hints {
                let then = now + millis(pause);
                while let Some(due) = rhythm.due().filter(|due| *due <= then) {
                    let since = first.take().expect("there was a hint");
                    prop_assert!(told.is_none_or(|told| due >= told + millis(at_most_every)));
                    prop_assert!(due <= since + rhythm.patience() * 10 + millis(at_most_every));
                    looked.extend(rhythm.take(due));
                    rhythm.told(due);
                    told = Some(due);
                }
                now = then;
                let path = PathBuf::from(file.to_string());
                first.get_or_insert(now);
                hinted.insert(path.clone());
                rhythm.hint(path, now);
            }
            looked.extend(rhythm.take(rhythm.due().expect("there is a hint")));
            prop_assert_eq!(looked, hinted);
            prop_assert_eq!(rhythm.due(), None);
        }
    }
}
