//! A real master for tests: started, listened to, and ended.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Longer than anything takes on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(60);

/// `heirloom run -o json`, and what it has said.
pub(crate) struct Master {
    child: Child,
    reports: Receiver<String>,
    heard: Vec<String>,
    /// For its control socket.
    _place: tempfile::TempDir,
}

impl Master {
    /// Starts a master with these arguments, which ends with the program and its own.
    pub(crate) fn run(arguments: &[&str]) -> Master {
        let python = Command::new("python3").args(["-c", "import socket; socket.recv_fds"]).status();
        assert!(
            python.is_ok_and(|status| status.success()),
            "this test needs python3, 3.9 or later: `apt-get install python3`"
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_heirloom"));
        command.args(["run", "-o", "json", "--listen", "127.0.0.1:0", "--settle", "100ms", "--warm", "0s"]);
        let place = tempfile::tempdir().unwrap();
        command.env("HEIRLOOM_SOCKET", place.path().join("control.sock"));
        let mut child = command.args(arguments).stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, reports) = channel();
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Master { child, reports, heard: Vec::new(), _place: place }
    }

    /// Waits for the next report that is `wanted`.
    pub(crate) fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let Ok(line) = self.reports.recv_timeout(LIMIT) else {
                let last = self.heard.len().saturating_sub(60);
                panic!("waited in vain for {what}:\n{}", self.heard[last..].join("\n"));
            };
            let report: Value = serde_json::from_str(&line).unwrap();
            self.heard.push(line);
            if wanted(&report) {
                return report;
            }
        }
    }

    /// Waits for a notice of this name.
    pub(crate) fn notice(&mut self, name: &str) -> Value {
        self.wait(name, |report| report["notice"] == name)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// How long the longest report was.
    #[allow(dead_code, reason = "not every test asks")]
    pub(crate) fn longest(&self) -> usize {
        self.heard.iter().map(String::len).max().unwrap_or_default()
    }

    /// Ends it, and says how many reports there were of this name.
    #[allow(dead_code, reason = "not every test asks")]
    pub(crate) fn stop(mut self, name: &str) -> usize {
        self.signal(Signal::SIGTERM);
        self.notice("ended");
        assert!(self.child.wait().unwrap().success());
        let named = |line: &&String| serde_json::from_str::<Value>(line).is_ok_and(|report| report["notice"] == name);
        self.heard.iter().filter(named).count()
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        // Asked twice it takes its workers along; killed it could not.
        for _ in 0..2 {
            let _ = kill(self.pid(), Signal::SIGTERM);
            let _ = self.reports.recv_timeout(Duration::from_millis(100));
        }
        while self.reports.recv_timeout(Duration::from_secs(5)).is_ok() {}
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of this package.
pub(crate) fn file(path: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path).display().to_string()
}
