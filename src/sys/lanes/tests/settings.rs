//! What a worker does to the options of a lane, and that it does not last.

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::{
        socket::{setsockopt, sockopt},
        time::{TimeVal, TimeValLike},
    },
};

use super::{super::calls, *};

fn set(lanes: &Lanes, level: i32, option: i32, value: i32) {
    calls::set_number(lanes.handle(LaneId(0)), level, option, value).unwrap();
}

fn get(lanes: &Lanes, level: i32, option: i32) -> i32 {
    calls::number(lanes.handle(LaneId(0)), level, option).unwrap()
}

fn is_nonblocking(lanes: &Lanes) -> bool {
    let flags = fcntl(lanes.handle(LaneId(0)), FcntlArg::F_GETFL).unwrap();
    OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK)
}

#[test]
fn an_untouched_lane_is_as_it_was() {
    for lanes in [kernel_lanes(), unix_lanes(&tempfile::tempdir().unwrap())] {
        lanes.restore(LaneId(0)).unwrap();
        lanes.restore(LaneId(3)).unwrap();
    }
}

fn unix_lanes(directory: &tempfile::TempDir) -> Lanes {
    Lanes::open(&Endpoint::Unix(directory.path().join("app.sock")), &with_lanes(4)).unwrap()
}

#[test]
fn what_a_hostile_worker_set_is_put_back() {
    use libc::{IPPROTO_TCP, SOL_SOCKET};
    let numbers = [
        (IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, 31),
        (IPPROTO_TCP, libc::TCP_NODELAY, 1),
        (IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 1234),
        (IPPROTO_TCP, libc::TCP_KEEPIDLE, 5),
        (IPPROTO_TCP, libc::TCP_KEEPINTVL, 5),
        (IPPROTO_TCP, libc::TCP_KEEPCNT, 2),
        (IPPROTO_TCP, libc::TCP_MAXSEG, 600),
        (IPPROTO_TCP, libc::TCP_FASTOPEN, 8),
        (SOL_SOCKET, libc::SO_KEEPALIVE, 1),
        (SOL_SOCKET, libc::SO_RCVBUF, 4096),
        (SOL_SOCKET, libc::SO_SNDBUF, 4096),
        (SOL_SOCKET, libc::SO_RCVLOWAT, 100),
        (SOL_SOCKET, libc::SO_PRIORITY, 3),
        (SOL_SOCKET, libc::SO_REUSEPORT, 0),
    ];
    let lanes = kernel_lanes();
    let before = numbers.map(|(level, option, _)| get(&lanes, level, option));
    let lock = get(&lanes, SOL_SOCKET, libc::SO_BUF_LOCK);
    numbers.iter().for_each(|(level, option, value)| set(&lanes, *level, *option, *value));
    let handle = lanes.handle(LaneId(0));
    setsockopt(&handle, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 }).unwrap();
    setsockopt(&handle, sockopt::ReceiveTimeout, &TimeVal::seconds(1)).unwrap();
    fcntl(handle, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    calls::listen(handle, 1).unwrap();
    assert_eq!(lanes.queue(lane(0)).unwrap().limit, 1);
    assert!(!is_nonblocking(&lanes));

    lanes.restore(LaneId(0)).unwrap();

    assert_eq!(numbers.map(|(level, option, _)| get(&lanes, level, option)), before);
    assert_eq!(get(&lanes, SOL_SOCKET, libc::SO_BUF_LOCK), lock, "the buffers are tuned again");
    let linger = nix::sys::socket::getsockopt(&lanes.handle(LaneId(0)), sockopt::Linger).unwrap();
    assert_eq!(linger.l_onoff, 0);
    assert!(is_nonblocking(&lanes));
    assert_eq!(lanes.queue(lane(0)).unwrap().limit, lanes.queue(lane(1)).unwrap().limit);
    assert_eq!(arrivals(&lanes, 20), all(lane(0), 20));
}

#[test]
fn what_cannot_be_put_back_is_named() {
    let lanes = kernel_lanes();
    set(&lanes, libc::IPPROTO_TCP, libc::TCP_WINDOW_CLAMP, 2000);
    assert_eq!(lanes.restore(LaneId(0)).unwrap_err().option, "TCP_WINDOW_CLAMP");
    lanes.restore(LaneId(1)).unwrap();
}

#[test]
fn a_lane_that_was_shut_is_repaired_and_not_restored() {
    let mut lanes = kernel_lanes();
    shut(lanes.handle(LaneId(0)));
    assert_eq!(lanes.restore(LaneId(0)).unwrap_err().option, "SO_ACCEPTCONN");
    lanes.repair().unwrap();
    lanes.restore(LaneId(0)).unwrap();
}

#[test]
fn a_lane_joins_its_group_again_whatever_a_worker_did_before_it_shut_it() {
    let mut lanes = kernel_lanes();
    set(&lanes, libc::SOL_SOCKET, libc::SO_REUSEPORT, 0);
    set(&lanes, libc::SOL_SOCKET, libc::SO_REUSEADDR, 0);
    shut(lanes.handle(LaneId(0)));
    lanes.repair().unwrap();
    assert_eq!(arrivals(&lanes, 20), all(lane(0), 20));
}

#[test]
fn a_blocking_listener_blocks_for_its_workers_and_never_for_us() {
    let lanes = Lanes::open(&tcp("127.0.0.1:0"), &Options { blocking: true, ..with_lanes(2) }).unwrap();
    assert!(!is_nonblocking(&lanes));
    assert!(lanes.accept(lane(0)).unwrap().is_none());
    fcntl(lanes.handle(LaneId(0)), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    lanes.restore(LaneId(0)).unwrap();
    assert!(!is_nonblocking(&lanes));
    assert_eq!(arrivals(&lanes, 5), all(lane(0), 5));
}

#[test]
fn the_options_of_a_unix_lane_are_put_back_too() {
    let directory = tempfile::tempdir().unwrap();
    let lanes = unix_lanes(&directory);
    let before = get(&lanes, libc::SOL_SOCKET, libc::SO_SNDBUF);
    set(&lanes, libc::SOL_SOCKET, libc::SO_PASSCRED, 1);
    set(&lanes, libc::SOL_SOCKET, libc::SO_SNDBUF, 5000);
    let handle = lanes.handle(LaneId(0));
    setsockopt(&handle, sockopt::ReceiveTimeout, &TimeVal::seconds(1)).unwrap();
    fcntl(handle, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    calls::listen(handle, 1).unwrap();

    lanes.restore(LaneId(0)).unwrap();

    assert_eq!(get(&lanes, libc::SOL_SOCKET, libc::SO_PASSCRED), 0);
    assert_eq!(get(&lanes, libc::SOL_SOCKET, libc::SO_SNDBUF), before);
    assert!(is_nonblocking(&lanes));
    assert_eq!(lanes.queue(lane(0)).unwrap().limit, lanes.queue(lane(1)).unwrap().limit);
}
