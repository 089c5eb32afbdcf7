//! Terminals: the controlling one, its keys, who is in its foreground; and such as we make ourselves, for programs that write
//! in colour to nothing else.

#![allow(unsafe_code, reason = "a terminal's size has no safe interface in nix")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;
use nix::pty::{Winsize, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::termios::{LocalFlags, OutputFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// Whether this process has a controlling terminal that is still there.
pub(crate) fn is_there() -> bool {
    let flags = libc::O_NOCTTY | libc::O_CLOEXEC | libc::O_NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags).open("/dev/tty").is_ok()
}

/// Whether a signal was ignored when this process started, as `nohup` does with SIGHUP.
pub(crate) fn is_ignored(signal: i32) -> io::Result<bool> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0");
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap_or(0);
    Ok(ignored & (1 << (signal - 1)) != 0)
}

/// Its columns and rows.
pub(crate) type Size = (u16, u16);

/// A terminal of our own: the end to read from, which does not block, and the one to write to. What is written to it
/// comes as it is.
pub(crate) fn pair((columns, rows): Size) -> io::Result<(OwnedFd, OwnedFd)> {
    let ours = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let flags = libc::O_NOCTTY | libc::O_CLOEXEC;
    let theirs = OpenOptions::new().read(true).write(true).custom_flags(flags).open(ptsname_r(&ours)?)?;
    let mut modes = tcgetattr(&theirs)?;
    modes.output_flags.remove(OutputFlags::OPOST);
    tcsetattr(&theirs, SetArg::TCSANOW, &modes)?;
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the ioctl reads one structure, which lives until it returns.
    if unsafe { libc::ioctl(theirs.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((OwnedFd::from(ours), theirs.into()))
}

/// The controlling terminal, whose modes and foreground are put back when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    tty: File,
    /// As the kernel has them: nix's own cannot be shared.
    modes: libc::termios,
    foreground: Pid,
}

impl Held {
    /// None when there is no controlling terminal, or somebody else is in its foreground.
    pub(crate) fn take() -> io::Result<Option<Held>> {
        let flags = libc::O_NOCTTY | libc::O_CLOEXEC | libc::O_NONBLOCK;
        let Ok(tty) = OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/tty") else {
            return Ok(None);
        };
        Held::of(tty)
    }

    fn of(tty: File) -> io::Result<Option<Held>> {
        let foreground = tcgetpgrp(&tty)?;
        if foreground != getpgrp() {
            return Ok(None);
        }
        let modes = tcgetattr(&tty)?.into();
        Ok(Some(Held { tty, modes, foreground }))
    }

    /// Each key comes as it is pressed, and is not shown. Signals (Ctrl-C) and output stay as they are.
    pub(crate) fn key_by_key(&self) -> io::Result<()> {
        let mut modes = Termios::from(self.modes);
        modes.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO);
        modes.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        modes.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        self.set(&modes)
    }

    /// Puts a process group into the foreground.
    pub(crate) fn give_to(&self, group: Pid) -> io::Result<()> {
        from_the_background(|| Ok(tcsetpgrp(&self.tty, group)?))
    }

    /// Puts modes and foreground back.
    pub(crate) fn put_back(&self) -> io::Result<()> {
        let given = self.give_to(self.foreground);
        self.set(&Termios::from(self.modes)).and(given)
    }

    /// What was typed.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.tty).read(buffer)
    }

    fn set(&self, modes: &Termios) -> io::Result<()> {
        from_the_background(|| Ok(tcsetattr(&self.tty, SetArg::TCSANOW, modes)?))
    }
}

impl AsRawFd for Held {
    fn as_raw_fd(&self) -> i32 {
        self.tty.as_raw_fd()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.put_back(); // a terminal that has gone needs nothing back
    }
}

/// Puts this process, which leads a group, into the foreground of the controlling terminal, and gives that.
pub(crate) fn come_to_the_foreground() -> io::Result<OwnedFd> {
    let flags = libc::O_NOCTTY | libc::O_CLOEXEC;
    let tty = OpenOptions::new().read(true).write(true).custom_flags(flags).open("/dev/tty")?;
    from_the_background(|| Ok(tcsetpgrp(&tty, getpgrp())?))?;
    Ok(tty.into())
}

/// Whoever changes a terminal from its background is stopped, unless he blocks the signal.
fn from_the_background<T>(change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let mask = SigSet::from(Signal::SIGTTOU).thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let changed = change();
    mask.thread_set_mask()?;
    changed
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_written_to_a_terminal_of_our_own_comes_as_it_is() {
        let (ours, theirs) = pair((100, 30)).expect("a terminal");
        File::from(theirs).write_all(b"\x1b[31mred\x1b[0m\n").expect("it is written");
        let mut buffer = [0; 100];
        let count = nix::unistd::read(&ours, &mut buffer).expect("it has come");
        assert_eq!(&buffer[..count], b"\x1b[31mred\x1b[0m\n");
    }

    #[test]
    fn the_program_sees_the_size_that_it_was_given() {
        let (_ours, theirs) = pair((100, 30)).expect("a terminal");
        let size = std::process::Command::new("stty").arg("size").stdin(theirs).output().expect("stty runs");
        assert_eq!(String::from_utf8_lossy(&size.stdout).trim(), "30 100");
    }

    /// Set where the next test is started anew, on a terminal.
    const ON_A_TERMINAL: &str = "HEIRLOOM_TEST_ON_A_TERMINAL";

    #[test]
    fn a_panic_gives_the_terminal_back() {
        if std::env::var_os(ON_A_TERMINAL).is_some() {
            let held = Held::take().expect("the system lets us").expect("it is ours");
            held.key_by_key().expect("it is a terminal");
            assert_ne!(tcgetattr(&held.tty).expect("it has modes"), Termios::from(held.modes));
            panic!("as it was meant");
        }
        let (_ours, theirs) = pair((80, 24)).expect("a terminal");
        let before = tcgetattr(&theirs).expect("it has modes");
        let ended = std::process::Command::new("setsid")
            .args(["--ctty", "--wait"])
            .arg(std::env::current_exe().expect("a program"))
            .args(["--exact", "sys::terminal::tests::a_panic_gives_the_terminal_back", "--nocapture"])
            .env(ON_A_TERMINAL, "1")
            .stdin(theirs.try_clone().expect("another descriptor"))
            .output()
            .expect("setsid runs");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success() && said.contains("as it was meant"), "{said}");
        assert_eq!(tcgetattr(&theirs).expect("it has modes"), before);
    }
}
