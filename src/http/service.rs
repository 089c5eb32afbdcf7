//! The application's service as one connection uses it: it counts, adds what a lame duck has to say, and lets no panic
//! out.
//!
//! It must not know the bytes.

use std::any::Any;
use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use tower_service::Service;

use super::guest::{Exchange, Guest};

/// Any error.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// The application's service, for one connection.
#[derive(Debug)]
pub(super) struct Hosted<S> {
    pub(super) service: S,
    pub(super) guest: Arc<Guest>,
}

/// An answer's body; the exchange is over when it is dropped.
#[derive(Debug)]
pub(super) struct Answer<B> {
    /// None if the service failed to give one.
    body: Option<Pin<Box<B>>>,
    _exchange: Exchange,
}

/// What has to be known of a request once it is gone.
struct Asked {
    version: Version,
    is_connect: bool,
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Hosted<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: Send> + Clone + Send + 'static,
    B: Body + Send + 'static,
{
    type Response = Response<Answer<B>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let exchange = self.guest.begin();
        request.extensions_mut().insert(self.guest.client);
        let asked = Asked { version: request.version(), is_connect: request.method() == Method::CONNECT };
        let service = self.service.clone();
        Box::pin(async move {
            let response = match answer(service, request).await {
                Some(response) => response.map(Some),
                None => failure(),
            };
            Ok(asked.complete(response, exchange))
        })
    }
}

/// Asks the service; `None` if it fails or panics.
async fn answer<S, B>(mut service: S, request: Request<Incoming>) -> Option<Response<B>>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
{
    let mut answering = pin!(async move {
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(request).await
    });
    // What the panic left behind is dropped with the future, and not seen again.
    let unwound = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    });
    match unwound.await {
        Ok(Ok(response)) => return Some(response),
        Ok(Err(error)) => tracing::error!(error = &*error.into() as &dyn Error, "the service has failed"),
        Err(panic) => tracing::error!(panic = text_of(&*panic), "the service has panicked"),
    }
    None
}

/// The answer to a request for which the service has none.
fn failure<B>() -> Response<Option<B>> {
    let mut response = Response::new(None);
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

impl Asked {
    /// Counts an answer, and asks the client to leave if it should.
    fn complete<B>(&self, mut response: Response<Option<B>>, exchange: Exchange) -> Response<Answer<B>> {
        exchange.house().count_answer();
        if response.status().is_server_error() {
            exchange.house().count_error();
        }
        if exchange.house().is_leaving() && self.is_closed_by(response.status()) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            if self.version == Version::HTTP_10 {
                // Else hyper adds the `keep-alive` that the client has asked for.
                *response.version_mut() = Version::HTTP_10;
            }
        }
        response.map(|body| Answer { body: body.map(Box::pin), _exchange: exchange })
    }

    /// Whether `Connection: close` has a meaning in its answer: HTTP/2 has GOAWAY, and upgrades have their own end.
    fn is_closed_by(&self, status: StatusCode) -> bool {
        let is_upgraded = status == StatusCode::SWITCHING_PROTOCOLS || (self.is_connect && status.is_success());
        self.version <= Version::HTTP_11 && !is_upgraded
    }
}

impl<B: Body> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match &mut self.get_mut().body {
            Some(body) => body.as_mut().poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), |body| body.size_hint())
    }
}
