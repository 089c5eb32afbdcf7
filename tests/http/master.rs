//! A real `heirloom run` over the axum example: it is reloaded, and its notices are read.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Longer than anything takes; only a test that fails waits for it.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

/// A master that runs.
pub(super) struct Master {
    child: Child,
    notices: Receiver<Value>,
    log: Vec<Value>,
    generation: u64,
    /// For its control socket.
    _place: tempfile::TempDir,
}

impl Master {
    /// Starts a master for the example at `address`, and waits until it serves.
    pub(super) fn start(address: &str, flags: &[&str]) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let mut child = Command::new(env!("CARGO_BIN_EXE_heirloom"))
            .env("HEIRLOOM_SOCKET", place.path().join("control.sock"))
            .args(["run", "-o", "json", "--listen", address])
            .args(flags)
            .arg("--")
            .args([example().as_os_str(), address.as_ref()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("heirloom starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let (sender, notices) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).expect("a notice is JSON"));
            }
        });
        let mut master = Self { child, notices, log: Vec::new(), generation: 1, _place: place };
        master.wait_for("promoted", |notice| notice["generation"] == 1);
        master
    }

    /// The address that a listener has got.
    pub(super) fn address(&self) -> &str {
        let listening = self.log.iter().find(|notice| notice["notice"] == "listening");
        listening.and_then(|notice| notice["address"].as_str()).expect("it listens")
    }

    /// Reloads, and waits until the next generation is promoted.
    pub(super) fn reload(&mut self) {
        self.generation += 1;
        self.signal(Signal::SIGHUP);
        let generation = self.generation;
        self.wait_for("promoted", |notice| notice["generation"] == generation);
    }

    /// Waits until nothing is left of any generation but the one that serves.
    pub(super) fn is_alone(&mut self) {
        for generation in 1..self.generation {
            let is_gone = |notice: &Value| notice["notice"] == "gone" && notice["generation"] == generation;
            if !self.log.iter().any(is_gone) {
                self.wait_for("gone", |notice| notice["generation"] == generation);
            }
        }
    }

    /// Ends the master, and gives back all that it said.
    pub(super) fn stop(mut self) -> Vec<Value> {
        self.signal(Signal::SIGTERM);
        self.wait_for("ended", |_| true);
        assert!(self.child.wait().expect("it is our child").success());
        std::mem::take(&mut self.log)
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("the master lives");
    }

    fn wait_for(&mut self, name: &str, is_meant: impl Fn(&Value) -> bool) {
        loop {
            match self.notices.recv_timeout(LIMIT) {
                Ok(notice) => {
                    let is_it = notice["notice"] == name && is_meant(&notice);
                    self.log.push(notice);
                    if is_it {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no `{name}` in {LIMIT:?} after {:#?}", self.log),
                Err(RecvTimeoutError::Disconnected) => panic!("no `{name}` before the end: {:#?}", self.log),
            }
        }
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The axum example, which is built with the tests.
fn example() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its path");
    let directory = test.parent().and_then(Path::parent).expect("tests lie in target/debug/deps");
    let example = directory.join("examples/axum");
    assert!(example.exists(), "there is no {}: run `cargo build --example axum`", example.display());
    example
}
