//! Calling the program, as a script does and as a person does.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::support::{LIMIT, Master};

/// What a call has told.
pub(crate) struct Told {
    code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

/// The program in a directory, knowing nothing of what is around these tests.
pub(crate) fn command(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heirloom"));
    command.current_dir(place).env_clear().env("PWD", place).env("HOME", place).env("PATH", "/usr/bin:/bin");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Asks that master for something.
pub(crate) fn start(master: &Master, arguments: &[&str]) -> Child {
    let mut command = command(master.setup.place.path(), arguments);
    command.arg("--socket").arg(master.socket()).spawn().expect("it starts")
}

/// Asks that master for something, and waits for the answer.
pub(crate) fn call(master: &Master, arguments: &[&str]) -> Told {
    Told::of(start(master, arguments))
}

/// Asks from a directory and with these variables.
pub(crate) fn call_at(place: &Path, arguments: &[&str], around: &[(&str, &OsStr)]) -> Told {
    Told::of(command(place, arguments).envs(around.iter().copied()).spawn().expect("it starts"))
}

impl Told {
    pub(crate) fn of(child: Child) -> Told {
        let output = child.wait_with_output().expect("it is our child");
        let text = |bytes| String::from_utf8(bytes).expect("it is text");
        Told { code: output.status.code(), out: text(output.stdout), error: text(output.stderr) }
    }

    #[track_caller]
    pub(crate) fn exits_with(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.error);
    }

    /// The first line that holds this.
    #[track_caller]
    pub(crate) fn line_with(&self, what: &str) -> &str {
        let found = self.out.lines().chain(self.error.lines()).find(|line| line.contains(what));
        found.unwrap_or_else(|| panic!("{what:?} is not in\n{}\n{}", self.out, self.error))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.error))
    }
}

/// A terminal in which the program runs.
pub(crate) struct Terminal {
    script: Child,
    pieces: Receiver<Vec<u8>>,
    shown: Vec<u8>,
}

/// Runs a verb in a terminal of its own.
pub(crate) fn in_terminal(master: &Master, verb: &str) -> Terminal {
    let line = format!("exec {} {verb} --socket {}", env!("CARGO_BIN_EXE_heirloom"), master.socket().display());
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(master.setup.place.path());
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = command.spawn().expect("script is there: `apt-get install bsdutils`");
    let mut stdout = script.stdout.take().expect("it is piped");
    let (sender, pieces) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stdout.read(&mut buffer) {
            let _ = sender.send(buffer[..count].to_vec()); // the test may have seen enough
        }
    });
    Terminal { script, pieces, shown: Vec::new() }
}

impl Terminal {
    /// Waits until this has been shown.
    pub(crate) fn wait_for(&mut self, what: &str) {
        let until = Instant::now() + LIMIT;
        while !String::from_utf8_lossy(&self.shown).contains(what) {
            let left = until.saturating_duration_since(Instant::now());
            let piece = self.pieces.recv_timeout(left);
            let piece =
                piece.unwrap_or_else(|_| panic!("{what:?} is not in {:?}", String::from_utf8_lossy(&self.shown)));
            self.shown.extend(piece);
        }
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&mut self) {
        self.script.stdin.as_mut().expect("it is piped").write_all(b"\x03").expect("somebody reads");
    }

    /// Its exit status, and all that was shown.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        while let Ok(piece) = self.pieces.recv_timeout(LIMIT) {
            self.shown.extend(piece);
        }
        let status = self.script.wait().expect("it is our child");
        (status.code(), String::from_utf8_lossy(&self.shown).into_owned())
    }
}
