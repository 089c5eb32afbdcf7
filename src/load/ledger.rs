//! Where the clients write down what happened, and where the caller reads it and waits for it.
//! It owns the lock between the two threads; it knows no socket.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::journal::{Entry, Journal};
use super::tally::Tally;

/// What was waited for did not come.
#[derive(Debug, thiserror::Error)]
#[error("waited for {wanted}, but {} is over: {tally}", what_is_over(*.is_over))]
pub struct Overdue {
    /// What was waited for.
    pub wanted: String,
    /// Whether it cannot come any more, because the load has ended.
    pub is_over: bool,
    /// How far it had come.
    pub tally: Box<Tally>,
}

/// What happened so far.
#[derive(Debug)]
pub(super) struct Ledger {
    pages: Mutex<Pages>,
    turned: Condvar,
    keeps_journal: bool,
}

#[derive(Debug, Default)]
struct Pages {
    tally: Tally,
    journal: Journal,
    is_over: bool,
}

impl Ledger {
    pub(super) fn new(keeps_journal: bool) -> Ledger {
        Ledger { pages: Mutex::default(), turned: Condvar::new(), keeps_journal }
    }

    pub(super) fn connected(&self) {
        self.pages().tally.connections += 1;
    }

    pub(super) fn found_stale(&self) {
        self.pages().tally.stale += 1;
    }

    pub(super) fn write(&self, entry: Entry) {
        let mut pages = self.pages();
        pages.tally.count(entry.outcome, &entry.answer, entry.took());
        if self.keeps_journal {
            pages.journal.write(entry);
        }
        drop(pages);
        self.turned.notify_all();
    }

    /// No more will be written.
    pub(super) fn close(&self) {
        self.pages().is_over = true;
        self.turned.notify_all();
    }

    pub(super) fn tally(&self) -> Tally {
        self.pages().tally.clone()
    }

    pub(super) fn journal(&self) -> Journal {
        self.pages().journal.clone()
    }

    /// Sleeps until `answered` requests were answered.
    pub(super) fn wait_for(&self, answered: u64, limit: Duration) -> Result<Tally, Overdue> {
        self.wait(limit, |pages| pages.tally.answered >= answered)
            .map_err(|overdue| overdue.named(format!("{answered} answers")))
    }

    /// Sleeps until the ledger is closed.
    pub(super) fn wait_for_the_end(&self, limit: Duration) -> Result<Tally, Overdue> {
        self.wait(limit, |pages| pages.is_over).map_err(|overdue| overdue.named("the end".to_owned()))
    }

    fn wait(&self, limit: Duration, come: impl Fn(&Pages) -> bool) -> Result<Tally, Overdue> {
        let until = Instant::now() + limit;
        let mut pages = self.pages();
        while !come(&pages) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || pages.is_over {
                return Err(Overdue {
                    wanted: String::new(),
                    is_over: pages.is_over,
                    tally: Box::new(pages.tally.clone()),
                });
            }
            (pages, _) = self.turned.wait_timeout(pages, left).expect(UNPOISONED);
        }
        Ok(pages.tally.clone())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect(UNPOISONED)
    }
}

const UNPOISONED: &str = "nobody panics while writing";

fn what_is_over(load_is_over: bool) -> &'static str {
    if load_is_over { "the load" } else { "the time" }
}

impl Overdue {
    fn named(self, wanted: String) -> Overdue {
        Overdue { wanted, ..self }
    }
}
