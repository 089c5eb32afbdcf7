//! One connection: what it is doing, and when it may be closed.
//!
//! It must not know bytes; those who move them tell it.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::house::{House, Leaving, Mood, lock};
use super::listener::Client;

/// One connection, for as long as anybody holds it.
#[derive(Debug)]
pub(super) struct Guest {
    house: Arc<House>,
    id: u64,
    pub(super) client: Client,
    doing: Mutex<Doing>,
    /// Told when an exchange begins or ends.
    changed: Notify,
}

#[derive(Debug)]
struct Doing {
    phase: Phase,
    exchanges: usize,
    /// Since the last exchange, bytes came.
    heard: bool,
    /// The last byte between exchanges, the end of the last exchange, or the beginning of it all.
    quiet_since: Instant,
    last_request: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is not known yet what it speaks.
    Fresh,
    Http1,
    Http2,
    /// It speaks something else now.
    Upgraded,
    /// We have said the end, and wait for the client's.
    Farewell,
}

/// A request, from its head to the end of its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    guest: Arc<Guest>,
}

impl Guest {
    pub(super) fn new(house: Arc<House>, id: u64, client: Client) -> Self {
        let quiet_since = Instant::now();
        let doing = Doing { phase: Phase::Fresh, exchanges: 0, heard: false, quiet_since, last_request: None };
        Self { house, id, client, doing: Mutex::new(doing), changed: Notify::new() }
    }

    pub(super) fn enter(&self, phase: Phase) {
        lock(&self.doing).phase = phase;
    }

    /// It is served no more: whoever still holds it speaks something else, unless it is about to end.
    pub(super) fn enter_upgrade(&self) {
        let mut doing = lock(&self.doing);
        if doing.phase != Phase::Farewell {
            doing.phase = Phase::Upgraded;
        }
    }

    /// Bytes came.
    pub(super) fn heard(&self) {
        let mut doing = lock(&self.doing);
        doing.heard = true;
        if doing.exchanges == 0 {
            doing.quiet_since = Instant::now();
        }
    }

    pub(super) fn begin(self: &Arc<Self>) -> Exchange {
        let mut doing = lock(&self.doing);
        doing.exchanges += 1;
        doing.last_request = Some(Instant::now());
        drop(doing);
        self.changed.notify_one();
        Exchange { guest: Arc::clone(self) }
    }

    fn end(&self) {
        let mut doing = lock(&self.doing);
        doing.exchanges -= 1;
        if doing.exchanges == 0 {
            doing.heard = false;
            doing.quiet_since = Instant::now();
        }
        drop(doing);
        self.changed.notify_one();
    }

    /// Whether something is lost if it ends now.
    pub(super) fn is_busy(&self) -> bool {
        let doing = lock(&self.doing);
        match doing.phase {
            Phase::Fresh | Phase::Http1 => doing.heard || doing.exchanges > 0,
            Phase::Http2 => doing.exchanges > 0,
            Phase::Upgraded => true,
            Phase::Farewell => false,
        }
    }

    /// Whether it may be closed now.
    pub(super) fn is_due(&self) -> bool {
        let mood = self.house.mood();
        self.due(mood).is_some_and(|due| due <= Instant::now())
    }

    /// Waits until it may be closed.
    pub(super) async fn is_to_close(&self) {
        let mut moods = self.house.moods();
        loop {
            let mood = *moods.borrow_and_update();
            let due = self.due(mood);
            if due.is_some_and(|due| due <= Instant::now()) {
                return;
            }
            tokio::select! {
                changed = moods.changed() => changed.expect("the house stands as long as it has a guest"),
                () = self.changed.notified(), if mood != Mood::Welcoming => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
        }
    }

    fn due(&self, mood: Mood) -> Option<Instant> {
        match mood {
            Mood::Welcoming => None,
            Mood::Leaving(leaving) => lock(&self.doing).due(leaving),
        }
    }
}

impl Doing {
    fn due(&self, leaving: Leaving) -> Option<Instant> {
        let silent = self.quiet_since.max(leaving.since) + leaving.idle;
        let due = match self.phase {
            Phase::Fresh if self.heard => return None,
            Phase::Fresh => (leaving.since + leaving.idle).max(self.quiet_since + leaving.fresh),
            Phase::Http1 if self.exchanges > 0 => return None,
            Phase::Http1 => silent,
            // A GOAWAY lets what is under way go on: who is awake may hear it at once.
            Phase::Http2 if self.exchanges > 0 || self.last_request >= Some(leaving.since) => leaving.since,
            Phase::Http2 => silent,
            Phase::Upgraded | Phase::Farewell => return None,
        };
        Some(leaving.until.map_or(due, |until| due.min(until)))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.house.forget(self.id);
    }
}

impl Exchange {
    pub(super) fn house(&self) -> &House {
        &self.guest.house
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.guest.end();
    }
}
