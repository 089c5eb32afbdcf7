//! One request over one connection, which is closed afterwards.

use std::error::Error;
use std::io;
use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::answer::{fault, holds};
use super::{HttpCheck, Scheme};

/// So much of a body is read.
const MOST: usize = 64 * 1024;
/// For so long we wait for the body of an answer that is bad already.
const FOR_THE_RECORD: Duration = Duration::from_millis(500);
const WHO_ASKS: &str = concat!("heirloom/", env!("CARGO_PKG_VERSION"), " (health check)");

/// Asks, and says what is wrong with the answer. It takes as long as it takes: whoever calls has a limit.
pub(crate) async fn ask<S>(stream: S, check: &HttpCheck) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match check.scheme {
        Scheme::Http => talk(stream, check).await,
        #[cfg(feature = "program")]
        Scheme::Https => talk(super::secure::shake_hands(stream, check.host.as_deref()).await?, check).await,
        #[cfg(not(feature = "program"))]
        Scheme::Https => Err("this program was built without TLS".into()),
    }
}

async fn talk<S>(stream: S, check: &HttpCheck) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = request(check)?;
    let broken = |error: hyper::Error| format!("GET {}: {}", check.path, what_broke(&error));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status().as_u16();
        let body = body(answer, check).await;
        fault(check, status, &body).map_or(Ok(()), Err)
    };
    let (mut answer, mut connection) = (pin!(answer), pin!(connection));
    tokio::select! {
        answer = &mut answer => answer,
        // What has arrived before the end can still be read.
        _ = &mut connection => answer.await,
    }
}

fn request(check: &HttpCheck) -> Result<Request<Empty<Bytes>>, String> {
    let wrong = |error: hyper::http::Error| format!("GET {} cannot be asked: {error}", check.path);
    let mut request = Request::get(&check.path).body(Empty::new()).map_err(wrong)?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(WHO_ASKS));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let host = ("host", check.host.as_deref().unwrap_or("localhost"));
    for (name, value) in check.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([host]) {
        let name = HeaderName::try_from(name).map_err(|error| wrong(error.into()))?;
        headers.insert(name, HeaderValue::try_from(value).map_err(|error| wrong(error.into()))?);
    }
    debug_assert!(headers.contains_key(HOST));
    Ok(request)
}

/// As much of the body as matters; one that breaks off is as long as it is.
async fn body(answer: Response<Incoming>, check: &HttpCheck) -> Vec<u8> {
    let good = check.is_good(answer.status().as_u16());
    let mut body = answer.into_body();
    let mut read = Vec::new();
    let enough = |read: &[u8]| read.len() >= MOST || check.body.as_ref().is_some_and(|text| holds(read, text));
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Ok(data) = frame.into_data() {
                read.extend_from_slice(&data[..data.len().min(MOST - read.len())]);
            }
            if enough(&read) {
                break;
            }
        }
    };
    match (good, &check.body) {
        (true, None) => {}
        (true, Some(_)) => reading.await,
        (false, _) => drop(timeout(FOR_THE_RECORD, reading).await),
    }
    read
}

fn what_broke(error: &hyper::Error) -> String {
    let kind = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    match kind {
        _ if error.is_incomplete_message() => "the connection was closed before an answer".into(),
        Some(io::ErrorKind::ConnectionReset) => "the connection was reset before an answer".into(),
        Some(io::ErrorKind::BrokenPipe) => "the connection was closed before an answer".into(),
        _ if error.is_parse() => format!("the answer is no HTTP/1.1 ({error})"),
        _ => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
