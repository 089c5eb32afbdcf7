//! The lanes on real sockets: what was measured of the kernel, and every way in which a worker can break it.

mod kernel;
mod path;
mod probe;
mod refusals;
mod settings;
mod shared;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpStream},
    os::{
        fd::{AsRawFd, BorrowedFd},
        unix::net::UnixStream,
    },
    path::Path,
    time::{Duration, Instant},
};

use nix::sys::socket::{Shutdown, shutdown};

use super::socket::Queue;
use super::*;

/// The one limit of every wait; only a broken test meets it.
const LIMIT: Duration = Duration::from_secs(20);

fn lane(number: usize) -> Seat {
    Seat::Lane(LaneId(number))
}

fn to(number: usize) -> Steering {
    Steering::To(LaneId(number))
}

fn tcp(address: &str) -> Endpoint {
    Endpoint::Tcp { address: address.parse().unwrap(), dual: false }
}

fn with_lanes(lanes: usize) -> Options {
    Options { lanes, ..Options::default() }
}

/// A steered listener on a free port of 127.0.0.1, with four lanes.
fn kernel_lanes() -> Lanes {
    let lanes = Lanes::open(&tcp("127.0.0.1:0"), &with_lanes(4)).unwrap();
    assert_eq!(lanes.way(), Way::Kernel);
    lanes
}

fn address(lanes: &Lanes) -> SocketAddr {
    match lanes.local() {
        Endpoint::Tcp { address, .. } => *address,
        other => panic!("{other} is no TCP address"),
    }
}

/// A stream that is kept until the connection has been counted.
type Connection = Box<dyn std::any::Any>;

fn connect(lanes: &Lanes) -> Connection {
    match lanes.local() {
        Endpoint::Tcp { address, .. } => Box::new(TcpStream::connect(address).unwrap()),
        Endpoint::Unix(path) => Box::new(UnixStream::connect(path).unwrap()),
        Endpoint::Abstract(_) => panic!("nobody connects to an abstract name here"),
    }
}

/// Makes connections and says in which queues they were, by accepting them all.
fn arrivals(lanes: &Lanes, count: usize) -> BTreeMap<Seat, usize> {
    let kept: Vec<Connection> = (0..count).map(|_| connect(lanes)).collect();
    let arrived = accepted(lanes, count);
    drop(kept);
    arrived
}

/// Accepts as many connections as there must be, wherever they wait.
fn accepted(lanes: &Lanes, count: usize) -> BTreeMap<Seat, usize> {
    let mut found = BTreeMap::new();
    let begun = Instant::now();
    while found.values().sum::<usize>() < count {
        assert!(begun.elapsed() < LIMIT, "of {count} connections only these arrived: {found:?}");
        for (seat, _) in lanes.members() {
            while let Ok(Some(_)) = lanes.accept(seat) {
                *found.entry(seat).or_default() += 1;
            }
        }
        std::thread::yield_now();
    }
    found
}

/// What a listener must answer whose connections all go to one seat.
fn all(seat: Seat, count: usize) -> BTreeMap<Seat, usize> {
    BTreeMap::from([(seat, count)])
}

/// What a worker can do with its handle.
fn shut(handle: BorrowedFd<'_>) {
    shutdown(handle.as_raw_fd(), Shutdown::Both).unwrap();
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn everything_can_go_to_another_thread() {
    fn is_send<T: Send + 'static>() {}
    is_send::<Lanes>();
    is_send::<OpenError>();
    is_send::<Endpoint>();
}
