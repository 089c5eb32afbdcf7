//! The promise: `heirloom demo` shows it all, ends by itself, and leaves nothing behind.

mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use heirloom::load::{Load, Plan};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;
use support::{LIMIT, end_all, marked_processes};

/// A demo that runs.
struct Demo {
    child: Child,
    mark: String,
}

impl Demo {
    fn start(options: &[&str], prepare: impl FnOnce(&mut Command)) -> Demo {
        static LATEST: AtomicU32 = AtomicU32::new(0);
        let number = LATEST.fetch_add(1, Ordering::Relaxed);
        let mark = format!("HEIRLOOM_TEST={}-demo-{number}", std::process::id());
        let (name, value) = mark.split_once('=').expect("a mark is a variable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_heirloom"));
        command.arg("demo").args(options).env(name, value).env("TERM", "xterm-256color").env_remove("NO_COLOR");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        prepare(&mut command);
        Demo { child: command.spawn().expect("the program starts"), mark }
    }

    /// What it prints, where that is no terminal.
    fn lines(&mut self) -> Lines<BufReader<ChildStdout>> {
        BufReader::new(self.child.stdout.take().expect("it is piped")).lines()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).expect("it is there");
    }

    /// Waits until it has ended; nothing of it is left then.
    fn wait(mut self) -> ExitStatus {
        let status = self.child.wait().expect("it ends");
        assert_eq!(marked_processes(&self.mark), [] as [String; 0], "they are left behind");
        status
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        end_all(&self.mark);
        let _ = self.child.wait(); // it may have been waited for
    }
}

/// The next line with these words. (nextest ends a test whose line never comes.)
fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, words: &str) -> String {
    let found = lines.map_while(Result::ok).find(|line| line.contains(words));
    found.unwrap_or_else(|| panic!("it has ended, and never said {words:?}"))
}

/// A terminal of 80×24, of which the demo has the one end and the test the other.
struct Terminal {
    ours: File,
    before: Termios,
    /// What has been read behind what was waited for.
    rest: Vec<u8>,
}

impl Terminal {
    fn open() -> (Terminal, OwnedFd) {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let ends = openpty(Some(&size), None).expect("a terminal");
        for end in [&ends.master, &ends.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("it is open");
        }
        let before = tcgetattr(&ends.slave).expect("it has modes");
        (Terminal { ours: ends.master.into(), before, rest: Vec::new() }, ends.slave)
    }

    fn demo(&self, theirs: &OwnedFd) -> Demo {
        let theirs = || theirs.try_clone().expect("another descriptor");
        Demo::start(&[], |command| {
            command.stdin(theirs()).stdout(theirs()).stderr(theirs());
        })
    }

    /// Reads until these bytes have come, and gives all up to there.
    fn wait_for(&mut self, words: &str) -> String {
        let (mut seen, mut piece) = (std::mem::take(&mut self.rest), [0; 4096]);
        loop {
            if let Some(at) = seen.windows(words.len()).position(|some| some == words.as_bytes()) {
                self.rest = seen.split_off(at + words.len());
                return String::from_utf8_lossy(&seen).into_owned();
            }
            let text = String::from_utf8_lossy(&seen).into_owned();
            let mut watched = [PollFd::new(self.ours.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut watched, PollTimeout::try_from(LIMIT).expect("a minute")).expect("it is open");
            assert!(ready > 0, "no {words:?} in:\n{text}");
            let read = self.ours.read(&mut piece).unwrap_or_else(|error| panic!("no {words:?} ({error}) in:\n{text}"));
            seen.extend_from_slice(&piece[..read]);
        }
    }

    fn is_as_it_was(&self) {
        assert_eq!(tcgetattr(&self.ours).expect("it has modes"), self.before);
    }
}

const ALTERNATE: &str = "\x1b[?1049h";
const NORMAL: &str = "\x1b[?1049l";
const CURSOR: &str = "\x1b[?25h";

#[test]
fn without_a_terminal_it_tells_a_line_a_step_and_then_serves_on_if_it_should() {
    let mut demo = Demo::start(&["--serve"], |command| {
        command.stderr(Stdio::piped());
    });
    let mut lines = demo.lines();
    for words in [
        "heirloom demo: master with pid",
        "✔ start ",
        "✔ reload ",
        "↩ a release that crashes ",
        "↩ a release that hangs ",
        "✔ kill -9 of a worker ",
        "✔ a last reload ",
        " requests answered, 0 failed, in ",
        "Try next",
    ] {
        let line = wait_for(&mut lines, words);
        assert!(!line.contains('\x1b'), "{line:?} is for a terminal");
    }
    let curl = wait_for(&mut lines, "curl http://");
    let address = curl.trim().trim_start_matches("curl http://").trim_end_matches('/');
    let address: SocketAddr = address.parse().expect("an address");
    assert_eq!(wait_for(&mut lines, "kill -HUP ").trim(), format!("kill -HUP {}", demo.child.id()));
    let answer = || {
        let load = Load::start(Plan { most: Some(1), ..Plan::on(address) }).expect("it starts");
        load.wait_for_the_end(LIMIT).expect("it ends").by_answer.into_keys().next()
    };
    assert_eq!(answer().as_deref(), Some("generation 5"));
    demo.signal(Signal::SIGHUP);
    let mut said = BufReader::new(demo.child.stderr.take().expect("it is piped")).lines();
    wait_for(&mut said, "generation 6 serves");
    assert_eq!(answer().as_deref(), Some("generation 6"));
    demo.signal(Signal::SIGTERM);
    wait_for(&mut said, "stopped");
    assert_eq!(demo.wait().code(), Some(0));
}

#[test]
fn as_json_it_tells_what_came_of_each_step_and_each_request() {
    let mut demo = Demo::start(&["--output", "json"], |_| {});
    let printed: Vec<String> = demo.lines().map_while(Result::ok).collect();
    let [report] = &printed[..] else { panic!("{printed:?}") };
    let report: serde_json::Value = serde_json::from_str(report).expect("it is JSON");
    assert_eq!(report["ok"], true, "{report:#}");
    let step = |name: &str| {
        let steps = report["steps"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["step"] == name).expect("a step");
        (step["outcome"].as_str().expect("an outcome"), step["generation"].as_u64().expect("a generation"))
    };
    let steps = ["start", "reload", "crash", "hang", "kill", "last_reload"].map(step);
    let promoted = [("promoted", 1), ("promoted", 2), ("promoted", 5)];
    assert_eq!([steps[0], steps[1], steps[5]], promoted);
    assert_eq!(steps[2..5], [("given_up", 3), ("given_up", 4), ("replaced", 2)]);
    let requests = &report["requests"];
    assert_eq!((&requests["failed"], &requests["failures"]), (&0.into(), &serde_json::json!({})));
    let sum =
        |by: &str| -> u64 { requests[by].as_object().expect("counts").values().filter_map(|it| it.as_u64()).sum() };
    let answered = requests["answered"].as_u64().expect("a count");
    assert!(answered > 0);
    assert_eq!((sum("by_kind"), sum("by_generation")), (answered, answered));
    let kinds: Vec<_> = requests["by_kind"].as_object().expect("counts").keys().collect();
    assert_eq!(kinds, ["keep_alive", "long", "one_shot"]);
    let generations: Vec<_> = requests["by_generation"].as_object().expect("counts").keys().collect();
    assert_eq!(generations, ["1", "2", "5"], "who was given up has met no client");
    assert_eq!(demo.wait().code(), Some(0));
}

#[test]
fn on_a_terminal_it_shows_a_picture_ends_by_itself_and_gives_the_terminal_back() {
    let (mut terminal, theirs) = Terminal::open();
    let demo = terminal.demo(&theirs);
    let picture = terminal.wait_for(NORMAL);
    assert!(picture.contains(ALTERNATE));
    assert!(picture.contains("generation"), "bars have names");
    let summary = terminal.wait_for("what became of it\r\n");
    for words in ["✔", "↩", " requests answered", "0 failed", "Try next"] {
        assert!(summary.contains(words), "{words:?} is missing in:\n{summary}");
    }
    assert!(!summary.contains(ALTERNATE));
    assert!(
        picture.rfind(CURSOR) > picture.rfind("\x1b[?25l") || summary.contains(CURSOR),
        "the cursor is shown again"
    );
    assert_eq!(demo.wait().code(), Some(0));
    terminal.is_as_it_was();
}

#[test]
fn term_in_the_middle_ends_all_of_it() {
    let mut demo = Demo::start(&[], |_| {});
    let mut lines = demo.lines();
    wait_for(&mut lines, "✔ reload ");
    demo.signal(Signal::SIGTERM);
    wait_for(&mut lines, "the demo was interrupted");
    lines.for_each(drop);
    assert_eq!(demo.wait().code(), Some(1));
}

#[test]
fn a_signal_or_a_key_in_the_middle_gives_the_terminal_back() {
    type End = fn(&Demo, &mut Terminal);
    let ends: [End; 3] = [
        |demo, _| demo.signal(Signal::SIGTERM),
        |_, terminal| terminal.ours.write_all(b"\x03").expect("it is typed"),
        |_, terminal| terminal.ours.write_all(b"q").expect("it is typed"),
    ];
    for end in ends {
        let (mut terminal, theirs) = Terminal::open();
        let demo = terminal.demo(&theirs);
        terminal.wait_for("serving");
        end(&demo, &mut terminal);
        let last = terminal.wait_for("Try next");
        assert!(last.contains(NORMAL) && last.contains(CURSOR), "{last:?}");
        // Nobody holds up a demo that still has something to print.
        drop(theirs);
        while terminal.ours.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
        assert_eq!(demo.wait().code(), Some(1));
        terminal.is_as_it_was();
    }
}

#[test]
fn a_dumb_terminal_gets_lines() {
    let (mut terminal, theirs) = Terminal::open();
    let with = || theirs.try_clone().expect("another descriptor");
    let demo = Demo::start(&[], |command| {
        command.env("TERM", "dumb").stdin(with()).stdout(with()).stderr(with());
    });
    let said = terminal.wait_for("start");
    assert!(!said.contains(ALTERNATE), "{said:?}");
    demo.signal(Signal::SIGTERM);
    terminal.wait_for("reload it");
    assert_eq!(demo.wait().code(), Some(1));
}
