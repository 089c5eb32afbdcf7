//! Why a listener is not opened, and what is said of it.

use std::{
    fs,
    net::TcpListener,
    os::{
        fd::AsFd,
        unix::{fs::PermissionsExt, net::UnixListener},
    },
};

use super::{
    super::{calls, tcp::Tcp},
    *,
};

fn open(at: &Endpoint) -> Result<Lanes, OpenError> {
    Lanes::open(at, &with_lanes(3))
}

/// The refusal of both ways to listen there, with one lane and with several.
fn refusals(at: &Endpoint) -> [OpenError; 2] {
    [1, 3].map(|count| Lanes::open(at, &with_lanes(count)).expect_err("it should have been refused"))
}

#[track_caller]
fn assert_held_by_us(refusal: &OpenError) {
    let OpenError::InUse { holder: Some(holder), .. } = refusal else { panic!("{refusal:?}") };
    assert_eq!(holder.pid as u32, std::process::id());
    assert!(refusal.to_string().contains(&format!("(pid {})", holder.pid)), "{refusal}");
    assert!(refusal.hint().unwrap().contains(&holder.name));
}

#[test]
fn a_port_is_refused_while_anyone_listens_there() {
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    for at in [tcp(&format!("127.0.0.1:{port}")), tcp(&format!("0.0.0.0:{port}"))] {
        refusals(&at).iter().for_each(assert_held_by_us);
    }
    let dual = Endpoint::Tcp { address: format!("[::]:{port}").parse().unwrap(), dual: true };
    refusals(&dual).iter().for_each(assert_held_by_us);
}

#[test]
fn a_port_is_refused_while_a_wildcard_listens_there() {
    let wildcard = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = wildcard.local_addr().unwrap().port();
    refusals(&tcp(&format!("127.0.0.1:{port}"))).iter().for_each(assert_held_by_us);
}

#[test]
fn a_port_is_refused_though_the_other_would_share_it() {
    let lanes = kernel_lanes();
    refusals(lanes.local()).iter().for_each(assert_held_by_us);
    let reuseport = Tcp { address: "127.0.0.1:0".parse().unwrap(), dual: false, blocking: false }.another().unwrap();
    calls::listen(reuseport.as_fd(), 16).unwrap();
    let reuseport = TcpListener::from(reuseport);
    refusals(&tcp(&reuseport.local_addr().unwrap().to_string())).iter().for_each(assert_held_by_us);
}

#[test]
fn an_address_of_another_machine_is_refused() {
    let refusal = open(&tcp("192.0.2.1:0")).unwrap_err();
    assert!(matches!(refusal, OpenError::NoSuchAddress { .. }), "{refusal:?}");
    assert!(refusal.hint().is_some());
}

#[test]
fn a_listener_has_at_least_one_lane_and_not_too_many() {
    for count in [0, 64] {
        let refusal = Lanes::open(&tcp("127.0.0.1:0"), &with_lanes(count)).unwrap_err();
        assert!(matches!(refusal, OpenError::LaneCount { .. }), "{refusal:?}");
    }
}

/// Does something as a user without privileges: a thread has its own, if the C library is not asked to change them.
#[allow(unsafe_code)]
fn as_nobody<T: Send + 'static>(deed: impl FnOnce() -> T + Send + 'static) -> T {
    let change = || {
        if nix::unistd::geteuid().is_root() {
            // SAFETY: the call takes three numbers, and changes this thread only.
            assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) }, 0);
        }
    };
    std::thread::spawn(move || (change(), deed()).1).join().unwrap()
}

#[test]
fn a_privileged_port_is_refused_with_the_remedy() {
    let threshold = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if threshold.trim() != "1024" {
        return; // every port is free here
    }
    let refusal = as_nobody(|| open(&tcp("127.0.0.1:81"))).unwrap_err();
    assert!(matches!(refusal, OpenError::Privileged { .. }), "{refusal:?}");
    assert!(refusal.hint().unwrap().contains("CAP_NET_BIND_SERVICE"));
}

#[test]
fn a_path_is_refused_while_anyone_listens_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let _other = UnixListener::bind(&path).unwrap();
    refusals(&Endpoint::Unix(path)).iter().for_each(assert_held_by_us);
    assert_eq!(names_in(directory.path()), ["app.sock"]);
}

#[test]
fn a_path_is_refused_though_the_others_queue_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let other = UnixListener::bind(&path).unwrap();
    calls::listen(other.as_fd(), 0).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();
    refusals(&Endpoint::Unix(path)).iter().for_each(assert_held_by_us);
}

#[test]
fn a_path_that_another_master_has_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let at = Endpoint::Unix(directory.path().join("app.sock"));
    let lanes = open(&at).unwrap();
    assert_held_by_us(&open(&at).unwrap_err());
    assert_eq!(accepted(&lanes, 1), all(lane(0), 1), "it was asked who listens");
    assert_eq!(arrivals(&lanes, 5), all(lane(0), 5));
}

#[test]
fn a_socket_that_nobody_listens_on_is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    for count in [1, 3] {
        drop(UnixListener::bind(&path).unwrap());
        let lanes = Lanes::open(&Endpoint::Unix(path.clone()), &with_lanes(count)).unwrap();
        assert_eq!(arrivals(&lanes, 5), all(lane(0), 5));
        drop(lanes);
        assert!(names_in(directory.path()).is_empty());
    }
}

#[test]
fn nothing_but_a_socket_is_ever_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let (file, folder) = (directory.path().join("file"), directory.path().join("folder"));
    let (link, fifo) = (directory.path().join("link"), directory.path().join("fifo"));
    fs::write(&file, "precious").unwrap();
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(directory.path().join("away"), &link).unwrap();
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let kinds =
        [(&file, "a file"), (&folder, "a directory"), (&link, "a symbolic link"), (&fifo, "a device or a pipe")];
    for (path, expected) in kinds {
        for refusal in refusals(&Endpoint::Unix(path.clone())) {
            let OpenError::NotASocket { kind, .. } = refusal else { panic!("{refusal:?}") };
            assert_eq!(kind, expected);
        }
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(names_in(directory.path()), ["fifo", "file", "folder", "link"]);
}

#[test]
fn a_path_without_its_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for refusal in refusals(&Endpoint::Unix(directory.path().join("missing/app.sock"))) {
        assert!(matches!(refusal, OpenError::NoParent { .. }), "{refusal:?}");
        assert!(refusal.hint().unwrap().contains("missing"));
    }
}

#[test]
fn a_path_in_a_directory_that_is_not_writable_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let path = directory.path().join("app.sock");
    for refusal in as_nobody(move || refusals(&Endpoint::Unix(path))) {
        assert!(matches!(refusal, OpenError::NotWritable { .. }), "{refusal:?}");
    }
}

#[test]
fn a_path_or_a_name_that_is_too_long_is_refused() {
    let long = "x".repeat(108);
    for at in [Endpoint::Unix(Path::new("/tmp").join(&long)), Endpoint::Abstract(long.into())] {
        for refusal in refusals(&at) {
            assert!(matches!(refusal, OpenError::TooLong { most: 107, .. }), "{refusal:?}");
        }
    }
}

#[test]
fn a_private_directory_that_somebody_else_made_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let at = Endpoint::Unix(directory.path().join("app.sock"));
    let private = directory.path().join(".app.sock.heirloom");
    std::os::unix::fs::symlink("/tmp", &private).unwrap();
    assert!(matches!(open(&at).unwrap_err(), OpenError::NotOurs { .. }));
    fs::remove_file(&private).unwrap();
    if nix::unistd::geteuid().is_root() {
        fs::create_dir(&private).unwrap();
        std::os::unix::fs::chown(&private, Some(65534), None).unwrap();
        let refusal = open(&at).unwrap_err();
        assert!(matches!(refusal, OpenError::NotOurs { .. }), "{refusal:?}");
        assert!(refusal.hint().unwrap().contains(".app.sock.heirloom"));
    }
}
