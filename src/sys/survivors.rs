//! What dead workers leave behind: the rest of their session, and orphans that became our children.
//!
//! Reads /proc, so it belongs on a thread that may block.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::process;

/// What errands have in their environment, and nobody else.
pub(crate) const ERRAND: &str = "HEIRLOOM_ERRAND=";

/// Whom to look for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// The pids of dead workers, each the leader of a session of its own.
    pub(crate) sessions: BTreeSet<i32>,
    /// `NAME=VALUE` in the environment of an orphan that has left its session.
    pub(crate) mark: String,
    /// Our own living workers.
    pub(crate) not: BTreeSet<i32>,
}

/// A process that was left behind, told apart by its start time from a later one of the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Survivor {
    pid: i32,
    started: u64,
}

struct Stat {
    zombie: bool,
    parent: i32,
    session: i32,
    started: u64,
}

/// All that is left.
pub(crate) fn find(search: &Search) -> Vec<Survivor> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| !search.not.contains(pid))
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .filter(|(pid, stat)| !stat.zombie && belongs(*pid, stat, search))
        .map(|(pid, stat)| Survivor { pid, started: stat.started })
        .collect()
}

/// Ends them: each of these can be read when it is over, and the next look tells what they have left behind meanwhile.
pub(crate) fn kill(search: &Search) -> Vec<OwnedFd> {
    let kill = |survivor: Survivor| {
        let process = process::open(Pid::from_raw(survivor.pid)).ok()?;
        let is_the_same = stat(survivor.pid).is_some_and(|stat| stat.started == survivor.started);
        (is_the_same && process::signal(process.as_fd(), Signal::SIGKILL).is_ok()).then_some(process)
    };
    find(search).into_iter().filter_map(kill).collect()
}

fn belongs(pid: i32, stat: &Stat, search: &Search) -> bool {
    if search.sessions.contains(&stat.session) {
        return true;
    }
    let ours = stat.parent == std::process::id().cast_signed();
    ours && fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
        let mut entries = environment.split(|&byte| byte == 0);
        let is_marked = entries.clone().any(|entry| entry == search.mark.as_bytes());
        // An errand is told about a generation, and is none of it.
        let mut is_errand = || entries.any(|entry| entry.starts_with(ERRAND.as_bytes()));
        is_marked && (search.mark.starts_with(ERRAND) || !is_errand())
    })
}

fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything; what follows the last one is numbers.
    let rest: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Stat {
        zombie: matches!(*rest.first()?, "Z" | "X"),
        parent: rest.get(1)?.parse().ok()?,
        session: rest.get(3)?.parse().ok()?,
        started: rest.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_found_in_our_own_session_and_not_when_we_are_excepted() {
        let me = std::process::id().cast_signed();
        let session = nix::unistd::getsid(None).expect("a session").as_raw();
        let mut search = Search { sessions: BTreeSet::from([session]), ..Search::default() };
        assert!(find(&search).iter().any(|survivor| survivor.pid == me));
        search.not.insert(me);
        assert!(!find(&search).iter().any(|survivor| survivor.pid == me));
    }

    #[test]
    fn nobody_is_left_of_a_session_that_never_was() {
        let search = Search { sessions: BTreeSet::from([i32::MAX]), mark: "NO=ONE".into(), ..Search::default() };
        assert_eq!(find(&search), []);
    }
}
