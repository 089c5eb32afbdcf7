//! What a worker may do, and how the system treats it: user, umask, limits, priorities. The launcher sets it all.

use std::collections::BTreeMap;
use std::time::Duration;
use std::{fmt, fs, io, thread};

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use serde::{Deserialize, Serialize};

use super::Credentials;

/// The nice value of a session, where there is one.
const AUTOGROUP: &str = "/proc/self/autogroup";
/// How long the kernel wants between two changes of it, and how often it is tried.
const TURN: Duration = Duration::from_millis(100);
const TURNS: u32 = 50;

/// A worker's world, as the user wrote it; what he does not say is as it is for the master.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// Whose rights it has: a name or a number.
    pub user: Option<String>,
    /// Its group, if not the user's own: a name or a number.
    pub group: Option<String>,
    /// What its new files may not be.
    pub umask: Option<u32>,
    /// How much it yields to others: from -20, not at all, to 19.
    pub nice: Option<i8>,
    /// How soon it is killed when memory runs out: from -1000, never, to 1000.
    pub oom_score_adj: Option<i16>,
    /// Nothing that it executes can have more rights than it has.
    pub no_new_privs: bool,
    /// How much it may have of what.
    pub limits: BTreeMap<Limit, Bounds>,
}

/// A limit, soft and hard: none is none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Where it begins to hurt; the worker may raise it up to the hard one.
    pub soft: Option<u64>,
    /// What the worker cannot raise.
    pub hard: Option<u64>,
}

/// Of what there are limits (setrlimit(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the manual page of setrlimit has the names")]
pub enum Limit {
    As,
    Core,
    Cpu,
    Data,
    Fsize,
    Locks,
    Memlock,
    Msgqueue,
    Nofile,
    Nproc,
    Rtprio,
    Sigpending,
    Stack,
}

impl World {
    /// Makes it so for this process, which is about to become the worker. The error is a sentence.
    pub(super) fn enter(&self, credentials: Option<&Credentials>) -> Result<(), String> {
        let fault = |what: String| move |error: nix::Error| format!("cannot set {what}: {}", error.desc());
        if let Some(score) = self.oom_score_adj {
            let set = fs::write("/proc/self/oom_score_adj", score.to_string());
            set.map_err(|error| format!("cannot set oom_score_adj to {score}: {error}"))?;
        }
        if let Some(nice) = self.nice {
            set_nice(nice).map_err(|error| format!("cannot set nice to {nice}: {error}"))?;
        }
        for (limit, Bounds { soft, hard }) in &self.limits {
            let number = |bound: Option<u64>| bound.unwrap_or(nix::libc::RLIM_INFINITY);
            setrlimit(limit.resource(), number(*soft), number(*hard)).map_err(fault(format!("the limit {limit}")))?;
        }
        if let Some(mask) = self.umask {
            umask(Mode::from_bits_truncate(mask));
        }
        if let Some(credentials) = credentials {
            credentials.enter().map_err(fault(format!("the user to {}", credentials.uid)))?;
        }
        if self.no_new_privs {
            nix::sys::prctl::set_no_new_privs().map_err(fault("no_new_privs".into()))?;
        }
        Ok(())
    }
}

#[allow(unsafe_code)]
fn set_nice(nice: i8) -> io::Result<()> {
    // SAFETY: it takes numbers only; 0 is this process.
    if unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, i32::from(nice)) } != 0 {
        return Err(io::Error::last_os_error());
    }
    set_nice_of_the_session(nice)
}

/// Where the kernel shares the processor by session, a process's own nice counts within its session only (sched(7), "The
/// autogroup feature"), and a worker is alone in its own.
fn set_nice_of_the_session(nice: i8) -> io::Result<()> {
    let leads = nix::unistd::getsid(None)? == nix::unistd::getpid(); // one in the foreground is in the user's
    if !leads {
        return Ok(());
    }
    for _ in 0..TURNS {
        match fs::write(AUTOGROUP, nice.to_string()) {
            // Without CAP_SYS_ADMIN the whole system has one turn in a tenth of a second, and nothing tells whose it is.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(TURN),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()), // a kernel without autogroups
            set => return set,
        }
    }
    Err(io::Error::new(io::ErrorKind::WouldBlock, "others have set theirs for seconds, and there is one turn for all"))
}

impl Limit {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Limit); 13] = [
        ("as", Limit::As),
        ("core", Limit::Core),
        ("cpu", Limit::Cpu),
        ("data", Limit::Data),
        ("fsize", Limit::Fsize),
        ("locks", Limit::Locks),
        ("memlock", Limit::Memlock),
        ("msgqueue", Limit::Msgqueue),
        ("nofile", Limit::Nofile),
        ("nproc", Limit::Nproc),
        ("rtprio", Limit::Rtprio),
        ("sigpending", Limit::Sigpending),
        ("stack", Limit::Stack),
    ];

    fn resource(self) -> Resource {
        match self {
            Limit::As => Resource::RLIMIT_AS,
            Limit::Core => Resource::RLIMIT_CORE,
            Limit::Cpu => Resource::RLIMIT_CPU,
            Limit::Data => Resource::RLIMIT_DATA,
            Limit::Fsize => Resource::RLIMIT_FSIZE,
            Limit::Locks => Resource::RLIMIT_LOCKS,
            Limit::Memlock => Resource::RLIMIT_MEMLOCK,
            Limit::Msgqueue => Resource::RLIMIT_MSGQUEUE,
            Limit::Nofile => Resource::RLIMIT_NOFILE,
            Limit::Nproc => Resource::RLIMIT_NPROC,
            Limit::Rtprio => Resource::RLIMIT_RTPRIO,
            Limit::Sigpending => Resource::RLIMIT_SIGPENDING,
            Limit::Stack => Resource::RLIMIT_STACK,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Limit::ALL[*self as usize].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_called_by_their_own_names() {
        assert!(Limit::ALL.iter().all(|(name, limit)| limit.to_string() == *name));
    }
}
