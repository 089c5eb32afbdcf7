//! Listening without a runtime: plain calls that wait for a connection, and end when the worker drains.
//!
//! It must not know which of the two woke it, but by asking.

use std::future::Future;
use std::io;
use std::iter;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use super::listen::{Listener, Opened, Use, tcp};
use super::{ListenError, Worker};
use crate::protocol::{Address, AddressError, WorkerMessage};

/// A listener for programs without a runtime, whose connections end when the worker drains.
///
/// Many threads may accept from it. A listener that is declared `blocking = true` and shared by many workers may notice
/// the drain only at its next connection.
#[derive(Debug)]
pub struct BlockingListener<L = TcpListener> {
    // Closed before the master is told.
    listener: L,
    lease: Lease,
}

/// The master is told when it ends.
#[derive(Debug)]
struct Lease {
    worker: Worker,
    key: Option<String>,
}

impl Worker {
    /// Listens for TCP connections at `address`, for plain threads.
    ///
    /// # Errors
    /// When the master refuses, or the address cannot be bound.
    pub fn listen_blocking<A>(&self, address: A) -> Result<BlockingListener, ListenError>
    where
        A: TryInto<Address>,
        AddressError: From<A::Error>,
    {
        self.open_blocking(&tcp(address)?)
    }

    /// Listens for Unix connections at `path`, for plain threads; see [`Worker::listen_unix`].
    ///
    /// # Errors
    /// When the master refuses, or the path cannot be bound.
    #[cfg(unix)]
    pub fn listen_unix_blocking(
        &self,
        path: impl AsRef<std::path::Path>,
    ) -> Result<BlockingListener<std::os::unix::net::UnixListener>, ListenError> {
        self.open_blocking(&super::listen::unix(path.as_ref())?)
    }

    fn open_blocking<L: Listener>(&self, address: &Address) -> Result<BlockingListener<L>, ListenError> {
        let Opened { listener, key } = wait_for(self.open(address, Use::Blocking))?;
        Ok(BlockingListener { listener, lease: Lease { worker: self.clone(), key } })
    }
}

impl BlockingListener {
    /// Waits for a connection; `None` when the worker drains. A worker that is alone waits for ever.
    pub fn accept(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        self.unless_drained(TcpListener::accept)
    }

    /// The connections until the worker drains.
    pub fn incoming(&self) -> impl Iterator<Item = io::Result<TcpStream>> + '_ {
        iter::from_fn(|| Some(self.accept()?.map(|(stream, _)| stream)))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

#[cfg(unix)]
impl BlockingListener<std::os::unix::net::UnixListener> {
    /// Waits for a connection; `None` when the worker drains. A worker that is alone waits for ever.
    pub fn accept(&self) -> Option<io::Result<std::os::unix::net::UnixStream>> {
        self.unless_drained(|listener| Ok(listener.accept()?.0))
    }

    /// The connections until the worker drains.
    pub fn incoming(&self) -> impl Iterator<Item = io::Result<std::os::unix::net::UnixStream>> + '_ {
        iter::from_fn(|| self.accept())
    }
}

#[cfg(unix)]
use std::os::fd::AsFd as Waitable;
#[cfg(windows)]
use std::os::windows::io::AsSocket as Waitable;

impl<L: Waitable> BlockingListener<L> {
    fn unless_drained<T>(&self, accept: impl Fn(&L) -> io::Result<T>) -> Option<io::Result<T>> {
        use io::ErrorKind::{ConnectionAborted, WouldBlock};
        let worker = &self.lease.worker;
        loop {
            match worker.shared.drained.or_connection(&self.listener) {
                Ok(true) if !worker.stage().is_draining() => {}
                Ok(_) => return None,
                Err(error) => return Some(Err(error)),
            }
            match accept(&self.listener) {
                // Another worker was faster, or the client is gone again.
                Err(error) if matches!(error.kind(), WouldBlock | ConnectionAborted) => {}
                accepted => return Some(accepted),
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let (Some(link), Some(key)) = (&self.worker.shared.link, self.key.take()) {
            // A master that is gone need not know.
            let _ = link.post(&WorkerMessage::Close { key });
        }
    }
}

/// Waits for a future that some other thread completes, on this thread and without a runtime.
fn wait_for<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
