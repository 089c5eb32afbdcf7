//! Many connections at one instant, and one request on each.
//! It owns the order: every connection is begun before any request is sent.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::task::JoinSet;
use tokio::time::timeout_at;

use super::apart::{StartError, join, run_apart};
use super::connection::{Connection, Exchange};
use super::course::Course;
use super::journal::{Entry, Journal};
use super::ledger::Ledger;
use super::outcome::{Failure, Outcome};
use super::plan::{Manner, Plan};
use super::tally::Tally;
use super::target::connected;
use super::wire::Stream;

type Connecting = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

/// A burst that is under way.
#[derive(Debug)]
pub struct Burst {
    ledger: Arc<Ledger>,
    thread: JoinHandle<()>,
}

impl Burst {
    /// Begins as many connections as the plan has clients, and returns when every one of them is begun.
    /// Each then sends one request as soon as it is connected.
    pub fn start(plan: Plan) -> Result<Burst, StartError> {
        let ledger = Arc::new(Ledger::new(plan.journal));
        let size = plan.clients;
        let course = Arc::new(Course::check(Plan { manner: Manner::OneShot, ..plan })?);
        let (begun, all_begun) = mpsc::channel();
        let thread = run_apart(run(size, course, Arc::clone(&ledger), begun))?;
        // An error would mean that the burst is over already, which is as good.
        let _ = all_begun.recv();
        Ok(Burst { ledger, thread })
    }

    /// The counts as they are now.
    pub fn tally(&self) -> Tally {
        self.ledger.tally()
    }

    /// Blocks until every request has ended: at most the plan's patience.
    pub fn finish(self) -> (Tally, Journal) {
        join(self.thread);
        (self.ledger.tally(), self.ledger.journal())
    }
}

async fn run(size: usize, course: Arc<Course>, ledger: Arc<Ledger>, begun: mpsc::Sender<()>) {
    let mut connecting = Vec::with_capacity(size);
    for _ in 0..size {
        let started = Instant::now();
        let course = Arc::clone(&course);
        let connection: Connecting = Box::pin(async move { course.target.connect().await });
        connecting.push((started, begin(connection).await));
    }
    // Whoever waited for this may be gone.
    let _ = begun.send(());
    let mut requests = JoinSet::new();
    for (started, connection) in connecting {
        let (course, ledger) = (Arc::clone(&course), Arc::clone(&ledger));
        requests.spawn(async move {
            let (outcome, answer) = ask(started, connection, &course, &ledger).await;
            ledger.write(Entry { started, ended: Instant::now(), answer, outcome });
        });
    }
    requests.join_all().await;
}

/// Makes the system call that begins a connection, and waits for nothing.
async fn begin(mut connecting: Connecting) -> Connecting {
    match poll_fn(|cx| Poll::Ready(connecting.as_mut().poll(cx))).await {
        Poll::Ready(connected) => Box::pin(std::future::ready(connected)),
        Poll::Pending => connecting,
    }
}

async fn ask(started: Instant, connecting: Connecting, course: &Course, ledger: &Ledger) -> (Outcome, String) {
    let failed = |failure| (Outcome::Failed(failure), String::new());
    let until = started + course.patience;
    let stream = match connected(connecting, until).await {
        Ok(stream) => stream,
        Err(failure) => return failed(failure),
    };
    ledger.connected();
    let mut connection = match Connection::open(stream, course.manner, None).await {
        Ok(connection) => connection,
        Err(failure) => return failed(failure),
    };
    match timeout_at(until.into(), connection.exchange(course)).await {
        Ok(Exchange::Done(outcome, answer)) => (outcome, answer),
        Ok(Exchange::NotSent) => unreachable!("a fresh connection is not stale"),
        Err(_) => failed(Failure::TimedOut),
    }
}
