//! A project that is worked on: `source` is what is saved, `build.sh` makes `env` of it, and `web` is the program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::support::{Listening, Master, Setup, test_worker};
use super::terminal::{Dev, Terminal};

const BUILD: &str = r"
echo building
if grep -q broken source; then
    printf '\033[31merror\033[0m: the source is broken\n'
    exit 3
fi
if grep -q wait source; then
    echo pid $$
    cat gate
fi
grep = source > env.next
mv env.next env
";

/// A server that takes what it is given, and answers with its version.
const SERVER: &str = r#"
use std::io::{Read, Write};
use std::os::fd::FromRawFd;

fn main() {
    let listener = unsafe { std::net::TcpListener::from_raw_fd(3) };
    listener.set_nonblocking(false).unwrap();
    for client in listener.incoming() {
        let mut client = client.unwrap();
        let _ = client.read(&mut [0; 1024]);
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n1.0 1 VERSION");
    }
}
"#;

/// The directory, and how it is worked on.
pub(crate) struct Project {
    place: tempfile::TempDir,
    /// Whatever it starts has this in its environment.
    mark: String,
    options: Vec<&'static str>,
    program: Vec<&'static str>,
}

impl Project {
    pub(crate) fn new() -> Project {
        let mark = Setup::bare(Listening::Tcp).mark;
        let options = vec!["--listen", "0", "--watch", "source", "--build", "sh build.sh"];
        let place = tempfile::tempdir().expect("a directory");
        let project = Project { place, mark, options, program: vec!["./web"] };
        project.write("build.sh", BUILD);
        project.save("RELEASE=1");
        project.writes_program(&format!("exec {} --listen 127.0.0.1:0", test_worker().display()));
        project
    }

    /// One that Cargo builds, with nothing said about how, nor about what is watched.
    pub(crate) fn of_cargo() -> Project {
        let project = Project { options: vec!["--listen", "0"], program: vec!["./target/debug/web"], ..Project::new() };
        let manifest = "[package]\nname = \"web\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[workspace]\n";
        project.write("Cargo.toml", manifest);
        fs::create_dir(project.path("src")).expect("a directory");
        project.save_server("1");
        project
    }

    /// In place, as some editors do it.
    pub(crate) fn save_server(&self, version: &str) {
        self.write("src/main.rs", &SERVER.replace("VERSION", version));
    }

    /// Only what is there is run; and all that is there is watched.
    pub(crate) fn without_a_build(mut self) -> Project {
        self.options = vec!["--listen", "0"];
        self.write("env", "RELEASE=1\n");
        self
    }

    pub(crate) fn with_a_program_that_asks(self) -> Project {
        let ask = "echo 'who are you?'; read name; echo hello, $name";
        self.writes_program(&format!("{ask}; exec {} --listen 127.0.0.1:0", test_worker().display()));
        self
    }

    pub(crate) fn with_a_page(mut self) -> Project {
        let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/page.py");
        self.writes_program(&format!("exec python3 {} $1", server.display()));
        self.program.push("{fd:http}");
        self.options.push("--livereload=0");
        self
    }

    fn writes_program(&self, what: &str) {
        let hello = r"printf '\033[35ma colour\033[0m\n'";
        let path = self.write("web", &format!("#!/bin/sh\nset -a\n. ./env\n{hello}\n{what}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
    }

    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("a file");
        path
    }

    /// As editors do it.
    pub(crate) fn save(&self, source: &str) {
        let next = self.write("source.next", &format!("{source}\n"));
        fs::rename(next, self.path("source")).expect("a rename");
    }

    /// `heirloom dev`, through something else or not.
    pub(crate) fn command(&self, through: &[&str], options: &[&str]) -> Command {
        let line: Vec<&str> = through.iter().copied().chain([super::support::HEIRLOOM, "dev"]).collect();
        let (name, value) = self.mark.split_once('=').expect("a mark is a variable");
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).args(&self.options).args(options).arg("--").args(&self.program);
        command.current_dir(self.place()).env("PWD", self.place()).env(name, value).env("TERM", "xterm-256color");
        for variable in
            ["PORT", "CARGO_TARGET_DIR", "NO_COLOR", "CLICOLOR_FORCE", "RELEASE", "CONDUCT", "HEIRLOOM_SOCKET"]
        {
            command.env_remove(variable);
        }
        command
    }

    /// Starts it without a terminal, and waits for nothing.
    pub(crate) fn launch_as(&self, form: &str) -> Master {
        let mut command = self.command(&[], &["--output", form]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut setup = Setup::bare(Listening::Tcp);
        setup.mark = self.mark.clone();
        Master::start(setup, command)
    }

    pub(crate) fn launch(&self) -> Master {
        self.launch_as("json")
    }

    /// Starts it without a terminal, and waits until its first generation serves.
    pub(crate) fn start(&self) -> Master {
        let master = self.launch();
        master.wait_for_promotion();
        master
    }

    /// Starts it on a terminal, in its foreground, and waits for nothing.
    pub(crate) fn on_a_terminal(&self, terminal: &Terminal, options: &[&str]) -> Dev {
        let mut command = self.command(&["setsid", "--ctty"], options);
        terminal.lend(&mut command);
        Dev::start(command, self.mark.clone())
    }
}
