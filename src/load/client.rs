//! One client in a closed loop: it connects when it must, asks, thinks, and asks again.
//! It never retries a request; it decides nothing about what an outcome means.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout_at};

use super::connection::{Connection, Exchange};
use super::course::Course;
use super::journal::Entry;
use super::ledger::Ledger;
use super::outcome::{Failure, Outcome};
use super::pause::Turnstile;
use super::target::connected;

/// After a failed connect, so that a dead target is not met with a busy loop.
const BREATH: Duration = Duration::from_millis(1);

/// How many requests may still be begun, by all clients together.
#[derive(Debug)]
pub(super) struct Tickets(AtomicU64);

impl Tickets {
    pub(super) fn new(most: Option<u64>) -> Tickets {
        Tickets(AtomicU64::new(most.unwrap_or(u64::MAX)))
    }

    fn take(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }
}

/// One client.
pub(super) struct Client {
    course: Arc<Course>,
    ledger: Arc<Ledger>,
    connection: Option<Connection>,
    dice: u64,
}

impl Client {
    pub(super) fn new(number: usize, course: Arc<Course>, ledger: Arc<Ledger>) -> Client {
        Client {
            course,
            ledger,
            connection: None,
            // Any odd number will do, as long as two clients have different ones.
            dice: (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        }
    }

    /// Asks until the tickets are gone, or until the other side of `wanted` is.
    pub(super) async fn run(
        mut self,
        tickets: Arc<Tickets>,
        turnstile: Arc<Turnstile>,
        mut wanted: watch::Receiver<()>,
    ) {
        while wanted.has_changed().is_ok() && tickets.take() {
            let under_way = turnstile.pass().await;
            let outcome = self.request().await;
            drop(under_way);
            let pause = match outcome {
                Outcome::Failed(failure) if failure.is_before_connection() => BREATH,
                _ => Duration::ZERO,
            };
            let pause = pause.max(self.next_thought());
            if !pause.is_zero() {
                tokio::select! {
                    () = sleep(pause) => {}
                    _ = wanted.changed() => {}
                }
            }
        }
    }

    /// Makes one request and writes down what became of it.
    pub(super) async fn request(&mut self) -> Outcome {
        let started = Instant::now();
        let (outcome, answer) = self.ask(started + self.course.patience).await;
        self.ledger.write(Entry { started, ended: Instant::now(), answer, outcome });
        outcome
    }

    async fn ask(&mut self, until: Instant) -> (Outcome, String) {
        loop {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => match self.connect(until).await {
                    Ok(connection) => connection,
                    Err(failure) => return (Outcome::Failed(failure), String::new()),
                },
            };
            match timeout_at(until.into(), connection.exchange(&self.course)).await {
                Ok(Exchange::Done(outcome, answer)) => {
                    if connection.is_welcome(self.course.manner) {
                        self.connection = Some(connection);
                    }
                    return (outcome, answer);
                }
                Ok(Exchange::NotSent) if connection.has_said_goodbye() => {}
                Ok(Exchange::NotSent) => self.ledger.found_stale(),
                Err(_) => return (Outcome::Failed(Failure::TimedOut), String::new()),
            }
        }
    }

    async fn connect(&self, until: Instant) -> Result<Connection, Failure> {
        let stream = connected(self.course.target.connect(), until).await?;
        self.ledger.connected();
        Connection::open(stream, self.course.manner, None).await
    }

    fn next_thought(&mut self) -> Duration {
        let (shortest, longest) = (*self.course.think.start(), *self.course.think.end());
        let Some(span) = longest.checked_sub(shortest) else {
            return shortest;
        };
        // xorshift64: even enough for pauses, and the same in every run.
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        shortest + span.mul_f64((self.dice >> 11) as f64 / (1_u64 << 53) as f64)
    }
}
