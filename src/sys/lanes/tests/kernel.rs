//! The kernel way: steering, shutting, repairing, strangers.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
    os::fd::AsFd,
};

use super::{
    super::{
        calls,
        endpoint::Options,
        group::{Group, Opened},
        program::Program,
        tcp::{Tcp, share},
    },
    *,
};

/// Every lane, one after another, gets all connections, and the helm while steering is on hold.
fn steers_exactly(lanes: &mut Lanes) {
    let seats: Vec<Seat> = lanes.members().map(|(seat, _)| seat).collect();
    for seat in seats {
        let steering = match seat {
            Seat::Lane(lane) => Steering::To(lane),
            Seat::Helm => Steering::Hold,
        };
        lanes.steer(steering).unwrap();
        assert_eq!(arrivals(lanes, 20), all(seat, 20), "steered to {seat}");
    }
}

#[test]
fn all_connections_go_to_the_lane_that_is_steered_to() {
    let mut lanes = kernel_lanes();
    assert_eq!(lanes.members().count(), 5);
    assert_eq!(arrivals(&lanes, 100), all(lane(0), 100));
    lanes.steer(to(2)).unwrap();
    assert_eq!(lanes.steering(), to(2));
    assert_eq!(arrivals(&lanes, 100), all(lane(2), 100));
    steers_exactly(&mut lanes);
}

#[test]
fn what_arrived_before_the_switch_stays_where_it_was() {
    let mut lanes = kernel_lanes();
    let _old: Vec<_> = (0..10).map(|_| connect(&lanes)).collect();
    lanes.steer(to(1)).unwrap();
    let _new: Vec<_> = (0..10).map(|_| connect(&lanes)).collect();
    assert_eq!(accepted(&lanes, 20), BTreeMap::from([(lane(0), 10), (lane(1), 10)]));
}

#[cfg(feature = "control")]
#[test]
fn what_finds_no_room_in_a_queue_is_counted() {
    let lanes = Lanes::open(&tcp("127.0.0.1:0"), &Options { backlog: 1, ..with_lanes(2) }).unwrap();
    assert_eq!((lanes.overflows(lane(0)), lanes.overflows(lane(1))), (Some(0), Some(0)));
    let call = |_| {
        let family = nix::sys::socket::AddressFamily::Inet;
        let (kind, flags) = (nix::sys::socket::SockType::Stream, nix::sys::socket::SockFlag::SOCK_NONBLOCK);
        let caller = nix::sys::socket::socket(family, kind, flags, None).unwrap();
        let to = nix::sys::socket::SockaddrStorage::from(address(&lanes));
        let _ = nix::sys::socket::connect(caller.as_raw_fd(), &to); // EINPROGRESS
        caller
    };
    let _callers: Vec<_> = (0..20).map(call).collect();
    let begun = Instant::now();
    while lanes.overflows(lane(0)) == Some(0) && begun.elapsed() < LIMIT {
        std::thread::yield_now();
    }
    assert!(lanes.overflows(lane(0)).is_some_and(|count| count > 0));
    assert_eq!(lanes.overflows(lane(1)), Some(0));
}

#[test]
fn a_queue_says_how_many_wait_and_how_many_can() {
    let lanes = Lanes::open(&tcp("127.0.0.1:0"), &Options { backlog: 17, ..with_lanes(2) }).unwrap();
    let _waiting: Vec<_> = (0..3).map(|_| connect(&lanes)).collect();
    let begun = Instant::now();
    while lanes.queue(lane(0)).unwrap().waiting < 3 && begun.elapsed() < LIMIT {
        std::thread::yield_now();
    }
    assert_eq!(lanes.queue(lane(0)).unwrap(), Queue { waiting: 3, limit: 17 });
    assert_eq!(lanes.queue(lane(1)).unwrap(), Queue { waiting: 0, limit: 17 });
}

#[test]
fn a_shut_lane_leaves_all_connections_where_they_belong() {
    let mut lanes = kernel_lanes();
    lanes.steer(to(2)).unwrap();
    shut(lanes.handle(LaneId(0)));
    assert!(!lanes.is_listening(LaneId(0)) && lanes.is_listening(LaneId(1)));
    assert_eq!(arrivals(&lanes, 100), all(lane(2), 100));
}

#[test]
fn after_a_repair_the_next_lane_can_be_shut_as_well() {
    let mut lanes = kernel_lanes();
    for round in 0..4 {
        lanes.steer(to(3 - round)).unwrap();
        shut(lanes.handle(LaneId(round)));
        let repaired = lanes.repair().unwrap();
        assert_eq!(repaired, [Repaired { lane: LaneId(round), replaced: false, rebuilt: false }]);
        assert_eq!(arrivals(&lanes, 100), all(lane(3 - round), 100));
    }
    assert_eq!(lanes.members().count(), 9, "each repair leaves a spare lane");
    steers_exactly(&mut lanes);
    assert!(lanes.repair().unwrap().is_empty());
}

#[test]
fn a_serving_lane_that_is_shut_is_waited_for_at_the_helm_and_serves_again() {
    let mut lanes = kernel_lanes();
    lanes.steer(to(1)).unwrap();
    shut(lanes.handle(LaneId(1)));
    assert_eq!(arrivals(&lanes, 100), all(Seat::Helm, 100));
    lanes.repair().unwrap();
    assert_eq!(lanes.steering(), to(1));
    assert_eq!(arrivals(&lanes, 100), all(lane(1), 100));
}

#[test]
fn a_lane_that_is_shut_cannot_be_steered_to_but_the_others_can() {
    let mut lanes = kernel_lanes();
    shut(lanes.handle(LaneId(3)));
    assert_eq!(lanes.steer(to(3)).unwrap_err().kind(), std::io::ErrorKind::NotConnected);
    assert_eq!(lanes.steering(), to(0));
    lanes.steer(to(1)).unwrap();
    assert_eq!(arrivals(&lanes, 50), all(lane(1), 50));
    lanes.steer(Steering::Hold).unwrap();
    assert_eq!(arrivals(&lanes, 50), all(Seat::Helm, 50));
}

#[test]
fn whatever_lanes_are_shut_in_whatever_order_a_repair_makes_steering_exact() {
    let orders: [&[usize]; 10] =
        [&[0, 1], &[1, 0], &[2, 3], &[3, 2], &[3, 0], &[0, 2, 1], &[2, 1, 0], &[1, 2, 3], &[0, 1, 2, 3], &[3, 1, 0, 2]];
    for order in orders {
        for serving in 0..4 {
            let mut lanes = kernel_lanes();
            lanes.steer(to(serving)).unwrap();
            order.iter().for_each(|number| shut(lanes.handle(LaneId(*number))));
            let repaired = lanes.repair().unwrap_or_else(|error| panic!("{order:?}, {serving} serving: {error}"));
            let shut: BTreeSet<usize> = repaired.iter().filter(|lane| !lane.rebuilt).map(|lane| lane.lane.0).collect();
            assert_eq!(shut, order.iter().copied().collect(), "{order:?}, {serving} serving");
            assert!(
                repaired.iter().all(|repaired| !repaired.rebuilt || repaired.lane.0 != serving),
                "the serving lane is never sacrificed: {order:?}, {serving} serving"
            );
            assert_eq!(arrivals(&lanes, 20), all(lane(serving), 20), "{order:?}, {serving} serving");
            steers_exactly(&mut lanes);
        }
    }
}

#[test]
fn lanes_whose_place_is_certain_can_be_steered_to_before_a_repair() {
    for order in [[0, 1], [1, 0]] {
        let mut lanes = kernel_lanes();
        order.iter().for_each(|number| shut(lanes.handle(LaneId(*number))));
        lanes.steer(to(2)).unwrap();
        assert_eq!(arrivals(&lanes, 50), all(lane(2), 50));
        assert!(lanes.steer(to(3)).is_err(), "lane 3 or the helm may be at index 1");
    }
}

#[test]
fn a_worker_cannot_steer_by_its_handle() {
    let mut lanes = kernel_lanes();
    lanes.grant(LaneId(1)).unwrap();
    lanes.grant(LaneId(1)).unwrap();
    let attached = Program::ask().otherwise(1).attach(lanes.handle(LaneId(1)));
    assert_eq!(attached, Err(nix::errno::Errno::EPERM));
    lanes.steer(to(3)).unwrap();
    assert_eq!(arrivals(&lanes, 50), all(lane(3), 50));
}

#[test]
fn a_worker_that_detaches_the_program_is_undone_by_steering_again() {
    let mut lanes = kernel_lanes();
    lanes.grant(LaneId(1)).unwrap();
    calls::set_number(lanes.handle(LaneId(1)), libc::SOL_SOCKET, libc::SO_DETACH_REUSEPORT_BPF, 0).unwrap();
    lanes.steer(lanes.steering()).unwrap();
    assert_eq!(arrivals(&lanes, 50), all(lane(0), 50));
}

#[test]
fn one_more_lane_moves_no_other() {
    let mut lanes = kernel_lanes();
    lanes.steer(to(2)).unwrap();
    assert_eq!(lanes.open_one_more().unwrap(), LaneId(4));
    assert_eq!(arrivals(&lanes, 50), all(lane(2), 50));
    shut(lanes.handle(LaneId(0)));
    assert!(lanes.open_one_more().is_err(), "a lane has to be repaired first");
    lanes.repair().unwrap();
    assert_eq!(lanes.open_one_more().unwrap(), LaneId(6));
    steers_exactly(&mut lanes);
}

#[test]
fn one_more_lane_on_hold_keeps_the_hold_at_the_new_helm() {
    let mut lanes = kernel_lanes();
    lanes.steer(Steering::Hold).unwrap();
    lanes.open_one_more().unwrap();
    assert_eq!(arrivals(&lanes, 20), all(Seat::Helm, 20));
}

#[test]
fn there_is_an_end_to_lanes() {
    let mut lanes = Lanes::open(&tcp("127.0.0.1:0"), &with_lanes(63)).unwrap();
    assert!(lanes.open_one_more().is_err());
    shut(lanes.handle(LaneId(5)));
    assert!(lanes.repair().is_err());
    lanes.steer(to(62)).unwrap();
    assert_eq!(arrivals(&lanes, 20), all(lane(62), 20));
}

/// A socket that a worker of the same user binds into our group.
fn stranger(lanes: &Lanes) -> TcpListener {
    let tcp = Tcp { address: address(lanes), dual: false, blocking: false };
    let fd = tcp.another().unwrap();
    calls::listen(fd.as_fd(), 16).unwrap();
    fd.into()
}

#[test]
fn a_stranger_in_the_group_is_seen_and_stops_what_would_need_the_order() {
    let mut lanes = kernel_lanes();
    assert_eq!(lanes.foreign().unwrap(), 0);
    let stranger = stranger(&lanes);
    assert_eq!(lanes.foreign().unwrap(), 1);
    let refused = lanes.open_one_more().unwrap_err().to_string();
    assert!(refused.contains("foreign sockets: 1"), "{refused}");
    lanes.steer(to(2)).unwrap();
    assert_eq!(arrivals(&lanes, 50), all(lane(2), 50));

    shut(lanes.handle(LaneId(0)));
    assert!(lanes.repair().is_err());
    lanes.steer(to(3)).unwrap();
    assert_eq!(arrivals(&lanes, 50), all(lane(3), 50));

    drop(stranger);
    assert_eq!(lanes.repair().unwrap().len(), 1);
    steers_exactly(&mut lanes);
}

#[test]
fn a_listener_on_an_overlapping_address_is_a_stranger_too() {
    let lanes = Lanes::open(&Endpoint::Tcp { address: "[::]:0".parse().unwrap(), dual: true }, &with_lanes(2)).unwrap();
    if address(&lanes).is_ipv4() {
        return; // no IPv6 here
    }
    let wildcard = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address(&lanes).port()));
    let fd = Tcp { address: wildcard, dual: false, blocking: false }.another().unwrap();
    calls::listen(fd.as_fd(), 16).unwrap();
    assert_eq!(lanes.foreign().unwrap(), 1);
}

#[test]
fn a_dual_listener_takes_both_families_in_one_lane() {
    let both = Endpoint::Tcp { address: "[::]:0".parse().unwrap(), dual: true };
    let mut lanes = Lanes::open(&both, &with_lanes(3)).unwrap();
    let port = address(&lanes).port();
    lanes.steer(to(1)).unwrap();
    let _four: Vec<_> = (0..20).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap()).collect();
    assert_eq!(accepted(&lanes, 20), all(lane(1), 20));
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        let _six: Vec<_> = (0..20).map(|_| TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap()).collect();
        assert_eq!(accepted(&lanes, 20), all(lane(1), 20));
    }
}

#[test]
fn a_port_that_the_kernel_chose_is_the_same_for_all_lanes_and_survives_a_repair() {
    let mut lanes = kernel_lanes();
    let port = address(&lanes).port();
    assert_ne!(port, 0);
    for number in [0, 1, 2, 3] {
        shut(lanes.handle(LaneId(number)));
        lanes.repair().unwrap();
        assert_eq!(address(&lanes).port(), port);
        assert!(lanes.is_listening(LaneId(number)));
    }
    assert_eq!(lanes.foreign().unwrap(), 0, "all sockets are on the one port");
    steers_exactly(&mut lanes);
}

#[test]
fn a_restart_does_not_wait_for_old_connections_to_be_forgotten() {
    let lanes = kernel_lanes();
    let at = tcp(&address(&lanes).to_string());
    let _client = connect(&lanes);
    accepted(&lanes, 1); // closed by us: our port is in TIME_WAIT
    drop(lanes);
    Lanes::open(&at, &with_lanes(4)).unwrap();
}

#[test]
fn handshakes_that_are_not_complete_are_counted_apart() {
    let lanes = kernel_lanes();
    assert_eq!(half_open(lanes.local()).unwrap(), 0);
    calls::set_number(lanes.handle(LaneId(0)), libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, 30).unwrap();
    let _silent = connect(&lanes);
    let at = lanes.local().clone();
    let counted = std::thread::spawn(move || half_open(&at)).join().unwrap().unwrap();
    assert_eq!(counted, 1);
    assert_eq!(lanes.queue(lane(0)).unwrap().waiting, 0);
}

#[test]
fn a_kernel_that_takes_no_program_leaves_one_shared_socket() {
    let tcp = Tcp { address: "127.0.0.1:0".parse().unwrap(), dual: false, blocking: false };
    let (first, tcp) = tcp.first().unwrap();
    share(&first).unwrap();
    calls::set_number(first.as_fd(), libc::SOL_SOCKET, libc::SO_LOCK_FILTER, 1).unwrap();
    let opened = Group::over(first, tcp, &with_lanes(4)).unwrap();
    let Opened::Alone(socket) = opened else { panic!("the locked socket took a program") };
    assert!(socket.listens());
    assert_eq!(calls::number(socket.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEPORT), Ok(0));
}

#[test]
fn closing_a_listener_closes_every_socket_of_it() {
    let mut lanes = kernel_lanes();
    shut(lanes.handle(LaneId(0)));
    lanes.repair().unwrap();
    lanes.open_one_more().unwrap();
    let inodes: Vec<u64> = lanes.inodes().map(|(_, inode)| inode).collect();
    assert_eq!(inodes.iter().collect::<BTreeSet<_>>().len(), 7);
    assert_eq!(open_here(&inodes), 7);
    drop(lanes);
    assert_eq!(open_here(&inodes), 0);
}

/// How many of our descriptors lead to these sockets.
fn open_here(inodes: &[u64]) -> usize {
    let names: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let links = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    links.filter(|link| names.iter().any(|name| link.as_os_str() == name.as_str())).count()
}

#[test]
fn every_descriptor_is_close_on_exec() {
    let lanes = kernel_lanes();
    let _client = connect(&lanes);
    let begun = Instant::now();
    let connection = loop {
        match lanes.accept(lane(0)).unwrap() {
            Some(connection) => break connection,
            None => assert!(begun.elapsed() < LIMIT, "the connection never arrived"),
        }
    };
    let fds = lanes.members().map(|(_, fd)| fd).chain([connection.as_fd()]);
    for fd in fds {
        let flags = nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_GETFD).unwrap();
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
    }
}
