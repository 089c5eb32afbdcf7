//! The lanes on real sockets: what was measured of the kernel, and every way in which a worker can break it.

mod dial;
mod kernel;
mod own;
mod path;
mod probe;
mod refusals;
mod settings;
mod shared;
mod split;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::{AsRawFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    time::{Duration, Instant},
};

use nix::sys::socket::{self, AddressFamily, Shutdown, SockFlag, SockType, SockaddrStorage, bind, shutdown};

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

/// A client that has this address of its own.
fn connect_from(source: SocketAddr, target: SocketAddr) -> std::io::Result<TcpStream> {
    let family = if source.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let client = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    bind(client.as_raw_fd(), &SockaddrStorage::from(source))?;
    socket::connect(client.as_raw_fd(), &SockaddrStorage::from(target))?;
    Ok(client.into())
}

fn dual(address: &str) -> Endpoint {
    Endpoint::Tcp { address: address.parse().unwrap(), dual: true }
}

/// One listener of each kind that can be steered, without those that this machine does not have.
fn each_kind(directory: &Path) -> Vec<Lanes> {
    let ipv4 = [tcp("127.0.0.1:0"), tcp("0.0.0.0:0"), tcp("127.0.0.2:0"), dual("[::ffff:127.0.0.1]:0")];
    let ipv6 = [tcp("[::1]:0"), tcp("[::]:0"), dual("[::]:0")];
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    let mut endpoints = ipv4.to_vec();
    endpoints.extend(ipv6.into_iter().filter(|_| has_ipv6));
    endpoints.push(Endpoint::Unix(directory.join("app.sock")));
    let lanes = endpoints.iter().map(|at| Lanes::open(at, &with_lanes(3)).unwrap_or_else(|error| panic!("{error}")));
    lanes.inspect(|lanes| assert_ne!(lanes.way(), Way::Shared, "{}", lanes.local())).collect()
}

fn wait_for_queue(lanes: &Lanes, seat: Seat, count: u32) {
    let begun = Instant::now();
    while lanes.queue(seat).unwrap().waiting != count {
        assert!(begun.elapsed() < LIMIT, "{seat} has {:?} waiting", lanes.queue(seat));
        std::thread::yield_now();
    }
}

/// Accepts a connection that must be there.
fn take(lanes: &Lanes, seat: Seat) -> OwnedFd {
    lanes.accept(seat).unwrap().unwrap_or_else(|| panic!("nothing waits in {seat}"))
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
