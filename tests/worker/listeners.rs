//! TCP and Unix listeners as one, and what can be done to the socket that others share.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use heirloom::Worker;
use nix::sys::socket::{self, Backlog, Shutdown, getsockopt, setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use crate::{Failure, calls};

pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection of either kind.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Connection for T {}

impl Listener {
    pub(crate) async fn open(worker: &Worker, address: &str) -> Result<Listener, Failure> {
        Ok(match address.strip_prefix("unix:") {
            Some(path) => Listener::Unix(worker.listen_unix(path).await?),
            None => Listener::Tcp(worker.listen(address).await?),
        })
    }

    pub(crate) async fn accept(&self) -> io::Result<Box<dyn Connection>> {
        Ok(match self {
            Listener::Tcp(listener) => Box::new(listener.accept().await?.0),
            Listener::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }

    /// A connection that came in here, though somebody else accepted it.
    pub(crate) fn adopt(&self, socket: std::os::fd::OwnedFd) -> io::Result<Box<dyn Connection>> {
        Ok(match self {
            Listener::Tcp(_) => {
                let stream = std::net::TcpStream::from(socket);
                stream.set_nonblocking(true)?;
                Box::new(tokio::net::TcpStream::from_std(stream)?)
            }
            Listener::Unix(_) => {
                let stream = std::os::unix::net::UnixStream::from(socket);
                stream.set_nonblocking(true)?;
                Box::new(tokio::net::UnixStream::from_std(stream)?)
            }
        })
    }

    /// What a runtime does that wants its accepting threads to wake up.
    pub(crate) fn shut(&self) {
        socket::shutdown(self.as_fd().as_raw_fd(), Shutdown::Both).expect("it was listening");
    }

    /// What a program does that listens once more, as it does where nobody supervises it.
    pub(crate) fn listen_again(&self) {
        socket::listen(&self.as_fd(), Backlog::new(1).expect("it is a backlog")).expect("it listens");
    }

    /// What a program sets on a socket that it thinks is its own.
    pub(crate) fn set_options(&self) {
        let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
        setsockopt(&self.as_fd(), sockopt::Linger, &at_once).expect("SO_LINGER");
        setsockopt(&self.as_fd(), sockopt::RcvBuf, &4096).expect("SO_RCVBUF");
        setsockopt(&self.as_fd(), sockopt::KeepAlive, &true).expect("SO_KEEPALIVE");
        if let Listener::Tcp(_) = self {
            setsockopt(&self.as_fd(), sockopt::TcpNoDelay, &true).expect("TCP_NODELAY");
        }
    }

    /// The lane that this is a handle of, and what is set on it.
    pub(crate) fn describe(&self) -> String {
        let fd = self.as_fd();
        let inode = nix::sys::stat::fstat(fd).expect("fstat").st_ino;
        let linger = getsockopt(&fd, sockopt::Linger).expect("SO_LINGER");
        let receive = getsockopt(&fd, sockopt::RcvBuf).expect("SO_RCVBUF");
        let keep_alive = getsockopt(&fd, sockopt::KeepAlive).expect("SO_KEEPALIVE");
        let tcp = match self {
            Listener::Tcp(_) => {
                let backlog = calls::backlog(fd).expect("TCP_INFO");
                let no_delay = getsockopt(&fd, sockopt::TcpNoDelay).expect("TCP_NODELAY");
                format!(" backlog {backlog} nodelay {no_delay}")
            }
            Listener::Unix(_) => String::new(),
        };
        format!("{inode} linger {}/{} receive {receive} keepalive {keep_alive}{tcp}", linger.l_onoff, linger.l_linger)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Tcp(listener) => listener.as_fd(),
            Listener::Unix(listener) => listener.as_fd(),
        }
    }
}
