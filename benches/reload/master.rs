//! A master that runs: `heirloom run`, what it says, and what it takes.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use heirloom::master::{Deed, Report, What};
use heirloom::supervision::{GenerationId, Notice};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::program::HEIRLOOM;
use crate::usage::memory_of;

/// Nothing takes longer.
const LIMIT: Duration = Duration::from_secs(120);

/// What a master is to run.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) listeners: usize,
    pub(crate) workers: u32,
    pub(crate) warm: &'static str,
    pub(crate) options: Vec<OsString>,
    /// `{addresses}` stands for the addresses of all listeners.
    pub(crate) program: Vec<OsString>,
}

/// A master, ended when it is dropped.
pub(crate) struct Master {
    child: Child,
    reports: Receiver<Report>,
    pub(crate) address: SocketAddr,
}

impl Setup {
    /// One listener, one worker, the shortest waits.
    pub(crate) fn of(program: impl IntoIterator<Item = impl Into<OsString>>) -> Setup {
        let options = ["--settle", "1ms", "--ready-grace", "120s", "--drain-grace", "120s"];
        Setup {
            listeners: 1,
            workers: 1,
            warm: "0s",
            options: options.map(OsString::from).to_vec(),
            program: program.into_iter().map(Into::into).collect(),
        }
    }

    pub(crate) fn start(self) -> anyhow::Result<Master> {
        let names: Vec<String> = (0..self.listeners).map(|nth| format!("l{nth}")).collect();
        let addresses = names.iter().map(|name| OsString::from(format!("{{addr:{name}}}")));
        let program = self.program.iter().flat_map(|word| match word.to_str() {
            Some("{addresses}") => addresses.clone().collect(),
            _ => vec![word.clone()],
        });
        let mut command = Command::new(HEIRLOOM);
        command
            .args(["run", "--config", "/dev/null", "--output", "json", "--workers", &self.workers.to_string()])
            .args(names.iter().map(|name| format!("--listen={name}=127.0.0.1:0")))
            .args(["--warm", self.warm])
            .args(&self.options)
            .arg("--")
            .args(program);
        Master::start(command)
    }
}

impl Master {
    /// One whose listener is the first that it tells of; it tells in JSON.
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Master> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start heirloom")?;
        let stdout = child.stdout.take().context("it is piped")?;
        let (say, reports) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Ok(report) = serde_json::from_str(&line) {
                    let _ = say.send(report); // read to its end, even if nobody listens
                }
            }
        });
        let mut master = Master { child, reports, address: ([127, 0, 0, 1], 0).into() };
        master.address = master.wait("a listener", |report| match &report.what {
            What::Deeds(Deed::Listening { address, .. }) => address.parse().ok(),
            _ => None,
        })?;
        Ok(master)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn hup(&self) {
        let _ = kill(Pid::from_raw(self.pid().cast_signed()), Signal::SIGHUP); // what follows would tell
    }

    /// Waits for the next report that answers the question.
    pub(crate) fn wait<T>(&self, what: &str, mut answer: impl FnMut(&Report) -> Option<T>) -> anyhow::Result<T> {
        let until = Instant::now() + LIMIT;
        loop {
            let report = self.reports.recv_timeout(until.saturating_duration_since(Instant::now()));
            let report = report.with_context(|| format!("waited for {what}, and it did not come"))?;
            if let Some(found) = answer(&report) {
                return Ok(found);
            }
            if let What::Rules(Notice::GivenUp { reason, .. }) = &report.what {
                bail!("waited for {what}, but: {reason}");
            }
        }
    }

    /// Waits until the next generation serves: which, and since when.
    pub(crate) fn promotion(&self) -> anyhow::Result<(GenerationId, SystemTime)> {
        self.wait("a promotion", |report| match &report.what {
            What::Rules(Notice::Promoted { generation, .. }) => Some((*generation, report.time)),
            _ => None,
        })
    }

    /// Waits until a generation is gone: since when.
    pub(crate) fn gone(&self) -> anyhow::Result<SystemTime> {
        self.wait("the end of a generation", |report| match &report.what {
            What::Rules(Notice::Gone { .. }) => Some(report.time),
            _ => None,
        })
    }

    /// A reload: how long until the new generation serves, and until the old one is gone.
    pub(crate) fn reload(&self) -> anyhow::Result<(Duration, Duration)> {
        let asked = SystemTime::now();
        self.hup();
        let serves = self.promotion()?.1.duration_since(asked)?;
        Ok((serves, self.gone()?.duration_since(asked)?))
    }

    /// What of its memory is resident, in MB, and how much of that no file backs.
    pub(crate) fn memory(&self) -> (f64, f64) {
        (memory_of(self.pid(), "Rss"), memory_of(self.pid(), "Anonymous"))
    }

    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).map_or(0, Iterator::count)
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.pid().cast_signed()), Signal::SIGTERM); // if it is gone, so much the better
        let _ = self.child.wait();
    }
}
