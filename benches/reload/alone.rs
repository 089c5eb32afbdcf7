//! A server without a master, ended when it is dropped.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::program;
use crate::watch;

/// How long it may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A process, and all that it starts: a group of its own.
pub(crate) struct Alone {
    child: Child,
}

impl Alone {
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Alone> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let name = command.get_program().to_owned();
        Ok(Alone { child: command.spawn().with_context(|| format!("cannot start {}", name.display()))? })
    }

    /// The example, and when it answered first.
    pub(crate) fn example() -> anyhow::Result<(Alone, SocketAddr, Duration)> {
        let address = watch::free_address()?;
        let mut command = Command::new(program::example());
        command.arg(address.to_string());
        let asked = Instant::now();
        let server = Alone::start(command)?;
        let answered = watch::first_answer(address, |_| true)?;
        Ok((server, address, answered - asked))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let _ = nix::sys::signal::kill(self.group(), signal); // if it is gone, its clients tell
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
        let (group, child) = (self.group(), &mut self.child);
        let (ended, end) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                let _ = child.wait();
                let _ = ended.send(()); // unless nobody waits for it any more
            });
            let _ = end.recv_timeout(PATIENCE);
            let _ = killpg(group, Signal::SIGKILL); // it, or what it left behind
        });
    }
}
