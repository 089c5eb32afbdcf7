//! What whoever supervises the master hears, as systemd would: READY=1, a reload and its outcome, the end, that it lives.
#![cfg(target_os = "linux")]

#[path = "support/mod.rs"]
mod support;

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;

use nix::sys::signal::Signal;
use support::{LIMIT, Master, Setup};

/// The supervisor: a socket on which a master reports.
struct Supervisor {
    socket: UnixDatagram,
    name: String,
}

/// One datagram, line by line.
type Said = Vec<String>;

impl Supervisor {
    fn at(address: &SocketAddr, name: String) -> Supervisor {
        let socket = UnixDatagram::bind_addr(address).expect("a socket");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        Supervisor { socket, name }
    }

    /// One with a path, below where the master is started.
    fn of(setup: &Setup) -> Supervisor {
        let path = setup.path("notify");
        Supervisor::at(&SocketAddr::from_pathname(&path).expect("a path"), path.display().to_string())
    }

    fn abstractly_of(setup: &Setup) -> Supervisor {
        let name = format!("heirloom/test/{}", setup.mark);
        Supervisor::at(&SocketAddr::from_abstract_name(&name).expect("a name"), format!("@{name}"))
    }

    fn command(&self, setup: &Setup) -> Command {
        let mut command = setup.command("json");
        command.env("NOTIFY_SOCKET", &self.name);
        command
    }

    fn next(&self) -> Said {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("it is notified in time");
        String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned).collect()
    }

    /// The next that holds this line.
    fn wait_for(&self, line: &str) -> Said {
        loop {
            let said = self.next();
            if said.iter().any(|said| said == line) {
                return said;
            }
        }
    }

    /// Everything up to the one that holds this line.
    fn all_until(&self, line: &str) -> Vec<String> {
        let mut all = Vec::new();
        while !all.iter().any(|said| said == line) {
            all.extend(self.next());
        }
        all
    }
}

fn start(setup: Setup, supervisor: &Supervisor) -> Master {
    let command = supervisor.command(&setup);
    Master::start(setup, command)
}

fn microseconds_since_boot() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("the clock");
    std::time::Duration::from(now).as_micros() as u64
}

#[test]
fn a_supervisor_hears_of_the_start_of_reloads_and_of_the_end() {
    let setup = Setup::tcp().brisk().workers(2);
    let supervisor = Supervisor::of(&setup);
    let master = start(setup, &supervisor);
    let said = supervisor.wait_for("READY=1");
    assert_eq!(said[1], format!("MAINPID={}", master.pid()));
    assert_eq!(said[2], "STATUS=generation 1 serves (2 workers)");

    let asked = microseconds_since_boot();
    master.hup();
    let said = supervisor.wait_for("RELOADING=1");
    let since: u64 = said[1].strip_prefix("MONOTONIC_USEC=").expect("a time").parse().expect("a number");
    assert!(since >= asked && since <= microseconds_since_boot(), "{since}");
    assert_eq!(said[2], "STATUS=generation 1 serves (2 workers); generation 2 rises");
    let said = supervisor.wait_for("READY=1");
    assert_eq!(said[1], "STATUS=generation 2 serves (2 workers)");

    master.signal(Signal::SIGTERM);
    let said = supervisor.wait_for("STOPPING=1");
    assert_eq!(said[1], "STATUS=stopping: workers finish what they hold");
    supervisor.wait_for("STATUS=stopped");
    assert_eq!(master.wait().code(), Some(0));
}

#[test]
fn a_reload_that_is_rejected_is_told_with_its_reason_over_an_abstract_socket() {
    let setup = Setup::tcp().brisk();
    let supervisor = Supervisor::abstractly_of(&setup);
    let master = start(setup, &supervisor);
    supervisor.wait_for("READY=1");
    master.release(2, "exit");
    master.hup();
    supervisor.wait_for("RELOADING=1");
    let said = supervisor.wait_for("READY=1");
    let (status, why) = said[1].split_once("; ").expect("a reason");
    assert_eq!(status, "STATUS=generation 1 serves (1 worker)");
    assert!(why.starts_with("generation 2 was given up: the worker in slot 0"), "{why}");
}

#[test]
fn a_first_generation_that_fails_is_told_and_never_ready() {
    let setup = Setup::tcp().conduct("exit");
    let supervisor = Supervisor::of(&setup);
    let master = start(setup, &supervisor);
    assert_eq!(master.wait().code(), Some(1));
    supervisor.socket.set_nonblocking(true).expect("it has all been said");
    let mut buffer = [0; 4096];
    let mut last = String::new();
    while let Ok(length) = supervisor.socket.recv(&mut buffer) {
        last = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(!last.contains("READY=1"), "{last}");
    }
    assert!(last.starts_with("STATUS=the first generation failed: the worker in slot 0"), "{last}");
}

#[test]
fn a_master_that_is_held_to_a_watchdog_says_that_it_lives() {
    let setup = Setup::tcp().brisk();
    let supervisor = Supervisor::of(&setup);
    let mut command = supervisor.command(&setup);
    command.env("WATCHDOG_USEC", "200000").env_remove("WATCHDOG_PID");
    let _master = Master::start(setup, command);
    supervisor.wait_for("READY=1");
    for _ in 0..5 {
        supervisor.wait_for("WATCHDOG=1");
    }
}

#[test]
fn a_watchdog_that_is_meant_for_another_process_is_left_to_it() {
    let setup = Setup::tcp().brisk();
    let supervisor = Supervisor::of(&setup);
    let mut command = supervisor.command(&setup);
    command.env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    let master = Master::start(setup, command);
    master.wait_for_promotion();
    master.reload();
    master.signal(Signal::SIGTERM);
    let said = supervisor.all_until("STATUS=stopped");
    assert!(!said.iter().any(|line| line == "WATCHDOG=1"), "{said:?}");
    assert_eq!(master.wait().code(), Some(0));
}

#[test]
fn a_supervisor_that_cannot_be_reached_is_no_reason_not_to_serve() {
    for name in ["/nowhere/notify", "vsock:2:1234", "@heirloom/nobody"] {
        let setup = Setup::tcp().brisk();
        let mut command = setup.command("json");
        command.env("NOTIFY_SOCKET", name);
        let master = Master::start(setup, command);
        master.wait_for_promotion();
        master.log.wait_for_line("our supervisor");
    }
}
