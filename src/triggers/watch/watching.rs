//! What the watcher's thread does: it hears, waits for quiet, looks, and tells.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::events::{Ear, Message};
use super::ledger::{Kind, Ledger, Sight, Verdict};
use super::look;
use super::news::{Change, News, Notice};
use super::polls::Polls;
use super::rhythm::Rhythm;
use super::selection::{Pace, Selection};
use super::survey::{Concern, Survey};
use super::watcher::Extent;
use super::watches::Watches;

/// Directories may appear while we put watches on others: so often are they looked for.
const ROUNDS: usize = 16;

/// Everything that the thread has.
#[derive(Debug)]
pub(super) struct Watching {
    started: Instant,
    survey: Survey,
    rhythm: Rhythm,
    ledger: Ledger,
    watches: Watches,
    polls: Polls,
    concern: Arc<Mutex<Concern>>,
    /// Hints are not enough: everything must be looked at.
    everything: bool,
    news: mpsc::UnboundedSender<News>,
    extent: Arc<Mutex<Extent>>,
}

impl Watching {
    pub(super) fn new(
        pace: Pace,
        news: mpsc::UnboundedSender<News>,
        messages: Sender<Message>,
        extent: Arc<Mutex<Extent>>,
    ) -> Watching {
        let rhythm = Rhythm::new(pace.quiet, pace.at_most_every);
        let ledger = Ledger::new(rhythm.patience());
        let concern = Arc::new(Mutex::new(Concern::default()));
        let watches = Watches::new(Ear { messages, concern: concern.clone() }, pace.polling);
        Watching {
            started: Instant::now(),
            survey: Survey::of(&Selection::Files(Default::default())).expect("it has no globs"),
            rhythm,
            ledger,
            watches,
            polls: Polls::new(pace.polling),
            concern,
            everything: false,
            news,
            extent,
        }
    }

    /// How long nothing is to be done, unless something happens; none: for ever.
    pub(super) fn due(&self) -> Option<Duration> {
        let due = self.rhythm.due().into_iter().chain(self.polls.due()).min()?;
        Some(due.saturating_sub(self.now()))
    }

    /// Notes what happened; false at the end.
    pub(super) fn hear(&mut self, messages: Vec<Message>) -> bool {
        for message in messages {
            match message {
                Message::Happened { paths, replaced } => paths.into_iter().for_each(|path| self.hint(path, replaced)),
                Message::Overflow => {
                    self.tell(News::Noticed(Notice::Overflow));
                    self.everything = true;
                    self.rhythm.hint(PathBuf::from("/"), self.now());
                }
                Message::Select(survey, pace, done) => {
                    self.set_pace(pace);
                    self.select(*survey);
                    let _ = done.send(()); // he may not wait any more
                }
                Message::End => return false,
            }
        }
        true
    }

    fn hint(&mut self, path: PathBuf, replaced: bool) {
        let now = self.now();
        if replaced {
            self.watches.suspect(&path);
        }
        let concern = self.concern.lock().unwrap_or_else(PoisonError::into_inner);
        for hinted in concern.names.get(&path).into_iter().flatten() {
            self.rhythm.hint(hinted.clone(), now);
        }
        self.rhythm.hint(path, now);
    }

    /// Polls and looks, if it is time for it.
    pub(super) fn look_around(&mut self) {
        let now = self.now();
        if self.polls.due().is_some_and(|at| at <= now) {
            let paths = self.survey.paths();
            for path in self.polls.sweep(paths, self.ledger.known(), self.watches.silent(), now) {
                self.rhythm.hint(path, now);
            }
        }
        let hints = self.rhythm.take(now);
        if !hints.is_empty() {
            let hints = (!std::mem::take(&mut self.everything)).then_some(hints);
            self.look(hints, Ledger::judge);
        }
        if let Some(paths) = self.ledger.tell(now, self.rhythm.is_at_rest()) {
            let mut paths: Vec<PathBuf> = paths.iter().map(|path| self.survey.as_selected(path)).collect();
            paths.sort();
            self.rhythm.told(now);
            self.tell(News::Changed(Change { paths }));
        }
    }

    fn set_pace(&mut self, pace: Pace) {
        self.rhythm.set_pace(pace.quiet, pace.at_most_every);
        self.ledger.set_patience(self.rhythm.patience());
        self.watches.set_polling(pace.polling);
        self.polls.set_polling(pace.polling);
    }

    fn select(&mut self, survey: Survey) {
        self.survey = survey;
        self.rhythm.start_anew();
        self.ledger.start_anew();
        self.everything = false;
        let seen = self.look(None, Ledger::learn);
        self.ledger.forget_all_but(&seen);
    }

    /// Looks where the hints point to, everywhere without hints; `note` says what becomes of what is found.
    fn look(
        &mut self,
        mut hints: Option<BTreeSet<PathBuf>>,
        note: fn(&mut Ledger, &Path, Kind, Sight, Duration) -> Verdict,
    ) -> BTreeMap<PathBuf, Kind> {
        let mut examine = BTreeMap::new();
        for _ in 0..ROUNDS {
            let found = self.survey.look(hints.as_ref(), self.ledger.known());
            found.forget.iter().for_each(|path| self.ledger.forget(path));
            examine.extend(found.examine);
            let new = self.watches.arm(self.survey.directories());
            if new.is_empty() {
                break;
            }
            if hints.is_some() {
                // What is made there right now may be more than we see.
                new.iter().for_each(|directory| self.rhythm.hint(directory.clone(), self.started.elapsed()));
                hints = Some(new);
            }
        }
        *self.concern.lock().unwrap_or_else(PoisonError::into_inner) = self.survey.concern();
        for (path, kind) in &examine {
            let sight = look::at(path, *kind, self.ledger.known().get(path));
            let now = self.now();
            match note(&mut self.ledger, path, *kind, sight, now) {
                Verdict::Doubted { again: true } => self.rhythm.again(path.clone(), now),
                Verdict::AsBefore | Verdict::Changed | Verdict::Doubted { again: false } => self.rhythm.enough(path),
            }
        }
        self.rhythm.looked().iter().for_each(|path| self.ledger.dismiss(path));
        self.tell_how();
        examine
    }

    /// Tells how it is watched, if there is anything to say about it.
    fn tell_how(&mut self) {
        let now = self.now();
        for notice in self.polls.start(self.watches.silent(), now) {
            self.tell(News::Noticed(notice));
        }
        let extent = Extent { files: self.ledger.known().len(), directories: self.watches.count() };
        *self.extent.lock().unwrap_or_else(PoisonError::into_inner) = extent;
    }

    fn tell(&self, news: News) {
        let _ = self.news.send(news); // nobody may listen any more
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::selection::{Files, Polling};
    use super::*;

    #[test]
    fn when_the_kernel_has_lost_events_everything_is_compared_and_that_is_told() {
        let place = tempfile::tempdir().expect("a directory");
        let (changed, same) = (place.path().join("changed"), place.path().join("same"));
        for path in [&changed, &same] {
            fs::write(path, "1").expect("a file");
        }
        let pace = Pace { quiet: Duration::from_millis(1), at_most_every: Duration::ZERO, polling: Polling::Never };
        let (news, mut told) = mpsc::unbounded_channel();
        // What the kernel tells is not listened to.
        let (messages, _unheard) = std::sync::mpsc::channel();
        let mut watching = Watching::new(pace, news, messages, Arc::default());
        let files = Files { programs: Vec::new(), named: vec![changed.clone(), same] };
        watching.select(Survey::of(&Selection::Files(files)).expect("it has no globs"));
        fs::write(&changed, "2").expect("a file");
        assert_eq!(watching.due(), None);
        watching.hear(vec![Message::Overflow]);
        assert_eq!(told.try_recv(), Ok(News::Noticed(Notice::Overflow)));
        while told.is_empty() {
            watching.look_around();
        }
        assert_eq!(told.try_recv(), Ok(News::Changed(Change { paths: vec![changed] })));
    }
}
