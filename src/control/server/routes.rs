//! Which path leads where.

use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{ACCEPT, HeaderName};
use hyper::{Method, Request, Response, StatusCode};

use super::answer::{Body, Refusal, answered, json, text};
use super::asking::{body, following, needed_body, no_parameters};
use super::commands::Asking;
use super::health::Question;
use super::office::Office;
use super::stream::{Form, events};
use super::{assemble, health, listeners, metrics};
use crate::control::model::{History, Status};
use crate::master::snapshot::Snapshot;
use crate::observe;

type Answered = Result<Response<Body>, Refusal>;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Status,
    History,
    Sockets,
    Events,
    Logs,
    Reload,
    Promote,
    Rollback,
    Pause,
    Resume,
    Abort,
    Scale,
    Stop,
    Metrics,
    Health(Question),
    Description,
}

/// What the API is, for programs.
const DESCRIPTION: &str = include_str!("../../../docs/openapi.json");

impl Subject {
    fn of(path: &str) -> Option<Subject> {
        Some(match path {
            "/v1/status" => Subject::Status,
            "/v1/history" => Subject::History,
            "/v1/sockets" => Subject::Sockets,
            "/v1/events" => Subject::Events,
            "/v1/logs" => Subject::Logs,
            "/v1/reload" => Subject::Reload,
            "/v1/promote" => Subject::Promote,
            "/v1/rollback" => Subject::Rollback,
            "/v1/pause" => Subject::Pause,
            "/v1/resume" => Subject::Resume,
            "/v1/abort" => Subject::Abort,
            "/v1/scale" => Subject::Scale,
            "/v1/stop" => Subject::Stop,
            "/v1/openapi.json" => Subject::Description,
            _ => return Subject::for_everybody(path),
        })
    }

    /// What may be asked over TCP, by anybody.
    fn for_everybody(path: &str) -> Option<Subject> {
        Some(match path {
            "/metrics" => Subject::Metrics,
            "/livez" => Subject::Health(Question::Live),
            "/readyz" => Subject::Health(Question::Ready),
            "/startupz" => Subject::Health(Question::Started),
            _ => return None,
        })
    }

    fn changes_something(self) -> bool {
        match self {
            Subject::Reload | Subject::Promote | Subject::Rollback | Subject::Pause | Subject::Resume => true,
            Subject::Abort | Subject::Scale | Subject::Stop => true,
            Subject::Status | Subject::History | Subject::Sockets | Subject::Events | Subject::Logs => false,
            Subject::Metrics | Subject::Health(_) | Subject::Description => false,
        }
    }
}

/// Answers one request of somebody who may ask.
pub(super) async fn answer(office: &Arc<Office>, by: &str, request: Request<Incoming>) -> Response<Body> {
    route(office, by, request).await.unwrap_or_else(Refusal::response)
}

/// Answers one request of anybody: numbers and health, no more.
pub(super) async fn answer_anybody(office: &Arc<Office>, request: Request<Incoming>) -> Response<Body> {
    let subject = Subject::for_everybody(request.uri().path());
    let answered = match (subject, request.method()) {
        (Some(subject), &Method::GET | &Method::HEAD) => see(office, subject, &request).await,
        (Some(_), _) => Err(Refusal::method("GET, HEAD")),
        (None, _) => Err(Refusal::new(StatusCode::NOT_FOUND, "there are /metrics, /livez, /readyz and /startupz here")),
    };
    answered.unwrap_or_else(Refusal::response)
}

async fn route(office: &Arc<Office>, by: &str, request: Request<Incoming>) -> Answered {
    let path = request.uri().path();
    let Some(subject) = Subject::of(path) else {
        let path: String = path.chars().take(100).collect();
        return Err(Refusal::new(StatusCode::NOT_FOUND, format!("there is no {path} here; see /v1/openapi.json")));
    };
    if subject.changes_something() {
        return match *request.method() {
            Method::POST => command(office, by, subject, request).await,
            _ => Err(Refusal::method("POST")),
        };
    }
    match *request.method() {
        Method::GET | Method::HEAD => see(office, subject, &request).await,
        _ => Err(Refusal::method("GET, HEAD")),
    }
}

async fn see(office: &Arc<Office>, subject: Subject, request: &Request<Incoming>) -> Answered {
    let query = request.uri().query();
    match subject {
        Subject::Events | Subject::Logs => return follow(office, subject, request),
        // Probes and scrapers may say more than we want to know.
        Subject::Metrics | Subject::Health(_) => {}
        _ => no_parameters(query)?,
    }
    match subject {
        Subject::Metrics => metrics(office, request).await,
        Subject::Health(question) => Ok(health::answer(office, question).await),
        Subject::Description => Ok(text(StatusCode::OK, "application/json", DESCRIPTION.to_owned())),
        Subject::Status => Ok(json(&status(office).await?)),
        Subject::Sockets => Ok(json(&look(office, |_, snapshot| listeners::with_holders(&snapshot)).await?)),
        _ => Ok(json(&history(office))),
    }
}

fn follow(office: &Arc<Office>, subject: Subject, request: &Request<Incoming>) -> Answered {
    let header = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let is_server_sent = header(ACCEPT).is_some_and(|accept| accept.contains("text/event-stream"));
    let form = if is_server_sent { Form::ServerSent } else { Form::Lines };
    let last_id = header(HeaderName::from_static("last-event-id")).and_then(|id| id.parse().ok());
    let mut wanted = following(request.uri().query(), subject == Subject::Logs, last_id)?;
    wanted.follow &= request.method() == Method::GET;
    events(office, wanted, form)
}

async fn command(office: &Office, by: &str, subject: Subject, request: Request<Incoming>) -> Answered {
    no_parameters(request.uri().query())?;
    let seat = office.waiting.try_acquire();
    let _seat = seat.map_err(|_| Refusal::busy("too many callers wait for an outcome already"))?;
    let asking = Asking { office, by, since: Instant::now() };
    let answer = match subject {
        Subject::Reload => asking.reload(body(request).await?).await?,
        Subject::Promote => asking.promote(body(request).await?).await?,
        Subject::Rollback => asking.rollback(body(request).await?).await?,
        Subject::Pause => asking.pause(body(request).await?).await?,
        Subject::Resume => asking.resume(body(request).await?).await?,
        Subject::Abort => asking.abort(body(request).await?).await?,
        Subject::Scale => asking.scale(needed_body(request).await?).await?,
        _ => asking.stop(needed_body(request).await?).await?,
    };
    Ok(answered(&answer))
}

async fn metrics(office: &Arc<Office>, request: &Request<Incoming>) -> Answered {
    let numbers =
        look(office, |office, snapshot| metrics::open_metrics(&office, &assemble::status(&office, &snapshot)));
    let numbers = numbers.await?;
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(match accepted.contains("application/openmetrics-text") {
        true => text(StatusCode::OK, metrics::OPEN_METRICS, numbers),
        false => text(StatusCode::OK, metrics::PLAIN, metrics::plain(&numbers)),
    })
}

async fn status(office: &Arc<Office>) -> Result<Status, Refusal> {
    look(office, |office, snapshot| assemble::status(&office, &snapshot)).await
}

fn history(office: &Office) -> History {
    let told = office.chronicle.told();
    let attempts = told.history.attempts().map(assemble::attempt).collect();
    History { limit: u32::try_from(observe::History::limit()).unwrap_or(u32::MAX), attempts }
}

/// Looks at what the master knows, on a thread that may block; few at once.
async fn look<T: Send + 'static>(
    office: &Arc<Office>,
    look: impl FnOnce(Arc<Office>, Snapshot) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let seat = office.looking.clone().acquire_owned().await.map_err(|_| Refusal::master_has_ended())?;
    let snapshot = office.master.snapshot().await.ok_or_else(Refusal::master_has_ended)?;
    let office = office.clone();
    let seen = tokio::task::spawn_blocking(move || {
        let _seat = seat;
        look(office, *snapshot)
    });
    seen.await.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
