//! One request that is under way for as long as the caller wants: through a reload, say.
//! Its head is sent but for the empty line at its end, so that the server cannot answer yet.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::apart::{StartError, join, run_apart};
use super::connection::{Connection, Exchange};
use super::course::Course;
use super::journal::Entry;
use super::outcome::{Failure, Outcome};
use super::plan::{Manner, Plan};
use super::target::{Target, connected};
use super::wire::Hold;

/// A request that is under way. Dropped, its connection is closed.
#[derive(Debug)]
pub struct Held {
    finish: oneshot::Sender<()>,
    thread: JoinHandle<Option<Entry>>,
}

/// Why a request is not under way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HoldError {
    /// It could not even be tried.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It ended before its head was sent.
    #[error("the request ended before it could be held")]
    Ended(#[source] Failure),
}

impl Held {
    /// Connects, sends all of the request but its last two bytes, and returns when they are sent.
    pub fn open(target: impl Into<Target>, path: &str) -> Result<Held, HoldError> {
        let course = Course::check(Plan { manner: Manner::OneShot, path: path.to_owned(), ..Plan::on(target) })?;
        let (reached, is_reached) = mpsc::channel();
        let (finish, finishing) = oneshot::channel();
        let thread = run_apart(run(course, reached, finishing))?;
        match is_reached.recv() {
            Ok(()) => Ok(Held { finish, thread }),
            Err(_) => Err(HoldError::Ended(failure_of(join(thread)))),
        }
    }

    /// Sends the rest and blocks until the request has ended: at most 20 s.
    pub fn finish(self) -> Entry {
        // An error means that it has ended by itself.
        let _ = self.finish.send(());
        join(self.thread).expect("a request that was not dropped has an outcome")
    }
}

/// Holds one request; `None` when nobody wants it any more.
async fn run(course: Course, reached: mpsc::Sender<()>, finishing: oneshot::Receiver<()>) -> Option<Entry> {
    let started = Instant::now();
    let (let_go, is_let_go) = oneshot::channel();
    let hold = Hold { reached: Some(reached), let_go: is_let_go };
    let (outcome, answer) = match connect(&course, started, hold).await {
        Ok(connection) => exchange(connection, &course, let_go, finishing).await?,
        Err(failure) => (Outcome::Failed(failure), String::new()),
    };
    Some(Entry { started, ended: Instant::now(), answer, outcome })
}

async fn connect(course: &Course, started: Instant, hold: Hold) -> Result<Connection, Failure> {
    let until = started + course.patience;
    let stream = connected(course.target.connect(), until).await?;
    Connection::open(stream, course.manner, Some(hold)).await
}

async fn exchange(
    mut connection: Connection,
    course: &Course,
    let_go: oneshot::Sender<()>,
    finishing: oneshot::Receiver<()>,
) -> Option<(Outcome, String)> {
    let mut exchange = std::pin::pin!(connection.exchange(course));
    let ended = tokio::select! {
        ended = &mut exchange => ended,
        wanted = finishing => {
            wanted.ok()?;
            // An error means that the connection has ended, and so will the exchange.
            let _ = let_go.send(());
            match timeout(course.patience, exchange).await {
                Ok(ended) => ended,
                Err(_) => return Some((Outcome::Failed(Failure::TimedOut), String::new())),
            }
        }
    };
    match ended {
        Exchange::Done(outcome, answer) => Some((outcome, answer)),
        Exchange::NotSent => unreachable!("a fresh connection is not stale"),
    }
}

fn failure_of(entry: Option<Entry>) -> Failure {
    match entry.map(|entry| entry.outcome) {
        Some(Outcome::Failed(failure)) => failure,
        // An answer to a request that was not sent is not HTTP.
        Some(Outcome::Answered { .. }) | None => Failure::Garbled,
    }
}
