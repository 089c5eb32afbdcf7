//! Answers: JSON, a stream, or what was wrong with the question.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, SERVER};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::control::model::{Answer, Outcome, Problem};

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

const NAME: &str = concat!("heirloom/", env!("CARGO_PKG_VERSION"));

/// Why a question is not answered.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    detail: String,
    allow: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Refusal {
        Refusal { status, detail: detail.into(), allow: None }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn busy(detail: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    pub(super) fn master_has_ended() -> Refusal {
        Refusal::busy("the master has ended")
    }

    pub(super) fn method(allow: &'static str) -> Refusal {
        let detail = format!("only {allow} is possible here");
        Refusal { status: StatusCode::METHOD_NOT_ALLOWED, detail, allow: Some(allow) }
    }

    pub(super) fn response(self) -> Response<Body> {
        let title = self.status.canonical_reason().unwrap_or_default();
        let problem = Problem::new(self.status.as_u16(), title, self.detail);
        let mut response = written(self.status, "application/problem+json", &problem);
        if let Some(allow) = self.allow {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// A value as JSON.
pub(super) fn json(value: &impl Serialize) -> Response<Body> {
    written(StatusCode::OK, "application/json", value)
}

/// The answer to a command: its status tells whether it went well.
pub(super) fn answered(answer: &Answer) -> Response<Body> {
    let status = match answer.outcome {
        Outcome::Proven | Outcome::Promoted | Outcome::Drained | Outcome::Done => StatusCode::OK,
        Outcome::GoingOn => StatusCode::ACCEPTED,
        Outcome::Rejected | Outcome::RolledBack | Outcome::Refused => StatusCode::CONFLICT,
    };
    written(status, "application/json", answer)
}

/// Text as it is.
pub(super) fn text(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    response(status, kind, Full::new(Bytes::from(text)).boxed_unsync())
}

/// Any body.
pub(super) fn response(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(SERVER, HeaderValue::from_static(NAME));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn written(status: StatusCode, kind: &'static str, value: &impl Serialize) -> Response<Body> {
    let mut json = serde_json::to_vec(value).expect("the model is numbers and texts");
    json.push(b'\n');
    response(status, kind, Full::new(Bytes::from(json)).boxed_unsync())
}
