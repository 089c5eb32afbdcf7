//! A terminal with somebody before it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus};

use heirloom::load::Target;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use nix::unistd::Pid;

use super::support::{LIMIT, end_all, marked_processes};

/// Of 100 columns and 30 rows.
pub(crate) struct Terminal {
    ours: File,
    theirs: OwnedFd,
    before: Termios,
    /// What was read and nobody has waited for yet.
    seen: String,
}

impl Terminal {
    pub(crate) fn open() -> Terminal {
        let size = Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let ends = openpty(Some(&size), None).expect("a terminal");
        for end in [&ends.master, &ends.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("it is open");
        }
        let before = tcgetattr(&ends.slave).expect("it has modes");
        Terminal { ours: ends.master.into(), theirs: ends.slave, before, seen: String::new() }
    }

    /// The program has it for all its streams.
    pub(crate) fn lend(&self, command: &mut Command) {
        let theirs = || self.theirs.try_clone().expect("another descriptor");
        command.stdin(theirs()).stdout(theirs()).stderr(theirs());
    }

    pub(crate) fn type_(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).expect("it is typed");
    }

    /// What is shown, up to these words; the next wait begins behind them.
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(words) {
                let rest = self.seen.split_off(at + words.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let mut watched = [PollFd::new(self.ours.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut watched, PollTimeout::try_from(LIMIT).expect("a minute")).expect("it is open");
            assert!(ready > 0, "no {words:?} in:\n{}", self.seen);
            let mut piece = [0; 4096];
            let read =
                self.ours.read(&mut piece).unwrap_or_else(|error| panic!("{error}: no {words:?} in:\n{}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
    }

    /// Where the header says that it listens.
    pub(crate) fn wait_for_an_address(&mut self) -> Target {
        self.wait_for("http://");
        let address = self.wait_for("\r\n");
        let plain: String = address.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
        plain.parse::<SocketAddr>().expect("an address").into()
    }

    fn modes(&self) -> Termios {
        tcgetattr(&self.theirs).expect("it has modes")
    }

    pub(crate) fn is_echoing(&self) -> bool {
        self.modes().local_flags.contains(LocalFlags::ECHO)
    }

    pub(crate) fn is_as_it_was(&self) {
        assert_eq!(self.modes(), self.before);
    }
}

/// A `heirloom dev` on it.
pub(crate) struct Dev {
    child: Child,
    mark: String,
}

impl Dev {
    pub(crate) fn start(mut command: Command, mark: String) -> Dev {
        Dev { child: command.spawn().expect("it starts"), mark }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).expect("it is there");
    }

    /// Waits for its end, and sees that nothing is left. (nextest ends a test whose program does not.)
    pub(crate) fn wait(mut self) -> ExitStatus {
        let status = self.child.wait().expect("it is our child");
        assert_eq!(marked_processes(&self.mark), [] as [String; 0], "they are left behind");
        status
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        end_all(&self.mark);
        let _ = self.child.wait(); // it may have been waited for
    }
}
