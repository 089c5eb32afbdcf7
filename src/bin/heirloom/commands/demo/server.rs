//! What the demo's workers run: a server that answers with the number of its generation, or a release that fails.
//! It must not know the demo: all it has is its environment.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use tokio::time::sleep;
use tower_service::Service;

use super::release::{CONDUCT, Conduct};
use crate::exit_code::ExitCode;
use crate::show;
use heirloom::Worker;
use heirloom::protocol::environment::GENERATION;
use heirloom::worker::OnMasterDeath;

/// Where it listens: whatever port the master has.
pub(super) const ADDRESS: &str = "127.0.0.1:0";
/// The path whose answer takes its time.
pub(super) const LONG: &str = "/long";
/// What every answer begins with, before the generation's number.
pub(super) const ANSWER: &str = "generation ";

/// A server that is no trouble would be there at once; real ones are not.
const START_UP: Duration = Duration::from_millis(400);
const LONG_TAKES: Duration = Duration::from_millis(800);

/// Serves until it is told to leave.
pub(crate) fn demo_server() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::Done,
        Err(error) => {
            show::error(&error, None);
            ExitCode::Failed
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> anyhow::Result<()> {
    let generation = std::env::var(GENERATION).context("it is started by `heirloom demo`")?;
    let conduct = std::env::var(CONDUCT).ok().and_then(|name| Conduct::named(&name)).unwrap_or_default();
    let worker = Worker::join()?;
    // However the demo ends, nothing of it stays behind.
    worker.on_master_death(OnMasterDeath::Exit);
    sleep(START_UP).await;
    match conduct {
        Conduct::Good => {}
        Conduct::Crashes => bail!("cannot read settings.toml: line 7: expected a value"),
        Conduct::Hangs => std::future::pending().await,
    }
    let listener = worker.listen(ADDRESS).await?;
    worker.ready()?;
    let body = Bytes::from(format!("{ANSWER}{generation}\n"));
    heirloom::http::serve(&worker, listener, Answers { body }).await;
    Ok(())
}

/// Answers every request with the same.
#[derive(Clone)]
struct Answers {
    body: Bytes,
}

type Answer = Result<Response<Full<Bytes>>, Infallible>;

impl Service<Request<Incoming>> for Answers {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let answer: Ready<Answer> = ready(Ok(Response::new(Full::new(self.body.clone()))));
        let wait = if request.uri().path() == LONG { LONG_TAKES } else { Duration::ZERO };
        Box::pin(async move {
            if !wait.is_zero() {
                sleep(wait).await;
            }
            answer.await
        })
    }
}
