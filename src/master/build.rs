//! A command that makes what is to run, before a generation is resolved. It runs on a thread that may block, is ended when
//! its generation is given up, and must not know why.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io::{self, PipeReader};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::output::Lines;
use super::release_error::ReleaseError;
use super::report::Deed;
use crate::supervision::{Exit, GenerationId};
use crate::sys::process::Ended;
use crate::sys::shell::Shell;
use crate::sys::{files, terminal};

/// So many of its last lines are kept for whoever asks why it failed.
const KEPT_LINES: usize = 200;

/// A command that makes what is to run, before each generation is resolved. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Build {
    command: OsString,
    environment: BTreeMap<OsString, OsString>,
    /// One at a time: the one that was given up has to end first.
    turn: Arc<Mutex<()>>,
    skip: Arc<AtomicBool>,
}

impl Build {
    /// A command for the shell.
    pub fn new(command: impl Into<OsString>) -> Build {
        Build { command: command.into(), environment: BTreeMap::new(), turn: Arc::default(), skip: Arc::default() }
    }

    /// With this variable, besides those of this process.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Build {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// The next generation does without.
    pub fn skip_once(&self) {
        self.skip.store(true, Ordering::Relaxed);
    }

    /// Runs it to its end, unless it is cancelled: then it has ended all the same when this returns.
    pub(super) fn run(&self, job: &Job<'_>, tell: &mut dyn FnMut(Deed)) -> Result<(), ReleaseError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.skip.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let generation = job.generation;
        let command = self.command.to_string_lossy().into_owned();
        tell(Deed::Building { generation, command });
        let began = Instant::now();
        let (mut lines, mut kept) = (Lines::default(), VecDeque::new());
        let mut say = |said: Vec<String>| {
            for line in said {
                if kept.len() == KEPT_LINES {
                    kept.pop_front();
                }
                kept.push_back(line.clone());
                tell(Deed::BuildLine { generation, line });
            }
        };
        let unable = |source| ReleaseError::Build { why: format!("cannot be run: {source}"), lines: Vec::new() };
        let shell = Shell { command: &self.command, directory: job.directory, environment: &self.environment };
        let output = job.output().map_err(unable)?;
        let ended = shell.run(output, job.cancelled.as_fd(), |bytes| say(lines.split(bytes))).map_err(unable)?;
        say(lines.rest().into_iter().collect());
        match ended {
            Some(Ended::Status(0)) => tell(Deed::Built { generation, seconds: began.elapsed().as_secs_f64() }),
            Some(ended) => return Err(ReleaseError::Build { why: exit(ended).to_string(), lines: kept.into() }),
            None => return Err(ReleaseError::Build { why: "is not wanted any more".into(), lines: Vec::new() }),
        }
        Ok(())
    }
}

/// One run of it.
pub(super) struct Job<'a> {
    pub(super) generation: GenerationId,
    pub(super) directory: &'a Path,
    /// Its end of file means that nobody waits any more.
    pub(super) cancelled: &'a PipeReader,
    /// It writes to a terminal of this size.
    pub(super) terminal: Option<terminal::Size>,
}

impl Job<'_> {
    fn output(&self) -> io::Result<(std::os::fd::OwnedFd, std::os::fd::OwnedFd)> {
        self.terminal.map_or_else(files::pipe, terminal::pair)
    }
}

fn exit(ended: Ended) -> Exit {
    match ended {
        Ended::Status(status) => Exit::Status(status),
        Ended::Signal(signal) => Exit::Signal(signal.as_str().to_owned()),
    }
}
