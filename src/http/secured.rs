//! A listener whose connections are wrapped before HTTP is spoken over them, as TLS does.
//!
//! It must not know any TLS library: it is given a function.

use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::listener::{Client, Listener};
use crate::worker::Socket;

/// A listener whose connections are wrapped; [`secured`] makes it.
#[derive(Debug, Clone)]
pub struct Secured<L, F> {
    listener: L,
    secure: F,
}

/// Wraps each connection of `listener` in what `secure` makes of it, on that connection's own task.
///
/// ```no_run
/// # mod tokio_rustls {
/// #     #[derive(Clone)]
/// #     pub struct TlsAcceptor;
/// #     impl TlsAcceptor {
/// #         pub fn accept<S>(&self, stream: S) -> std::future::Ready<std::io::Result<S>> { std::future::ready(Ok(stream)) }
/// #     }
/// # }
/// # async fn example(app: axum::Router, tls: tokio_rustls::TlsAcceptor) -> Result<(), Box<dyn std::error::Error>> {
/// # let worker = heirloom::Worker::join()?;
/// // tls: tokio_rustls::TlsAcceptor, with `alpn_protocols` of `h2` and `http/1.1`
/// let listener = worker.listen("127.0.0.1:8443").await?;
/// let listener = heirloom::http::secured(listener, move |stream| tls.accept(stream));
/// worker.ready()?;
/// heirloom::http::serve(&worker, listener, app).await;
/// # Ok(())
/// # }
/// ```
pub fn secured<L, F, Wrapping, Stream>(listener: L, secure: F) -> Secured<L, F>
where
    L: Listener,
    F: Fn(L::Stream) -> Wrapping + Clone + Send + 'static,
    Wrapping: Future<Output = io::Result<Stream>> + Send,
    Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    Secured { listener, secure }
}

impl<L, F, Wrapping, Stream> Listener for Secured<L, F>
where
    L: Listener,
    F: Fn(L::Stream) -> Wrapping + Clone + Send + 'static,
    Wrapping: Future<Output = io::Result<Stream>> + Send,
    Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Socket = L::Socket;
    type Stream = Stream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(L::Socket, Client)>> {
        self.listener.poll_accept(cx)
    }

    fn recognizes(&self) -> impl Fn(&Socket) -> bool + Send + 'static {
        self.listener.recognizes()
    }

    fn adopt(&mut self, socket: Socket) -> io::Result<(L::Socket, Client)> {
        self.listener.adopt(socket)
    }

    fn prepare(&self, socket: L::Socket) -> impl Future<Output = io::Result<Stream>> + Send + 'static {
        let (plain, secure) = (self.listener.prepare(socket), self.secure.clone());
        async move {
            let plain = plain.await?;
            secure(plain).await
        }
    }
}
