//! A running master: ask it, wait for what it says, and see that nothing is left of it.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Instant;

use heirloom::load::Target;
use heirloom::master::{Deed, What};
use heirloom::supervision::{GenerationId, Notice, Reason};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::log::{Log, Said};
use super::processes::{end_all, marked_processes};
use super::setup::{Listening, Setup, write_release};

/// A master that runs.
pub(crate) struct Master {
    pub(crate) setup: Setup,
    pub(crate) log: Log,
    child: Child,
    /// Nobody has waited for it yet.
    running: bool,
}

impl Master {
    pub(crate) fn start(setup: Setup, mut command: Command) -> Master {
        let mut child = command.spawn().expect("the program starts");
        let log = Log::default();
        log.read(child.stdout.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
        Master { setup, log, child, running: true }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.setup.path(name)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().cast_signed()), signal).expect("the master is there");
    }

    pub(crate) fn hup(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// What the next generation is.
    pub(crate) fn release(&self, release: u32, conduct: &str) {
        write_release(self.setup.place.path(), release, conduct);
    }

    /// Asks for a new generation and waits until it serves.
    pub(crate) fn reload(&self) -> GenerationId {
        self.hup();
        self.wait_for_promotion().0
    }

    pub(crate) fn wait_for<T>(&self, what: &str, answer: impl FnMut(&Said) -> Option<T>) -> T {
        self.log.wait_for(what, answer)
    }

    /// Waits for a notice of the rules.
    pub(crate) fn wait_for_notice<T>(&self, what: &str, mut answer: impl FnMut(&Notice) -> Option<T>) -> T {
        self.wait_for(what, |said| match &said.report.what {
            What::Rules(notice) => answer(notice),
            What::Deeds(_) => None,
        })
    }

    /// Waits for a notice of a deed.
    pub(crate) fn wait_for_deed<T>(&self, what: &str, mut answer: impl FnMut(&Deed) -> Option<T>) -> T {
        self.wait_for(what, |said| match &said.report.what {
            What::Deeds(deed) => answer(deed),
            What::Rules(_) => None,
        })
    }

    /// The next generation that serves, and since when.
    pub(crate) fn wait_for_promotion(&self) -> (GenerationId, Instant) {
        let outcome = self.wait_for("a promotion", |said| match &said.report.what {
            What::Rules(Notice::Promoted { generation, .. }) => Some(Ok((*generation, said.at))),
            What::Rules(Notice::GivenUp { generation, reason, .. }) => {
                Some(Err(format!("generation {generation} is given up: {reason}")))
            }
            _ => None,
        });
        outcome.expect("it is promoted")
    }

    /// The next generation that is given up, why, and its last lines.
    pub(crate) fn wait_until_given_up(&self) -> (GenerationId, Reason, Vec<String>) {
        let outcome = self.wait_for("a generation that is given up", |said| match &said.report.what {
            What::Rules(Notice::GivenUp { generation, reason, .. }) => {
                Some(Ok((*generation, reason.clone(), said.report.last_lines.clone())))
            }
            What::Rules(Notice::Promoted { generation, .. }) => Some(Err(format!("generation {generation} serves"))),
            _ => None,
        });
        outcome.expect("it is given up")
    }

    pub(crate) fn wait_until_gone(&self, generation: GenerationId) {
        self.wait_for_notice(&format!("generation {generation} to be gone"), |notice| match notice {
            Notice::Gone { generation: gone } if *gone == generation => Some(()),
            _ => None,
        });
    }

    /// Waits until a worker that the last notice was not about yet is ready; its pid.
    pub(crate) fn wait_until_ready(&self) -> u32 {
        self.wait_for("a worker that is ready", |said| match said.report.what {
            What::Rules(Notice::Ready { .. }) => said.report.pid,
            _ => None,
        })
    }

    /// The notices of the rules so far.
    pub(crate) fn notices(&self) -> Vec<(Notice, Instant)> {
        let rules = |said: Said| match said.report.what {
            What::Rules(notice) => Some((notice, said.at)),
            What::Deeds(_) => None,
        };
        self.log.said().into_iter().filter_map(rules).collect()
    }

    pub(crate) fn deeds(&self) -> Vec<Deed> {
        let deeds = |said: Said| match said.report.what {
            What::Deeds(deed) => Some(deed),
            What::Rules(_) => None,
        };
        self.log.said().into_iter().filter_map(deeds).collect()
    }

    /// The pids of a generation's workers that were started and have not ended, by their slots.
    pub(crate) fn workers_of(&self, wanted: GenerationId) -> Vec<(u32, u32)> {
        let mut living = std::collections::BTreeMap::new();
        for said in self.log.said() {
            match (&said.report.what, said.report.pid) {
                (What::Rules(Notice::Started { generation, slot, worker }), Some(pid)) if *generation == wanted => {
                    living.insert(*worker, (slot.0, pid));
                }
                (What::Rules(Notice::Exited { worker, .. }), _) => drop(living.remove(worker)),
                _ => {}
            }
        }
        let mut found: Vec<(u32, u32)> = living.into_values().collect();
        found.sort_unstable();
        found
    }

    /// Where the listener `http` really is.
    pub(crate) fn target(&self) -> Target {
        match self.setup.listening {
            Listening::Unix => self.path("sockets/http").into(),
            Listening::Tcp => self.address_of("http").into(),
        }
    }

    pub(crate) fn address_of(&self, name: &str) -> SocketAddr {
        let address = |deed: &Deed| match deed {
            Deed::Listening { listener, address, .. } if listener == name => address.parse().ok(),
            _ => None,
        };
        self.deeds().iter().find_map(address).expect("it listens on TCP")
    }

    /// Asks it to stop, waits for its end, and sees that nothing is left.
    pub(crate) fn finish(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.end()
    }

    /// Waits for its end, and sees that nothing is left.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.end()
    }

    fn end(&mut self) -> ExitStatus {
        self.log.wait_for_the_end();
        self.running = false;
        let status = self.child.wait().expect("it is our child");
        let text = self.log.text();
        assert_eq!(marked_processes(&self.setup.mark), [] as [String; 0], "they are left behind; it said:\n{text}");
        assert_eq!(files_in(&self.path("sockets")), [] as [PathBuf; 0], "they are left behind; it said:\n{text}");
        status
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        if !self.running {
            return;
        }
        if std::thread::panicking() {
            eprintln!("the master said:\n{}", self.log.text());
            end_all(&self.setup.mark);
            let _ = self.child.wait(); // whoever ended it, it is our child
            return;
        }
        self.signal(Signal::SIGTERM);
        let status = self.end();
        assert_eq!(status.code(), Some(0), "the master said:\n{}", self.log.text());
    }
}

/// What is in a directory that should be empty.
fn files_in(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("it is there");
    let is_left =
        |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket() || found.is_dir());
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_left).collect()
}
