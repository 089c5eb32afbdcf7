//! One errand, from its start to its end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::sys::errand::{Outcome, Patience, attend};
use crate::sys::files;
use crate::sys::launch::{self, Credentials, Executable, Launched, Launcher, Outlets, Scene, World};
use crate::sys::process::Ended;
use crate::sys::survivors::ERRAND;

/// What is run, and what it finds.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) program: PathBuf,
    /// From argument 0 on.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: BTreeMap<OsString, OsString>,
    pub(crate) directory: PathBuf,
    pub(crate) scenery: Scenery,
    /// How long it may take.
    pub(crate) time: Duration,
    /// How long it may take to end when it is asked to, before it is killed.
    pub(crate) grace: Duration,
}

/// How the system treats it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scenery {
    /// Started by this program's own hidden verb; only then it has a session, and a world, of its own.
    pub(crate) launcher: bool,
    pub(crate) descriptor_limit: Option<(u64, u64)>,
    pub(crate) world: World,
    pub(crate) credentials: Option<Credentials>,
}

/// Why an errand was in vain.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("could not be started: {0}")]
    NotStarted(String),
    #[error("exited with status {0}")]
    Status(i32),
    #[error("was killed by {0}")]
    Signal(&'static str),
    #[error("took longer than {} and was killed", humantime::format_duration(*.0))]
    TooLong(Duration),
    #[error("is not wanted any more")]
    Cancelled,
}

impl Errand {
    /// Runs it to its end, or until somebody closes the other end of `cancelled`. What it writes, on both streams, is
    /// taken as it comes.
    pub(crate) fn run(mut self, cancelled: BorrowedFd<'_>, take: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
        static LATEST: AtomicU64 = AtomicU64::new(0);
        let number = LATEST.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{ERRAND}{}-{number}", std::process::id());
        if let Some((name, value)) = mark.split_once('=') {
            self.environment.insert(name.into(), value.into());
        }
        let time = self.time;
        let patience = Patience { time, grace: self.grace };
        let unable = |error: io::Error| Fault::NotStarted(error.to_string());
        let (output, theirs) = files::pipe().map_err(unable)?;
        let outlets = Outlets::Pipes { error: theirs.try_clone().map_err(unable)?, output: theirs };
        match attend(Some(mark), || self.start(outlets), output, cancelled, patience, take).map_err(unable)? {
            Outcome::Ended(Ended::Status(0)) => Ok(()),
            Outcome::Ended(Ended::Status(status)) => Err(Fault::Status(status)),
            Outcome::Ended(Ended::Signal(signal)) => Err(Fault::Signal(signal.as_str())),
            Outcome::NotStarted(why) => Err(Fault::NotStarted(why)),
            Outcome::TooLong => Err(Fault::TooLong(time)),
            Outcome::Cancelled => Err(Fault::Cancelled),
        }
    }

    fn start(self, outlets: Outlets) -> io::Result<Launched> {
        let Errand { program, arguments, environment, directory, scenery, .. } = self;
        let Scenery { launcher, descriptor_limit, world, credentials } = scenery;
        let scene = Scene {
            executable: Executable::Path(program),
            arguments,
            environment: environment.into_iter().collect(),
            directory,
            descriptors: 0,
            pid_variables: Vec::new(),
            descriptor_limit,
            foreground: false,
            world,
            credentials,
        };
        let nothing = File::open("/dev/null")?;
        match launcher {
            true => Launcher::start(None)?.give(&scene, &nothing, &[], &outlets),
            false => launch::start_directly(&scene, &nothing, nothing.try_clone()?.into(), outlets),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    fn errand(script: &str, time: Duration) -> Errand {
        Errand {
            program: "/bin/sh".into(),
            arguments: ["sh", "-c", script].map(OsString::from).to_vec(),
            environment: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
            directory: "/".into(),
            scenery: Scenery::default(),
            time,
            grace: Duration::ZERO,
        }
    }

    /// Whether it is no more, or only waits to be reaped by whoever has adopted it.
    fn is_over(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    }

    /// Killed, it is not gone at once.
    fn wait_until_over(pid: &str) {
        while !is_over(pid) {
            std::thread::yield_now();
        }
    }

    fn run(script: &str, time: Duration) -> (String, String) {
        let (never, _keep) = io::pipe().expect("a pipe");
        let mut said = Vec::new();
        let end = errand(script, time).run(never.as_fd(), &mut |bytes| said.extend_from_slice(bytes));
        (end.map_or_else(|fault| fault.to_string(), |()| "done".into()), String::from_utf8(said).expect("text"))
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_it_writes_and_how_it_ends_comes_back() {
        assert_eq!(run("echo out; echo err >&2", LONG), ("done".into(), "out\nerr\n".into()));
        assert_eq!(run("exit 7", LONG).0, "exited with status 7");
        assert_eq!(run("kill -9 $$", LONG).0, "was killed by SIGKILL");
        assert_eq!(run("pwd; echo $0 $PATH; cat", LONG).1, "/\nsh /usr/bin:/bin\n");
    }

    #[test]
    fn what_cannot_be_started_says_why() {
        let mut missing = errand("", LONG);
        missing.program = "/no/such/program".into();
        let (never, _keep) = io::pipe().expect("a pipe");
        let fault = missing.run(never.as_fd(), &mut |_| {}).expect_err("it is not there");
        assert!(fault.to_string().starts_with("could not be started: No such file"), "{fault}");
    }

    #[test]
    fn whoever_takes_too_long_is_killed_with_all_that_he_has_started() {
        let (end, said) = run("trap '' TERM; sleep 1000 & echo $!; wait", Duration::from_millis(200));
        assert_eq!(end, "took longer than 200ms and was killed");
        wait_until_over(&said);
    }

    #[test]
    fn an_errand_is_over_when_nobody_waits_for_it_any_more() {
        let (cancelled, cancel) = io::pipe().expect("a pipe");
        let mut cancel = Some(cancel);
        let mut said = String::new();
        let end = errand("sleep 1000 & echo $!; wait", LONG).run(cancelled.as_fd(), &mut |bytes| {
            said.push_str(&String::from_utf8_lossy(bytes));
            cancel.take();
        });
        assert!(matches!(end, Err(Fault::Cancelled)), "{end:?}");
        wait_until_over(&said);
    }

    #[test]
    fn nobody_waits_for_what_it_leaves_running() {
        let (end, said) = run("sleep 1000 & echo $!", LONG);
        assert_eq!(end, "done");
        wait_until_over(&said);
    }
}
