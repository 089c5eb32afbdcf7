//! A plan that was checked: what every client works from, and the requests it makes.
//! It owns the rule that a load stays on this machine. It does no I/O.

use std::ops::RangeInclusive;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Uri};

use super::apart::StartError;
use super::plan::{Manner, Plan};
use super::target::Target;

/// What a client works from.
///
/// # Invariants
/// The target is on this machine, and the path is one that HTTP can carry: `check` is the only way to make it.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) target: Target,
    pub(super) manner: Manner,
    pub(super) think: RangeInclusive<Duration>,
    pub(super) patience: Duration,
    uri: Uri,
    host: HeaderValue,
    body: Option<Bytes>,
}

impl Course {
    /// Checks a plan before anything is sent.
    pub(super) fn check(plan: Plan) -> Result<Course, StartError> {
        let Plan { target, path, .. } = plan;
        if !target.is_local() {
            return Err(StartError::NotLoopback { target });
        }
        let bad_path = || StartError::BadPath { path: path.clone() };
        let asked = PathAndQuery::try_from(path.as_str()).map_err(|_| bad_path())?;
        if !asked.as_str().starts_with('/') {
            return Err(bad_path());
        }
        let authority = target.authority();
        let uri = match plan.manner {
            Manner::OneShot | Manner::KeepAlive { .. } => Uri::from(asked),
            Manner::Http2 => Uri::builder()
                .scheme("http")
                .authority(authority.as_str())
                .path_and_query(asked)
                .build()
                .map_err(|_| bad_path())?,
        };
        Ok(Course {
            host: HeaderValue::try_from(authority).expect("an authority is printable"),
            target,
            manner: plan.manner,
            think: plan.think,
            patience: plan.patience,
            uri,
            body: plan.body.map(|size| Bytes::from(vec![b'x'; size])),
        })
    }

    /// The next request.
    pub(super) fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone().unwrap_or_default()));
        *request.uri_mut() = self.uri.clone();
        if self.body.is_some() {
            *request.method_mut() = Method::POST;
        }
        let headers = request.headers_mut();
        match self.manner {
            Manner::OneShot => {
                headers.insert(HOST, self.host.clone());
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Manner::KeepAlive { .. } => {
                headers.insert(HOST, self.host.clone());
            }
            Manner::Http2 => {}
        }
        request
    }
}
