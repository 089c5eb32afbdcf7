//! The seed's promise: one program that is master and worker at once, and in which nobody passes a descriptor.

mod support;

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use heirloom::load::{Load, Plan, Target};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{LIMIT, end_all, get, marked_processes, test_worker};

/// The test worker as its own master.
struct Embedded {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    mark: String,
}

impl Embedded {
    /// Started, and serving.
    fn start(listen: &str) -> (Embedded, Target) {
        static LATEST: AtomicU32 = AtomicU32::new(0);
        let number = LATEST.fetch_add(1, Ordering::Relaxed);
        let mark = format!("HEIRLOOM_TEST={}-embedded-{number}", std::process::id());
        let (name, value) = mark.split_once('=').expect("a mark is a variable");
        let mut child = Command::new(test_worker())
            .args(["--embedded", "--listen", listen])
            .env(name, value)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut embedded = Embedded { child, lines, mark };
        let listening = embedded.wait_for("listening on ");
        embedded.wait_for("generation 1 serves");
        let address = listening.trim_start_matches("listening on ");
        let target = match address.parse::<SocketAddr>() {
            Ok(address) => address.into(),
            Err(_) => std::path::PathBuf::from(address.trim_start_matches("unix:")).into(),
        };
        (embedded, target)
    }

    /// The next line that begins so. (nextest ends a test whose line never comes.)
    fn wait_for(&mut self, begin: &str) -> String {
        let found = self.lines.by_ref().map_while(Result::ok).find(|line| line.starts_with(begin));
        found.unwrap_or_else(|| panic!("it has ended, and never said {begin:?}"))
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).expect("it is there");
    }

    fn finish(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.lines.by_ref().for_each(drop);
        let status = self.child.wait().expect("it is our child");
        assert_eq!(marked_processes(&self.mark), [] as [String; 0], "they are left behind");
        status
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if std::thread::panicking() {
            end_all(&self.mark);
            let _ = self.child.wait(); // it is our child, whoever ended it
        }
    }
}

#[test]
fn a_query_opens_the_listener_and_all_workers_have_the_same_one() {
    let (embedded, target) = Embedded::start("127.0.0.1:0");
    let load = Load::start(Plan { clients: 16, ..Plan::on(target) }).expect("a load starts");
    load.wait_for(500, LIMIT).expect("it is served");
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}");
    let slots: Vec<u32> = tally.by_answer.keys().map(|answer| support::who(answer).slot).collect();
    assert_eq!(slots, [0, 1], "{tally}");
    assert_eq!(embedded.finish().code(), Some(0));
}

#[test]
fn a_worker_that_dies_is_told_and_replaced() {
    let (mut embedded, target) = Embedded::start("127.0.0.1:0");
    let (died, _) = get(&target, "/");
    kill(Pid::from_raw(died.pid.cast_signed()), Signal::SIGKILL).expect("it is there");
    assert_eq!(embedded.wait_for("worker "), format!("worker {} died", died.pid));
    embedded.wait_for(&format!("worker 1.{} is ready", died.slot));
    assert_eq!(embedded.finish().code(), Some(0));
}

#[test]
fn reloads_of_an_embedded_master_lose_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    for listen in ["127.0.0.1:0".to_owned(), format!("unix:{}", directory.path().join("http").display())] {
        let (mut embedded, target) = Embedded::start(&listen);
        let load = Load::start(Plan { clients: 16, ..Plan::on(target.clone()) }).expect("a load starts");
        for generation in 2..=6 {
            embedded.signal(Signal::SIGHUP);
            embedded.wait_for(&format!("generation {generation} serves"));
            load.wait_for(load.tally().answered + 100, LIMIT).expect("it is served");
        }
        let tally = load.stop();
        assert_eq!(tally.failures(), 0, "{tally}");
        assert_eq!(get(&target, "/").0.generation, 6);
        assert_eq!(embedded.finish().code(), Some(0));
    }
}

#[test]
fn a_worker_that_nobody_supervises_binds_by_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("http");
    let mut child = Command::new(test_worker())
        .args(["--listen", &format!("unix:{}", path.display())])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut first).expect("it speaks");
    let load = Load::start(Plan { most: Some(10), ..Plan::on(path) }).expect("a load starts");
    let tally = load.wait_for_the_end(LIMIT).expect("it ends");
    child.kill().expect("it is there");
    child.wait().expect("it is our child");
    assert_eq!((tally.answered, tally.failures()), (10, 0), "{tally}");
}
