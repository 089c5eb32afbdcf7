//! One connection from its handshake to its end: it finds out what is spoken, serves it, and closes it when it is due.
//!
//! It must not know why it is due.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;

use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::task::yield_now;
use tower_service::Service;

use super::guest::{Guest, Phase};
use super::service::{BoxError, Hosted};
use super::wire::Wire;

/// Serves a connection that becomes a stream with `preparing`.
pub(super) async fn attend<T, S, B>(preparing: impl Future<Output = io::Result<T>>, guest: Arc<Guest>, service: S)
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let Some(stream) = until_due(pin!(preparing), &guest).await else { return };
    let mut wire = match stream {
        Ok(stream) => Wire::new(stream, Arc::clone(&guest)),
        Err(error) => return tracing::debug!(%error, client = %guest.client, "no handshake"),
    };
    let spoken = until_due(pin!(wire.protocol()), &guest).await;
    let Some(Ok(Some(phase))) = spoken else {
        // Nobody is waiting for an answer.
        let _ = wire.shutdown().await;
        return;
    };
    guest.enter(phase);
    let hosted = Hosted { service, guest: Arc::clone(&guest) };
    let io = TokioIo::new(wire);
    let ended = if phase == Phase::Http2 {
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2.enable_connect_protocol();
        serve(pin!(http2.serve_connection(io, hosted)), |it| it.graceful_shutdown(), &guest).await
    } else {
        let connection = http1::Builder::new().serve_connection(io, hosted).with_upgrades();
        serve(pin!(connection), |it| it.graceful_shutdown(), &guest).await
    };
    match ended {
        // What is still held of it is held by whoever asked for the upgrade.
        Ok(()) => guest.enter_upgrade(),
        Err(error) => tracing::debug!(%error, client = %guest.client, "a connection ended early"),
    }
}

/// Drives a connection to its end, which `close` begins when it is due.
async fn serve<C>(mut connection: Pin<&mut C>, close: impl FnOnce(Pin<&mut C>), guest: &Guest) -> hyper::Result<()>
where
    C: Future<Output = hyper::Result<()>>,
{
    match until_due(connection.as_mut(), guest).await {
        Some(ended) => ended,
        None => {
            close(connection.as_mut());
            connection.await
        }
    }
}

/// Waits for `something`; `None` when the connection is due before that, and stays so after a last look at what came.
async fn until_due<F: Future>(mut something: Pin<&mut F>, guest: &Guest) -> Option<F::Output> {
    loop {
        tokio::select! {
            biased;
            done = something.as_mut() => return Some(done),
            () = guest.is_to_close() => {}
        }
        tokio::select! {
            biased;
            done = something.as_mut() => return Some(done),
            // The runtime asks the kernel for news.
            () = yield_now() => {}
        }
        if guest.is_due() {
            return None;
        }
    }
}
