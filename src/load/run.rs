//! A load that runs until it is stopped: the caller's side.
//! It owns the thread; what the clients do there is `client`'s.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::apart::{StartError, join, run_apart};
use super::client::{Client, Tickets};
use super::course::Course;
use super::journal::Journal;
use super::ledger::{Ledger, Overdue};
use super::pause::{Pause, Turnstile};
use super::plan::Plan;
use super::tally::Tally;

/// Clients that ask in a closed loop. Dropped, it stops by itself, but nobody waits for that.
#[derive(Debug)]
pub struct Load {
    ledger: Arc<Ledger>,
    turnstile: Arc<Turnstile>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    /// Its end is the clients' word to stop.
    wanted: watch::Sender<()>,
    thread: JoinHandle<()>,
}

impl Load {
    /// Starts the clients and returns at once.
    pub fn start(plan: Plan) -> Result<Load, StartError> {
        let ledger = Arc::new(Ledger::new(plan.journal));
        let tickets = Arc::new(Tickets::new(plan.most));
        let turnstile = Arc::<Turnstile>::default();
        let gate = Arc::clone(&turnstile);
        let clients = plan.clients;
        let course = Arc::new(Course::check(plan)?);
        let (wanted, still_wanted) = watch::channel(());
        let book = Arc::clone(&ledger);
        let thread = run_apart(async move {
            let mut running = JoinSet::new();
            for number in 0..clients {
                let client = Client::new(number, Arc::clone(&course), Arc::clone(&book));
                running.spawn(client.run(Arc::clone(&tickets), Arc::clone(&gate), still_wanted.clone()));
            }
            running.join_all().await;
            book.close();
        })?;
        Ok(Load { ledger, turnstile, running: Mutex::new(Some(Running { wanted, thread })) })
    }

    /// The counts as they are now.
    pub fn tally(&self) -> Tally {
        self.ledger.tally()
    }

    /// The requests one by one, as far as they have ended; empty unless the plan asked for a journal.
    pub fn journal(&self) -> Journal {
        self.ledger.journal()
    }

    /// Blocks until `answered` requests were answered since the start, or until `limit` is over.
    pub fn wait_for(&self, answered: u64, limit: Duration) -> Result<Tally, Overdue> {
        self.ledger.wait_for(answered, limit)
    }

    /// Blocks until the plan's `most` requests have ended, or until `limit` is over.
    pub fn wait_for_the_end(&self, limit: Duration) -> Result<Tally, Overdue> {
        self.ledger.wait_for_the_end(limit)
    }

    /// Lets no request begin, and blocks until none is under way: at most the clients' patience. They go on when what
    /// comes back is dropped, which has to be before the load is stopped. Not to be called from an asynchronous task.
    pub fn pause(&self) -> Pause<'_> {
        self.turnstile.close()
    }

    /// Lets every client finish the request that it is in, and blocks until they have: at most their patience.
    pub fn stop(&self) -> Tally {
        let running = self.running.lock().expect("stopping does not panic").take();
        if let Some(Running { wanted, thread }) = running {
            drop(wanted);
            join(thread);
        }
        self.ledger.tally()
    }
}
