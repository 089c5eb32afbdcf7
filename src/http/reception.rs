//! Where connections arrive, until the worker drains; and the wait until the last of them has gone.
//!
//! It must not know what happens on a connection.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, sleep_until};
use tower_service::Service;

use super::connection::attend;
use super::house::{House, Served};
use super::listener::{Client, Listener};
use super::service::BoxError;
use crate::Worker;
use crate::worker::{Connections, Passed, Stage, Stages};

/// How long nothing is accepted when there are no descriptors left.
const BREATH: Duration = Duration::from_millis(100);
/// As many connections are taken from the queue of a worker that drains; who comes later is the next worker's.
const MOST_AT_THE_END: usize = 4096;

/// Serves HTTP/1 and HTTP/2 on `listener` until the worker has drained, and says what was served.
///
/// The service is axum's `Router` or any other of tower's that can be cloned; each request carries its [`Client`] as an
/// extension. It may be called for several listeners at once. A service that fails or panics answers 500. When this is
/// dropped, its connections are.
pub async fn serve<L, S, B>(worker: &Worker, listener: L, service: S) -> Served
where
    L: Listener,
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let house = House::of(worker);
    let stages = worker.stages();
    let passed = Some(worker.connections_that({
        let is_ours = listener.recognizes();
        move |passed| is_ours(&passed.socket)
    }));
    let reception = Reception { house: Arc::clone(&house), stages, listener, passed, service, tasks: JoinSet::new() };
    let served = tokio::select! {
        served = reception.run() => served,
        never = house.keep_reporting() => match never {},
    };
    worker.report_tally();
    served
}

struct Reception<L, S> {
    house: Arc<House>,
    stages: Stages,
    listener: L,
    /// None when there will be no more.
    passed: Option<Connections>,
    service: S,
    tasks: JoinSet<()>,
}

impl<L, S, B> Reception<L, S>
where
    L: Listener,
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    async fn run(mut self) -> Served {
        let mut stage = self.stages.now();
        self.house.follow(stage);
        while !stage.is_draining() {
            tokio::select! {
                biased;
                next = self.stages.changed() => {
                    stage = next;
                    self.house.follow(stage);
                }
                Some(ended) = self.tasks.join_next() => self.house.note(ended),
                passed = next_of(&mut self.passed) => self.adopt(passed),
                accepted = poll_fn(|cx| self.listener.poll_accept(cx)) => self.welcome_or_wait(accepted).await,
            }
        }
        self.take_the_last().await;
        let Self { house, stages, tasks, listener, .. } = self;
        drop(listener);
        Leave { house, stages, tasks }.wait(stage).await
    }

    fn welcome(&mut self, socket: L::Socket, client: Client) {
        let guest = self.house.welcome(client);
        self.tasks.spawn(attend(self.listener.prepare(socket), guest, self.service.clone()));
    }

    fn adopt(&mut self, passed: Passed) {
        match self.listener.adopt(passed.socket) {
            Ok((socket, client)) => self.welcome(socket, client),
            Err(error) => tracing::warn!(%error, "cannot take over a connection that the master passed"),
        }
    }

    async fn welcome_or_wait(&mut self, accepted: io::Result<(L::Socket, Client)>) {
        match accepted {
            Ok((socket, client)) => self.welcome(socket, client),
            Err(error) if is_about_one_client(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                sleep(BREATH).await;
            }
        }
    }

    /// Takes what has already come, and does not wait for more.
    async fn take_the_last(&mut self) {
        while let Some(connections) = &mut self.passed {
            match connections.next().await {
                Some(passed) => self.adopt(passed),
                None => self.passed = None,
            }
        }
        // A queue is empty when nothing was in it right after the runtime had asked the kernel: between two such looks,
        // Tokio gives no more than it thinks is fair.
        let mut is_fresh_look = false;
        for _ in 0..MOST_AT_THE_END {
            match poll_fn(|cx| Poll::Ready(self.listener.poll_accept(cx))).await {
                Poll::Ready(Ok((socket, client))) => self.welcome(socket, client),
                Poll::Ready(Err(error)) if is_about_one_client(&error) => {}
                Poll::Ready(Err(_)) => return,
                Poll::Pending if is_fresh_look => return,
                Poll::Pending => {
                    yield_now().await;
                    is_fresh_look = true;
                    continue;
                }
            }
            is_fresh_look = false;
        }
    }
}

/// The next connection that is passed; it waits for ever when there will be none.
async fn next_of(passed: &mut Option<Connections>) -> Passed {
    if let Some(connections) = passed {
        match connections.next().await {
            Some(next) => return next,
            None => *passed = None,
        }
    }
    std::future::pending().await
}

fn is_about_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// The wait until everybody has gone, or the grace is over.
struct Leave {
    house: Arc<House>,
    stages: Stages,
    tasks: JoinSet<()>,
}

impl Leave {
    async fn wait(mut self, mut stage: Stage) -> Served {
        while !self.house.is_empty() {
            let end = self.house.mood().end(stage);
            tokio::select! {
                () = self.house.gone.notified() => {}
                Some(ended) = self.tasks.join_next() => self.house.note(ended),
                next = self.stages.changed() => {
                    stage = next;
                    self.house.follow(stage);
                }
                () = sleep_until(end.expect("a worker that drains has an end")) => break,
            }
        }
        self.house.served()
    }
}
