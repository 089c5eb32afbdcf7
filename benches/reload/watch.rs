//! A client that asks again and again until the answer is the one that it waits for.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

/// Between two requests: what a figure may be too long by.
const PAUSE: Duration = Duration::from_micros(50);
const PATIENCE: Duration = Duration::from_secs(10);

/// When the first answer came that is wanted.
pub(crate) fn first_answer(address: SocketAddr, wanted: impl Fn(&str) -> bool) -> anyhow::Result<Instant> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if answer(address).is_some_and(|answer| wanted(&answer)) {
            return Ok(Instant::now());
        }
        thread::sleep(PAUSE);
    }
    bail!("the answer that was waited for did not come")
}

/// One request on a connection of its own: the answer's last line.
pub(crate) fn answer(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.starts_with("HTTP/1.1 200").then_some(())?;
    Some(text.lines().last()?.to_owned())
}

/// An address where nobody listens now.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
