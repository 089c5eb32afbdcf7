//! The path way: switching links, what an operator and a worker do to the files, and what is left behind.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use super::*;

struct Place {
    directory: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.sock");
        Place { directory, path }
    }

    fn open(&self) -> Lanes {
        let lanes = Lanes::open(&Endpoint::Unix(self.path.clone()), &with_lanes(3)).unwrap();
        assert_eq!(lanes.way(), Way::Path);
        lanes
    }

    fn private(&self, name: &str) -> PathBuf {
        self.directory.path().join(".app.sock.heirloom").join(name)
    }

    fn mode(&self) -> u32 {
        fs::metadata(&self.path).unwrap().permissions().mode() & 0o7777
    }
}

#[test]
fn the_public_path_leads_to_the_lane_that_is_steered_to() {
    let place = Place::new();
    let mut lanes = place.open();
    assert_eq!(arrivals(&lanes, 50), all(lane(0), 50));
    for number in [2, 1, 1, 0] {
        lanes.steer(to(number)).unwrap();
        assert_eq!(arrivals(&lanes, 50), all(lane(number), 50));
    }
    lanes.steer(Steering::Hold).unwrap();
    assert_eq!(arrivals(&lanes, 50), all(Seat::Helm, 50));
    assert!(!place.private("next").exists());
}

#[test]
fn nobody_is_refused_while_the_path_is_switched() {
    let place = Place::new();
    let mut lanes = place.open();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut count = 0;
            while !done.load(Ordering::Relaxed) || count == 0 {
                UnixStream::connect(&place.path).unwrap();
                count += 1;
            }
            count
        });
        let mut found = 0;
        for flip in 0..1000 {
            lanes.steer(to(flip % 3)).unwrap();
            for (seat, _) in lanes.members() {
                found += std::iter::from_fn(|| lanes.accept(seat).unwrap()).count();
            }
        }
        done.store(true, Ordering::Relaxed);
        let connected = client.join().unwrap();
        found += accepted(&lanes, connected - found).values().sum::<usize>();
        assert_eq!(found, connected);
    });
}

#[test]
fn a_unix_queue_says_how_many_wait_and_how_many_can() {
    let place = Place::new();
    let lanes = Lanes::open(&Endpoint::Unix(place.path.clone()), &Options { backlog: 17, ..with_lanes(2) }).unwrap();
    let _waiting: Vec<_> = (0..3).map(|_| connect(&lanes)).collect();
    assert_eq!(lanes.queue(lane(0)).unwrap(), Queue { waiting: 3, limit: 17 });
    assert_eq!(lanes.queue(Seat::Helm).unwrap(), Queue { waiting: 0, limit: 17 });
    assert_eq!(half_open(lanes.local()).unwrap(), 0);
}

#[test]
fn the_public_socket_has_the_mode_that_was_asked_for() {
    let place = Place::new();
    let lanes = Lanes::open(&Endpoint::Unix(place.path.clone()), &Options { mode: Some(0o620), ..with_lanes(2) });
    assert_eq!(place.mode(), 0o620);
    drop(lanes);
    let plain = UnixListener::bind(&place.path).unwrap();
    let bound = place.mode();
    drop(plain);
    let _lanes = place.open();
    assert_eq!(place.mode(), bound & 0o666, "0666 less the umask");
    let private = fs::metadata(place.private("")).unwrap();
    assert_eq!(private.permissions().mode() & 0o7777, 0o700);
}

#[test]
fn what_an_operator_did_to_the_public_path_survives_every_switch() {
    let place = Place::new();
    let mut lanes = place.open();
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o604)).unwrap();
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&place.path, Some(1234), Some(4321)).unwrap();
    }
    let owner = |path: &PathBuf| fs::metadata(path).map(|file| (file.uid(), file.gid())).unwrap();
    let before = owner(&place.path);
    for number in [1, 2, 0] {
        lanes.steer(to(number)).unwrap();
        assert_eq!((place.mode(), owner(&place.path)), (0o604, before), "steered to lane {number}");
    }
    shut(lanes.handle(LaneId(0)));
    lanes.repair().unwrap();
    assert_eq!((place.mode(), owner(&place.path)), (0o604, before), "after a repair");
}

#[test]
fn a_shut_unix_lane_is_replaced_and_steered_to_again() {
    let place = Place::new();
    let mut lanes = place.open();
    lanes.steer(to(1)).unwrap();
    let before: Vec<_> = lanes.inodes().collect();
    shut(lanes.handle(LaneId(1)));
    shutdown(lanes.handle(LaneId(2)).as_raw_fd(), Shutdown::Read).unwrap();
    assert!(!lanes.is_listening(LaneId(1)) && !lanes.is_listening(LaneId(2)));
    let repaired = lanes.repair().unwrap();
    let replaced = |number| Repaired { lane: LaneId(number), replaced: true, rebuilt: false };
    assert_eq!(repaired, [replaced(1), replaced(2)]);
    let after: Vec<_> = lanes.inodes().collect();
    assert!(before[0] == after[0] && before[1] != after[1]);
    assert_eq!(arrivals(&lanes, 20), all(lane(1), 20));
    assert!(lanes.repair().unwrap().is_empty());
}

#[test]
fn a_worker_that_unlinks_its_socket_harms_nothing() {
    let place = Place::new();
    let mut lanes = place.open();
    lanes.steer(to(1)).unwrap();
    fs::remove_file(place.private("0")).unwrap();
    assert_eq!(arrivals(&lanes, 5), all(lane(1), 5));
    lanes.steer(to(0)).unwrap();
    assert_eq!(arrivals(&lanes, 5), all(lane(0), 5));
}

#[test]
fn a_public_path_that_was_removed_comes_back_with_the_next_steering() {
    let place = Place::new();
    let mut lanes = place.open();
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o604)).unwrap();
    fs::remove_file(&place.path).unwrap();
    lanes.steer(to(1)).unwrap();
    assert_eq!((arrivals(&lanes, 5), place.mode()), (all(lane(1), 5), 0o604));
}

#[test]
fn somebody_elses_socket_at_the_public_path_is_neither_replaced_nor_removed() {
    let place = Place::new();
    let mut lanes = place.open();
    fs::remove_file(&place.path).unwrap();
    let _other = UnixListener::bind(&place.path).unwrap();
    assert_eq!(lanes.steer(to(1)).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(lanes.steering(), to(0));
    drop(lanes);
    assert_eq!(names_in(place.directory.path()), ["app.sock"]);
}

#[test]
fn one_more_unix_lane_can_be_opened() {
    let place = Place::new();
    let mut lanes = place.open();
    assert_eq!(lanes.open_one_more().unwrap(), LaneId(3));
    lanes.steer(to(3)).unwrap();
    assert_eq!(arrivals(&lanes, 20), all(lane(3), 20));
    drop(lanes);
    assert!(names_in(place.directory.path()).is_empty());
}

#[test]
fn nothing_is_left_behind() {
    let place = Place::new();
    let mut lanes = place.open();
    lanes.steer(to(2)).unwrap();
    shut(lanes.handle(LaneId(0)));
    lanes.repair().unwrap();
    drop(lanes);
    assert!(names_in(place.directory.path()).is_empty());
}

#[test]
fn what_a_dead_master_left_is_taken_over() {
    let place = Place::new();
    let mut dead = place.open();
    dead.keep_files();
    drop(dead);
    assert_eq!(names_in(place.directory.path()), [".app.sock.heirloom", "app.sock"]);
    assert!(UnixStream::connect(&place.path).is_err());
    let lanes = place.open();
    assert_eq!(arrivals(&lanes, 5), all(lane(0), 5));
    drop(lanes);
    assert!(names_in(place.directory.path()).is_empty());
}

#[test]
fn a_directory_too_deep_for_a_socket_is_reached_by_its_descriptor() {
    let directory = tempfile::tempdir().unwrap();
    let room = super::super::public::LONGEST - directory.path().as_os_str().len() - "//a".len();
    let deep = directory.path().join("d".repeat(room));
    fs::create_dir(&deep).unwrap();
    let path = deep.join("a");
    assert_eq!(path.as_os_str().len(), super::super::public::LONGEST);
    for count in [3, 1] {
        let mut lanes = Lanes::open(&Endpoint::Unix(path.clone()), &with_lanes(count)).unwrap();
        lanes.steer(to(count - 1)).unwrap();
        assert_eq!(arrivals(&lanes, 5), all(lane(count - 1), 5));
        shut(lanes.handle(LaneId(count - 1)));
        lanes.repair().unwrap();
        assert_eq!(arrivals(&lanes, 5), all(lane(count - 1), 5));
        drop(lanes);
        assert!(names_in(&deep).is_empty());
    }
}
