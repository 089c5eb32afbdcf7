//! Connections of our own: several at a time, each into its seat, and no stranger after them.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsFd,
};

use super::*;

fn own(lanes: &mut Lanes, seat: Seat) -> Own {
    lanes.connect(seat).unwrap().expect("it is steered")
}

#[test]
fn several_connections_of_ours_reach_their_seats_though_clients_go_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        let seats = [lane(1), lane(2), Seat::Helm, lane(1), lane(2), lane(1)];
        let ours: Vec<Own> = seats.into_iter().map(|seat| own(&mut lanes, seat)).collect();
        assert_eq!(arrivals_in(&lanes, lane(0), 20), 20, "{}", lanes.local());
        wait_for_queue(&lanes, lane(1), 3);
        for (seat, own) in seats.into_iter().zip(&ours) {
            let accepted = take(&lanes, seat);
            let from = Origin::of(accepted.as_fd()).unwrap();
            assert_eq!(from, own.origin().unwrap(), "{} {seat}", lanes.local());
        }
        ours.into_iter().for_each(|own| lanes.end(own).unwrap());
        assert_eq!(arrivals(&lanes, 20), all(lane(0), 20));
    }
}

/// Makes connections and accepts what waits in one seat.
fn arrivals_in(lanes: &Lanes, seat: Seat, count: usize) -> usize {
    let _kept: Vec<Connection> = (0..count).map(|_| connect(lanes)).collect();
    wait_for_queue(lanes, seat, count as u32);
    std::iter::from_fn(|| lanes.accept(seat).unwrap()).count()
}

#[test]
fn at_the_helm_each_connection_of_ours_has_an_origin_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        let ours = [own(&mut lanes, Seat::Helm), own(&mut lanes, Seat::Helm)];
        assert_ne!(ours[0].origin().unwrap(), ours[1].origin().unwrap(), "{}", lanes.local());
    }
}

#[test]
fn bytes_go_to_and_fro_over_a_connection_of_ours() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        let own = own(&mut lanes, lane(2));
        let mut ours = File::from(own.as_fd().try_clone_to_owned().unwrap());
        wait_for_queue(&lanes, lane(2), 1);
        ours.write_all(b"ping").unwrap();
        let mut theirs = File::from(take(&lanes, lane(2)));
        let mut heard = [0; 4];
        theirs.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"ping");
        theirs.write_all(b"pong").unwrap();
        ours.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"pong");
        lanes.end(own).unwrap();
    }
}

#[test]
fn there_is_an_end_to_connections_of_ours_and_room_again_when_one_has_ended() {
    let mut lanes = kernel_lanes();
    let mut ours: Vec<Own> = (0..160).map(|_| own(&mut lanes, lane(1))).collect();
    assert_eq!(lanes.connect(lane(1)).unwrap_err().kind(), std::io::ErrorKind::QuotaExceeded);
    wait_for_queue(&lanes, lane(1), 160);
    assert_eq!(arrivals_in(&lanes, lane(0), 20), 20);
    lanes.end(ours.pop().unwrap()).unwrap();
    let _one_more = own(&mut lanes, lane(2));
    wait_for_queue(&lanes, lane(2), 1);
}

#[test]
fn a_request_of_ours_that_nobody_accepted_is_not_a_clients() {
    let directory = tempfile::tempdir().unwrap();
    for mut lanes in each_kind(directory.path()) {
        let asked = own(&mut lanes, lane(1));
        wait_for_queue(&lanes, lane(1), 1);
        File::from(asked.as_fd().try_clone_to_owned().unwrap()).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        lanes.end(asked).unwrap();
        lanes.steer(to(1)).unwrap();
        // A client that asks and closes in one breath is a client all the same, if it can be told from us.
        if let Endpoint::Tcp { address, .. } = lanes.local() {
            let target = SocketAddr::new("127.0.0.1".parse().unwrap(), address.port());
            let client = TcpStream::connect(target).or_else(|_| TcpStream::connect(address)).unwrap();
            (&client).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            drop(client);
            wait_for_queue(&lanes, lane(1), 2);
            let _client = take(&lanes, lane(1));
        }
        assert!(lanes.accept(lane(1)).unwrap().is_none(), "{}", lanes.local());
        wait_for_queue(&lanes, lane(1), 0);
    }
}

#[test]
fn a_connection_of_ours_outlives_a_repair_in_its_lane_and_the_next_one_too() {
    let mut lanes = kernel_lanes();
    let one = own(&mut lanes, lane(2));
    wait_for_queue(&lanes, lane(2), 1);
    shut(lanes.handle(LaneId(1)));
    lanes.repair().unwrap();
    let other = own(&mut lanes, lane(1));
    wait_for_queue(&lanes, lane(1), 1);
    assert_eq!(arrivals_in(&lanes, lane(0), 20), 20);
    for (seat, own) in [(lane(2), one), (lane(1), other)] {
        assert_eq!(Origin::of(take(&lanes, seat).as_fd()).unwrap(), own.origin().unwrap());
        lanes.end(own).unwrap();
    }
}

#[test]
fn a_shared_listener_has_no_way_of_our_own() {
    let directory = tempfile::tempdir().unwrap();
    for at in [tcp("127.0.0.1:0"), Endpoint::Unix(directory.path().join("app.sock"))] {
        let mut lanes = Lanes::open(&at, &with_lanes(1)).unwrap();
        assert!(lanes.connect(lane(0)).unwrap().is_none());
    }
}
