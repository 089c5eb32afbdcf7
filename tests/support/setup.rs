//! What a master is to run, and where: a directory of its own, the arguments, the environment file.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::Master;

/// The program `heirloom`.
pub(crate) const HEIRLOOM: &str = env!("CARGO_BIN_EXE_heirloom");

/// A master that is to be.
pub(crate) struct Setup {
    pub(crate) place: TempDir,
    /// Whatever this master starts has this in its environment.
    pub(crate) mark: String,
    /// The program `heirloom`.
    pub(crate) heirloom: PathBuf,
    pub(crate) listening: Listening,
    /// What the master is started through: `setsid`, `nohup` …
    pub(crate) through: Vec<OsString>,
    options: Vec<OsString>,
    program: Vec<OsString>,
}

/// What the listener of most tests is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listening {
    Tcp,
    Unix,
}

/// The worker of these tests. It is an example, so that `cargo test` and `cargo nextest run` build it; but with
/// `--test NAME` they do not.
pub(crate) fn test_worker() -> PathBuf {
    let path = Path::new(HEIRLOOM).with_file_name("examples").join("test-worker");
    let built = fs::metadata(&path).and_then(|found| found.modified());
    let sources = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worker"));
    let changed = sources.into_iter().flatten().filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok()).max();
    assert!(built.is_ok_and(|built| Some(built) >= changed), "first: cargo build --example test-worker");
    path
}

impl Setup {
    /// A master with one listener, `http`, and the worker of these tests.
    pub(crate) fn on(listening: Listening) -> Setup {
        let mut setup = Setup::bare(listening);
        let at = setup.address_to_ask_for();
        setup.listen(&format!("http={at}"));
        setup.program = vec![test_worker().into(), "--listen".into(), at.into()];
        setup
    }

    pub(crate) fn tcp() -> Setup {
        Setup::on(Listening::Tcp)
    }

    pub(crate) fn unix() -> Setup {
        Setup::on(Listening::Unix)
    }

    /// Neither a listener nor a program.
    pub(crate) fn bare(listening: Listening) -> Setup {
        static LATEST: AtomicU32 = AtomicU32::new(0);
        let place = tempfile::tempdir().expect("a directory");
        fs::create_dir(place.path().join("sockets")).expect("a directory");
        let number = LATEST.fetch_add(1, Ordering::Relaxed);
        let mark = format!("HEIRLOOM_TEST={}-{number}", std::process::id());
        let heirloom = HEIRLOOM.into();
        let setup =
            Setup { place, mark, heirloom, listening, through: Vec::new(), options: Vec::new(), program: Vec::new() };
        setup.release(1, "");
        setup.option("--env-file", "env")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// What the next generation is: its number as a release, and what it does wrong.
    pub(crate) fn release(&self, release: u32, conduct: &str) {
        write_release(self.place.path(), release, conduct);
    }

    #[must_use]
    pub(crate) fn conduct(self, conduct: &str) -> Setup {
        self.release(1, conduct);
        self
    }

    #[must_use]
    pub(crate) fn option(mut self, name: &str, value: impl Into<OsString>) -> Setup {
        self.options.extend([name.into(), value.into()]);
        self
    }

    #[must_use]
    pub(crate) fn workers(self, workers: u32) -> Setup {
        self.option("--workers", workers.to_string())
    }

    /// The shortest waits: for tests that are about something else.
    #[must_use]
    pub(crate) fn brisk(self) -> Setup {
        self.option("--settle", "100ms").option("--warm", "0s")
    }

    #[must_use]
    pub(crate) fn through(mut self, wrapper: &[&str]) -> Setup {
        self.through = wrapper.iter().map(OsString::from).collect();
        self
    }

    /// What to run, instead of the worker with its `--listen`.
    #[must_use]
    pub(crate) fn program(mut self, program: &[&str]) -> Setup {
        self.program = program.iter().map(OsString::from).collect();
        self
    }

    /// Runs the same under another path.
    #[must_use]
    pub(crate) fn program_at(mut self, path: &str) -> Setup {
        self.program[0] = path.into();
        self
    }

    pub(crate) fn listen(&mut self, what: &str) {
        self.options.extend(["--listen".into(), what.into()]);
    }

    /// What the worker asks for: the listener as it is declared.
    pub(crate) fn address_to_ask_for(&self) -> String {
        match self.listening {
            Listening::Tcp => "127.0.0.1:0".into(),
            Listening::Unix => format!("unix:{}", self.path("sockets/http").display()),
        }
    }

    /// `heirloom run` with all that.
    pub(crate) fn command(&self, form: &str) -> Command {
        let line: Vec<OsString> = self.through.iter().cloned().chain([self.heirloom.clone().into()]).collect();
        let mut command = Command::new(&line[0]);
        let (name, value) = self.mark.split_once('=').expect("a mark is a variable");
        command
            .args(&line[1..])
            .args(["run", "--output", form])
            .args(&self.options)
            .arg("--")
            .args(&self.program)
            .current_dir(self.place.path())
            .env("PWD", self.place.path())
            .env(name, value)
            .env("HEIRLOOM_SOCKET", self.path("control.sock"))
            .env_remove("CONDUCT")
            .env_remove("RELEASE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts it, and waits for nothing.
    pub(crate) fn launch(self) -> Master {
        let command = self.command("json");
        Master::start(self, command)
    }

    /// Starts it, and waits until its first generation serves.
    pub(crate) fn start(self) -> Master {
        let master = self.launch();
        master.wait_for_promotion();
        master
    }
}

/// Written beside and renamed: a master may read it at any time.
pub(crate) fn write_release(place: &Path, release: u32, conduct: &str) {
    fs::write(place.join("env.next"), format!("RELEASE={release}\nCONDUCT=\"{conduct}\"\n")).expect("a file");
    fs::rename(place.join("env.next"), place.join("env")).expect("a rename");
}
