//! One question, one answer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, SERVER};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::error::{AskError, ConnectError, Unreachable};
use super::events::Events;
use crate::control::Places;
use crate::control::model::{
    Abort, Answer, EventsQuery, History, LogsQuery, Pause, Problem, Promote, Reload, Resume, Rollback, Scale, Sockets,
    Status, Stop,
};

/// Answers are not longer than this.
const LONGEST: usize = 16 * 1024 * 1024;

/// Asks a master.
#[derive(Clone, Debug)]
pub struct Client {
    path: PathBuf,
    patience: Duration,
}

/// An answer, or why there is none.
pub type Answered<T> = Result<T, AskError>;

impl Client {
    /// A client of the master at this socket; tries whether one is there. An answer that comes at once is waited for
    /// `patience` long; one that takes its time, for so much longer than was asked for.
    ///
    /// # Errors
    /// When nobody can be asked there.
    pub async fn connect(path: impl Into<PathBuf>, patience: Duration) -> Result<Client, ConnectError> {
        let client = Client { path: path.into(), patience };
        client.open().await?;
        Ok(client)
    }

    /// A client of the first master that is found at one of these places.
    ///
    /// # Errors
    /// When nobody can be asked at any of them: what is said of the place where most is.
    pub async fn find(places: &Places, patience: Duration) -> Result<Client, ConnectError> {
        let mut closest: Option<ConnectError> = None;
        for path in &places.paths {
            match Client::connect(path, patience).await {
                Ok(client) => return Ok(client),
                Err(error) if closest.as_ref().is_none_or(|closest| error.why.rank() > closest.why.rank()) => {
                    closest = Some(error);
                }
                Err(_) => {}
            }
        }
        let nowhere = || ConnectError { path: PathBuf::new(), why: Unreachable::NoSocket };
        Err(closest.unwrap_or_else(nowhere))
    }

    /// The socket.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that is.
    pub async fn status(&self) -> Answered<Status> {
        self.see("/v1/status").await
    }

    /// All that was.
    pub async fn history(&self) -> Answered<History> {
        self.see("/v1/history").await
    }

    /// The listeners, with who holds each lane.
    pub async fn sockets(&self) -> Answered<Sockets> {
        self.see("/v1/sockets").await
    }

    /// Raises a new generation. Without a `timeout_seconds`, waits for as long as it takes.
    pub async fn reload(&self, reload: &Reload) -> Answered<Answer> {
        self.tell("/v1/reload", reload, reload.timeout_seconds).await
    }

    /// Lets the generation go on that is held, or has a share. Without a `timeout_seconds`, waits for as long as it takes.
    pub async fn promote(&self, promote: &Promote) -> Answered<Answer> {
        self.tell("/v1/promote", promote, promote.timeout_seconds).await
    }

    /// Goes back to a generation that served. Without a `timeout_seconds`, waits for as long as it takes.
    pub async fn rollback(&self, rollback: &Rollback) -> Answered<Answer> {
        self.tell("/v1/rollback", rollback, rollback.timeout_seconds).await
    }

    /// Stops the clock of the generation that rises.
    pub async fn pause(&self, pause: &Pause) -> Answered<Answer> {
        self.tell("/v1/pause", pause, Some(0.0)).await
    }

    /// Lets it run again.
    pub async fn resume(&self, resume: &Resume) -> Answered<Answer> {
        self.tell("/v1/resume", resume, Some(0.0)).await
    }

    /// Gives up the generation that rises.
    pub async fn abort(&self, abort: &Abort) -> Answered<Answer> {
        self.tell("/v1/abort", abort, Some(0.0)).await
    }

    /// Sets how many workers there are.
    pub async fn scale(&self, scale: &Scale) -> Answered<Answer> {
        self.tell("/v1/scale", scale, Some(0.0)).await
    }

    /// Ends everything. Without a `timeout_seconds`, waits for as long as it takes.
    pub async fn stop(&self, stop: &Stop) -> Answered<Answer> {
        self.tell("/v1/stop", stop, stop.timeout_seconds).await
    }

    /// What happens.
    pub async fn events(&self, what: &EventsQuery) -> Answered<Events> {
        let mut query = query(what.since, what.last, what.follow);
        query.extend(what.lines.then(|| "lines=true".to_owned()));
        self.follow("/v1/events", &query).await
    }

    /// What workers write.
    pub async fn logs(&self, what: &LogsQuery) -> Answered<Events> {
        let mut query = query(what.since, what.last, what.follow);
        query.extend(what.generation.map(|generation| format!("generation={generation}")));
        query.extend(what.slot.map(|slot| format!("slot={slot}")));
        self.follow("/v1/logs", &query).await
    }

    async fn see<T: DeserializeOwned>(&self, path: &str) -> Answered<T> {
        self.within(Some(0.0), async {
            let response = self.ask(request(Method::GET, path, Bytes::new())).await?;
            read(refuse_problems(response).await?).await
        })
        .await
    }

    /// `wait`: for so long the master may take until it answers; for ever, if none.
    async fn tell(&self, path: &str, command: &impl Serialize, wait: Option<f64>) -> Answered<Answer> {
        let body = serde_json::to_vec(command).map_err(|error| AskError::Nonsense(error.to_string()))?;
        self.within(wait, async {
            let response = self.ask(request(Method::POST, path, body.into())).await?;
            match response.status().as_u16() {
                409 => read(response).await, // it is an answer all the same
                _ => read(refuse_problems(response).await?).await,
            }
        })
        .await
    }

    async fn follow(&self, path: &str, query: &[String]) -> Answered<Events> {
        let path = format!("{path}?{}", query.join("&"));
        let response = self.within(Some(0.0), self.ask(request(Method::GET, &path, Bytes::new()))).await?;
        Ok(Events::new(refuse_problems(response).await?.into_body()))
    }

    async fn within<T>(&self, wait: Option<f64>, answer: impl Future<Output = Answered<T>>) -> Answered<T> {
        let Some(wait) = wait else { return answer.await };
        let patience = self.patience.saturating_add(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX));
        let answered = tokio::time::timeout(patience, answer).await;
        answered.unwrap_or(Err(AskError::TimedOut(patience)))
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Answered<Response<Incoming>> {
        let stream = self.open().await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.told_nonsense(error))?;
        tokio::spawn(connection); // ends when the answer has been read, or is wanted no more
        let response = sender.send_request(request).await.map_err(|error| self.told_nonsense(error))?;
        let is_heirloom = |name: &hyper::header::HeaderValue| name.as_bytes().starts_with(b"heirloom/");
        match response.headers().get(SERVER).is_some_and(is_heirloom) {
            true => Ok(response),
            false => Err(self.unreachable(Unreachable::NotAHeirloom).into()),
        }
    }

    async fn open(&self) -> Result<UnixStream, ConnectError> {
        let connected = tokio::time::timeout(self.patience, UnixStream::connect(&self.path)).await;
        let why = match connected {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => Unreachable::from(error),
            Err(_) => Unreachable::TimedOut(self.patience),
        };
        let is_socket = |file: std::fs::Metadata| {
            use std::os::unix::fs::FileTypeExt;
            file.file_type().is_socket()
        };
        Err(self.unreachable(match why {
            // The kernel says the same of a file that is no socket.
            Unreachable::NobodyListens if !std::fs::metadata(&self.path).is_ok_and(is_socket) => {
                Unreachable::NotAHeirloom
            }
            why => why,
        }))
    }

    fn unreachable(&self, why: Unreachable) -> ConnectError {
        ConnectError { path: self.path.clone(), why }
    }

    fn told_nonsense(&self, error: hyper::Error) -> AskError {
        match error.is_parse() {
            true => self.unreachable(Unreachable::NotAHeirloom).into(),
            false => AskError::Ended(error),
        }
    }
}

fn query(since: Option<u64>, last: Option<u32>, follow: bool) -> Vec<String> {
    let since = since.map(|since| format!("since={since}"));
    let last = last.map(|last| format!("last={last}"));
    since.into_iter().chain(last).chain(follow.then(|| "follow=true".to_owned())).collect()
}

fn request(method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(path).header(HOST, "heirloom").header(ACCEPT, "*/*");
    let request = if body.is_empty() { request } else { request.header(CONTENT_TYPE, "application/json") };
    request.body(Full::new(body)).expect("the parts are ours")
}

/// Anything but success is a problem.
async fn refuse_problems(response: Response<Incoming>) -> Answered<Response<Incoming>> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let unknown = || Problem::new(status.as_u16(), status.canonical_reason().unwrap_or_default(), status.to_string());
    let problem = match read::<Problem>(response).await {
        Ok(problem) => problem,
        Err(AskError::Nonsense(_)) => unknown(),
        Err(other) => return Err(other),
    };
    Err(AskError::Problem(problem))
}

async fn read<T: DeserializeOwned>(response: Response<Incoming>) -> Answered<T> {
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(ended) => AskError::Ended(*ended),
        Err(error) => AskError::Nonsense(error.to_string()),
    })?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| AskError::Nonsense(error.to_string()))
}
