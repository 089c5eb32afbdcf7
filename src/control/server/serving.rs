//! The tasks: one follows what the master tells, one or two accept, one for each connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::admission::{Admission, Admitted};
use super::connection;
use super::office::Office;
use super::open::Server;
use super::peer::Allowed;
use crate::master::Master;
use crate::sys::control::ControlSocket;
use crate::sys::files;

/// So many connections at once, and no more than a part of the descriptors that we may have.
const MOST: u64 = 256;
const PART: u64 = 8;
/// Over TCP: a scraper and a few probes.
const MOST_OVER_TCP: usize = 32;
/// When there are no descriptors, some become free; nobody tells when.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// At the end, answers that are on their way have so long.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A control socket that is answered, until this is dropped.
#[derive(Debug)]
pub struct Serving {
    admission: Admission,
    follows: Option<JoinHandle<()>>,
    accepts: Vec<JoinHandle<()>>,
    metrics: Option<SocketAddr>,
    /// The path goes with it.
    _socket: Option<ControlSocket>,
}

/// Answers for this master: on its control socket, and over TCP to those who only want numbers. Must be called within the
/// Tokio runtime that runs the master, before it runs.
///
/// # Errors
/// When the system refuses, or the address is taken.
pub fn serve(
    name: String,
    master: &mut Master,
    control: Option<Server>,
    metrics: Option<SocketAddr>,
) -> io::Result<Serving> {
    let office = Arc::new(Office::new(name, master.handle()));
    let metrics = metrics.map(listen).transpose()?;
    let mut serving = Serving {
        admission: Admission::new(usize::try_from(MOST.min(files::descriptor_limit()?.0 / PART).max(1)).unwrap_or(1)),
        follows: None,
        accepts: Vec::new(),
        metrics: metrics.as_ref().and_then(|listener| listener.local_addr().ok()),
        _socket: None,
    };
    if let Some(Server { socket, group, .. }) = control {
        let listener = UnixListener::from_std(socket.listener()?.into())?;
        let allowed = Allowed { uid: files::who_we_are(), group };
        serving.accepts.push(tokio::spawn(accept(listener, serving.admission.clone(), office.clone(), allowed)));
        serving._socket = Some(socket);
    }
    if let Some(listener) = metrics {
        serving.accepts.push(tokio::spawn(accept_anybody(listener, Admission::new(MOST_OVER_TCP), office.clone())));
    }
    let notices = master.notices();
    serving.follows = Some(tokio::spawn(async move { office.chronicle.follow(notices).await }));
    Ok(serving)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn accept(listener: UnixListener, admission: Admission, office: Arc<Office>, allowed: Allowed) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let office = office.clone();
                sit(&admission, async move |seat| connection::serve(stream, seat, office, allowed).await);
            }
            Err(error) => later(&error).await,
        }
    }
}

async fn accept_anybody(listener: TcpListener, admission: Admission, office: Arc<Office>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let office = office.clone();
                sit(&admission, async move |seat| connection::serve_anybody(stream, seat, office).await);
            }
            Err(error) => later(&error).await,
        }
    }
}

/// Gives a connection a seat and a task, if there is one; else it is closed.
fn sit<F: Future<Output = ()> + Send + 'static>(
    admission: &Admission,
    serve: impl FnOnce(Admitted) -> F + Send + 'static,
) {
    let Some(seat) = admission.admit() else { return };
    let (give, given) = oneshot::channel();
    let task = tokio::spawn(async move {
        if let Ok(seat) = given.await {
            serve(seat).await;
        }
    });
    seat.sits(task.abort_handle());
    let _ = give.send(seat); // it waits for that
}

async fn later(error: &io::Error) {
    tracing::debug!(%error, "cannot accept");
    tokio::time::sleep(TRY_AGAIN).await;
}

impl Serving {
    /// Where metrics are told over TCP: the port that the kernel chose, if it was to.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// After the master has ended: answers that are on their way go out, and event streams come to their end.
    pub async fn finish(mut self) {
        self.accepts.iter().for_each(JoinHandle::abort);
        if let Some(follows) = self.follows.take() {
            let _ = follows.await; // it ends with the master
        }
        let _ = tokio::time::timeout(LAST_WORDS, self.admission.everybody_is_idle()).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.accepts.iter().chain(&self.follows).for_each(JoinHandle::abort);
    }
}
