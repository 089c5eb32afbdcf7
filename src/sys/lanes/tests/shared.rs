//! The shared way: one socket for everybody.

use std::os::{
    linux::net::SocketAddrExt,
    unix::{
        fs::PermissionsExt,
        net::{SocketAddr as UnixAddress, UnixListener},
    },
};

use super::*;

#[test]
fn one_lane_is_shared_and_steering_it_does_nothing() {
    let mut lanes = Lanes::open(&tcp("127.0.0.1:0"), &with_lanes(1)).unwrap();
    assert_eq!((lanes.way(), lanes.members().count()), (Way::Shared, 1));
    lanes.steer(Steering::Hold).unwrap();
    lanes.grant(LaneId(0)).unwrap();
    assert_eq!(arrivals(&lanes, 20), all(lane(0), 20));
    assert!(lanes.open_one_more().is_err());
    assert!(lanes.queue(Seat::Helm).is_err());
}

#[test]
fn a_shared_tcp_socket_that_was_shut_listens_again_on_its_port() {
    let mut lanes = Lanes::open(&tcp("127.0.0.1:0"), &with_lanes(1)).unwrap();
    shut(lanes.handle(LaneId(0)));
    let repaired = lanes.repair().unwrap();
    assert_eq!(repaired, [Repaired { lane: LaneId(0), replaced: false, rebuilt: false }]);
    assert_eq!(arrivals(&lanes, 20), all(lane(0), 20));
    assert!(lanes.repair().unwrap().is_empty());
}

#[test]
fn a_shared_path_needs_no_private_directory_and_is_removed_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let mut lanes = Lanes::open(&Endpoint::Unix(path.clone()), &with_lanes(1)).unwrap();
    assert_eq!(lanes.way(), Way::Shared);
    assert_eq!(names_in(directory.path()), ["app.sock"]);
    assert_eq!(arrivals(&lanes, 5), all(lane(0), 5));

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o604)).unwrap();
    shut(lanes.handle(LaneId(0)));
    let repaired = lanes.repair().unwrap();
    assert_eq!(repaired, [Repaired { lane: LaneId(0), replaced: true, rebuilt: false }]);
    assert_eq!(arrivals(&lanes, 5), all(lane(0), 5));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o604);

    drop(lanes);
    assert!(names_in(directory.path()).is_empty());
}

#[test]
fn a_shared_path_that_is_kept_or_is_not_ours_any_more_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let open = || Lanes::open(&Endpoint::Unix(path.clone()), &with_lanes(1)).unwrap();
    let mut kept = open();
    kept.keep_files();
    drop(kept);
    assert_eq!(names_in(directory.path()), ["app.sock"]);
    let replaced = open();
    std::fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    drop(replaced);
    assert_eq!(names_in(directory.path()), ["app.sock"]);
}

#[test]
fn an_abstract_name_is_always_shared() {
    let name = format!("heirloom-test-{}", std::process::id()).into_bytes();
    let at = Endpoint::Abstract(name.clone());
    let mut lanes = Lanes::open(&at, &with_lanes(4)).unwrap();
    assert_eq!((lanes.way(), lanes.members().count()), (Way::Shared, 1));
    let _client = UnixStream::connect_addr(&UnixAddress::from_abstract_name(&name).unwrap()).unwrap();
    assert_eq!(accepted(&lanes, 1), all(lane(0), 1));
    let again = Lanes::open(&at, &with_lanes(4)).unwrap_err();
    let OpenError::InUse { holder: Some(holder), .. } = again else { panic!("{again}") };
    assert_eq!(holder.pid as u32, std::process::id());
    shut(lanes.handle(LaneId(0)));
    assert_eq!(lanes.repair().unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}
