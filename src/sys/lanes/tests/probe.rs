//! The accept probe: what it tells of a lane, and that no client meets it.

use std::{
    fs::File,
    io::{Read, Write},
    net::IpAddr,
    os::fd::{AsFd, OwnedFd},
};

use nix::{
    libc::linger,
    poll::{PollFd, PollFlags, poll},
    sys::socket::{SockaddrStorage, getsockname, setsockopt, sockopt::Linger},
};

use super::*;

/// Looks until there is an answer.
fn answer(probe: &Probe) -> Accepted {
    let begun = Instant::now();
    loop {
        match probe.look().unwrap() {
            Accepted::NotYet => assert!(begun.elapsed() < LIMIT, "still not accepted"),
            other => return other,
        }
        std::thread::yield_now();
    }
}

fn probe(lanes: &mut Lanes, number: usize) -> Probe {
    lanes.probe(LaneId(number)).unwrap().expect("it is steered")
}

fn source_of(probe: &Probe) -> SocketAddr {
    let own: SockaddrStorage = getsockname(probe.as_fd().as_raw_fd()).unwrap();
    match (own.as_sockaddr_in(), own.as_sockaddr_in6()) {
        (Some(ipv4), _) => SocketAddr::V4((*ipv4).into()),
        (_, Some(ipv6)) => SocketAddr::V6((*ipv6).into()),
        _ => panic!("{own:?} is no TCP address"),
    }
}

/// Closes a connection as a worker does that has no patience.
fn abort(accepted: OwnedFd) {
    setsockopt(&accepted, Linger, &linger { l_onoff: 1, l_linger: 0 }).unwrap();
}

#[test]
fn a_probe_is_accepted_when_somebody_accepts_it_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        let probe = probe(&mut lanes, 1);
        wait_for_queue(&lanes, lane(1), 1);
        for _ in 0..20 {
            assert_eq!(probe.look().unwrap(), Accepted::NotYet, "{}", lanes.local());
        }
        let accepted = take(&lanes, lane(1));
        assert_eq!(probe.look().unwrap(), Accepted::Yes, "{}", lanes.local());
        drop(accepted);
        assert_eq!(probe.look().unwrap(), Accepted::Yes, "{}", lanes.local());
        lanes.end_probe(probe).unwrap();
    }
}

#[test]
fn clients_of_other_lanes_that_are_accepted_are_not_taken_for_the_probe() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        let path = matches!(lanes.way(), Way::Path);
        let probe = probe(&mut lanes, 0);
        wait_for_queue(&lanes, lane(0), 1);
        if path {
            // The newcomer's lane is the public one by now, and others wait behind the probe.
            let _others: Vec<_> = (0..5).map(|_| connect(&lanes)).collect();
            assert_eq!(probe.look().unwrap(), Accepted::NotYet);
            let _first = take(&lanes, lane(0));
            assert_eq!(lanes.queue(lane(0)).unwrap().waiting, 5);
            assert_eq!(probe.look().unwrap(), Accepted::Yes);
            continue;
        }
        lanes.steer(to(2)).unwrap();
        assert_eq!(arrivals_elsewhere(&lanes, 20), 20, "{}", lanes.local());
        assert_eq!(probe.look().unwrap(), Accepted::NotYet, "{}", lanes.local());
        let _accepted = take(&lanes, lane(0));
        assert_eq!(probe.look().unwrap(), Accepted::Yes, "{}", lanes.local());
    }
}

/// Makes connections and accepts them in lane 2, and none elsewhere.
fn arrivals_elsewhere(lanes: &Lanes, count: usize) -> usize {
    let _kept: Vec<Connection> = (0..count).map(|_| connect(lanes)).collect();
    wait_for_queue(lanes, lane(2), count as u32);
    std::iter::from_fn(|| lanes.accept(lane(2)).unwrap()).count()
}

#[test]
fn strangers_with_the_same_port_or_the_same_address_go_where_the_steering_says() {
    let mut lanes = Lanes::open(&tcp("0.0.0.0:0"), &with_lanes(4)).unwrap();
    let port = address(&lanes).port();
    let probe = probe(&mut lanes, 3);
    let source = source_of(&probe);
    wait_for_queue(&lanes, lane(3), 1);
    let mut kept = Vec::new();
    for number in 2..102 {
        let stranger: IpAddr = format!("127.0.0.{number}").parse().unwrap();
        let target = SocketAddr::new("127.0.0.1".parse().unwrap(), port);
        kept.push(connect_from(SocketAddr::new(stranger, source.port()), target).unwrap());
        kept.push(connect_from(SocketAddr::new(source.ip(), 0), target).unwrap());
    }
    wait_for_queue(&lanes, lane(0), 200);
    wait_for_queue(&lanes, lane(3), 1);
    let _probe = take(&lanes, lane(3));
    assert_eq!(answer(&probe), Accepted::Yes);
}

#[test]
fn strangers_of_the_other_family_go_where_the_steering_says() {
    let Ok(mut lanes) = Lanes::open(&dual("[::]:0"), &with_lanes(4)) else { return };
    if address(&lanes).is_ipv4() {
        return;
    }
    let port = address(&lanes).port();
    let probe = probe(&mut lanes, 3);
    let source = source_of(&probe);
    assert!(source.is_ipv6());
    let mut kept = Vec::new();
    for number in 1..101 {
        let stranger: IpAddr = format!("127.0.0.{number}").parse().unwrap();
        let target = SocketAddr::new("127.0.0.1".parse().unwrap(), port);
        kept.push(connect_from(SocketAddr::new(stranger, source.port()), target).unwrap());
        kept.push(TcpStream::connect(("::1", port)).unwrap());
    }
    wait_for_queue(&lanes, lane(0), 200);
    wait_for_queue(&lanes, lane(3), 1);
}

#[test]
fn whatever_is_steered_to_during_a_probe_the_probe_goes_to_its_lane() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        for serving in [to(0), to(2), to(1), Steering::Hold] {
            let probe = probe(&mut lanes, 1);
            wait_for_queue(&lanes, lane(1), 1);
            lanes.steer(serving.clone()).unwrap();
            let arrived = arrivals(&lanes, 10);
            let in_lane_1 = if serving == to(1) { 11 } else { 1 };
            let expected = BTreeMap::from([(serving.undivided(), 10), (lane(1), in_lane_1)]);
            let mut all = arrived.clone();
            for (seat, count) in accepted_now(&lanes) {
                *all.entry(seat).or_default() += count;
            }
            assert_eq!(all, expected, "{} {serving:?}", lanes.local());
            assert_eq!(probe.look().unwrap(), Accepted::Yes, "{}", lanes.local());
            lanes.end_probe(probe).unwrap();
        }
    }
}

/// Accepts whatever waits now.
fn accepted_now(lanes: &Lanes) -> BTreeMap<Seat, usize> {
    let count = |seat| std::iter::from_fn(|| lanes.accept(seat).unwrap()).count();
    lanes.members().map(|(seat, _)| (seat, count(seat))).filter(|(_, count)| *count > 0).collect()
}

#[test]
fn whoever_has_the_port_of_a_probe_that_is_over_is_a_client_like_others() {
    let mut lanes = kernel_lanes();
    let probe = probe(&mut lanes, 3);
    let source = source_of(&probe);
    wait_for_queue(&lanes, lane(3), 1);
    lanes.steer(to(2)).unwrap();
    abort(take(&lanes, lane(3)));
    assert_eq!(answer(&probe), Accepted::Yes, "a reset after it was taken is an answer");
    assert!(connect_from(source, address(&lanes)).is_err(), "the port is its own, though both ends were reset");
    lanes.end_probe(probe).unwrap();
    let _stranger = connect_from(source, address(&lanes)).unwrap();
    wait_for_queue(&lanes, lane(2), 1);
}

#[test]
fn the_rule_of_a_probe_that_was_dropped_goes_with_the_next_steering() {
    let mut lanes = kernel_lanes();
    let probe = probe(&mut lanes, 3);
    let source = source_of(&probe);
    wait_for_queue(&lanes, lane(3), 1);
    abort(take(&lanes, lane(3)));
    assert_eq!(answer(&probe), Accepted::Yes);
    drop(probe);
    lanes.steer(to(0)).unwrap();
    let _stranger = connect_from(source, address(&lanes)).unwrap();
    wait_for_queue(&lanes, lane(0), 1);
}

#[test]
fn two_probes_at_a_time_tell_of_their_own_lanes() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        let first = probe(&mut lanes, 1);
        let second = probe(&mut lanes, 2);
        wait_for_queue(&lanes, lane(1), 1);
        wait_for_queue(&lanes, lane(2), 1);
        let _accepted = take(&lanes, lane(2));
        assert_eq!(answer(&second), Accepted::Yes);
        lanes.end_probe(second).unwrap();
        assert_eq!(first.look().unwrap(), Accepted::NotYet);
        assert_eq!(arrivals(&lanes, 50).get(&lane(0)), Some(&50));
    }
}

#[test]
fn a_probe_that_is_dropped_ends_its_connection_and_sent_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        let probe = probe(&mut lanes, 1);
        wait_for_queue(&lanes, lane(1), 1);
        let accepted = take(&lanes, lane(1));
        drop(probe);
        let mut bytes = Vec::new();
        wait_readable(&accepted);
        File::from(accepted).read_to_end(&mut bytes).unwrap();
        assert!(bytes.is_empty());
        assert_eq!(arrivals(&lanes, 10), all(lane(0), 10));
    }
}

fn wait_readable(fd: &OwnedFd) {
    let mut watched = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut watched, 20_000_u16), Ok(1));
}

#[test]
fn a_probe_that_nobody_accepted_is_never_taken_for_a_client() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        let probe = probe(&mut lanes, 1);
        wait_for_queue(&lanes, lane(1), 1);
        lanes.steer(to(1)).unwrap();
        let _client = connect(&lanes);
        lanes.end_probe(probe).unwrap();
        wait_for_queue(&lanes, lane(1), 2);
        let _client = take(&lanes, lane(1));
        assert!(lanes.accept(lane(1)).unwrap().is_none(), "{}", lanes.local());
        wait_for_queue(&lanes, lane(1), 0);
    }
}

#[test]
fn a_greeting_and_a_quick_end_are_answers() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        let greeted = probe(&mut lanes, 1);
        wait_for_queue(&lanes, lane(1), 1);
        File::from(take(&lanes, lane(1))).write_all(b"220 ready\r\n").unwrap();
        assert_eq!(answer(&greeted), Accepted::Yes);
        let closed = probe(&mut lanes, 1);
        wait_for_queue(&lanes, lane(1), 1);
        drop(take(&lanes, lane(1)));
        assert_eq!(answer(&closed), Accepted::Yes);
    }
}

#[test]
fn a_probe_in_a_lane_that_is_shut_is_broken_mended_or_not() {
    let directory = tempfile::tempdir().unwrap();
    for mend in [false, true] {
        for mut lanes in each_kind(directory.path()) {
            let probe = probe(&mut lanes, 1);
            wait_for_queue(&lanes, lane(1), 1);
            shut(lanes.handle(LaneId(1)));
            if mend {
                lanes.repair().unwrap();
            }
            let answer = answer(&probe);
            assert!(matches!(&answer, Accepted::Broken(why) if why.contains("shut")), "{}: {answer:?}", lanes.local());
            assert_eq!(probe.look().unwrap(), answer);
            let _ = lanes.end_probe(probe);
            lanes.repair().unwrap();
            assert_eq!(arrivals(&lanes, 10), all(lane(0), 10));
        }
    }
}

#[test]
fn a_lane_that_is_shut_or_is_not_there_cannot_be_probed() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        assert!(lanes.probe(LaneId(7)).is_err());
        shut(lanes.handle(LaneId(1)));
        assert!(lanes.probe(LaneId(1)).is_err());
        assert_eq!(arrivals(&lanes, 10), all(lane(0), 10));
    }
}

#[test]
fn a_shared_listener_has_no_probe() {
    let directory = tempfile::tempdir().unwrap();
    for at in [tcp("127.0.0.1:0"), Endpoint::Unix(directory.path().join("app.sock"))] {
        let mut lanes = Lanes::open(&at, &with_lanes(1)).unwrap();
        assert!(lanes.probe(LaneId(0)).unwrap().is_none());
    }
}

#[test]
fn a_probe_can_go_to_another_thread() {
    fn is_send<T: Send + 'static>() {}
    is_send::<Probe>();
}
