//! Small servers on threads: each connection is given to a closure, which does with it what the test is about.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use nix::sys::socket::{setsockopt, sockopt};

use super::super::Target;

/// What the servers answer.
pub(super) const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n1.0 77\n";

/// Makes a connection reset instead of close, when it is dropped.
pub(super) fn will_reset(stream: &TcpStream) {
    let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    setsockopt(&stream.as_fd(), sockopt::Linger, &at_once).unwrap();
}

/// Serves until the test is over; `serve` is given each connection and its number, on a thread of its own.
pub(super) fn tcp(serve: impl Fn(TcpStream, u64) + Send + Sync + 'static) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().into();
    let accept = move || listener.accept().map(|(stream, _)| stream);
    each(accept, serve);
    target
}

/// The same on a Unix socket.
pub(super) fn unix(path: &Path, serve: impl Fn(UnixStream, u64) + Send + Sync + 'static) -> Target {
    let listener = UnixListener::bind(path).unwrap();
    each(move || listener.accept().map(|(stream, _)| stream), serve);
    path.to_owned().into()
}

fn each<S: Send + 'static>(
    mut accept: impl FnMut() -> io::Result<S> + Send + 'static,
    serve: impl Fn(S, u64) + Send + Sync + 'static,
) {
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for number in 0.. {
            let Ok(stream) = accept() else { return };
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream, number));
        }
    });
}

/// An address at which nobody listens.
pub(super) fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Reads one request's head; `None` at the end of the connection.
pub(super) fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}

/// Reads a request and answers it with `answer`; false when there was none.
pub(super) fn answer(stream: &mut (impl Read + Write), answer: &str) -> bool {
    read_head(stream).is_some() && stream.write_all(answer.as_bytes()).is_ok()
}

/// Closes politely: says the end, then waits for the client's.
pub(super) fn close(mut stream: TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}
