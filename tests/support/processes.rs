//! Processes as /proc shows them: who has a mark, who is whose child, what is open.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn has_mark(pid: u32, mark: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes()))
}

/// The processes that have this variable, as `PID COMMAND LINE`.
pub(crate) fn marked_processes(mark: &str) -> Vec<String> {
    let described = |pid: u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        format!("{pid} {}", String::from_utf8_lossy(&line).replace('\0', " "))
    };
    pids().filter(|&pid| has_mark(pid, mark)).map(described).collect()
}

/// Ends all processes that have this variable: they are the test's own.
pub(crate) fn end_all(mark: &str) {
    for pid in pids().filter(|&pid| has_mark(pid, mark)) {
        let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL); // it may have ended by itself
    }
}

/// The state and the parent.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut rest = text.rsplit_once(')')?.1.split_whitespace();
    Some((rest.next()?.chars().next()?, rest.next()?.parse().ok()?))
}

/// All but the spare.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    pids().filter(|&pid| stat(pid).is_some_and(|(_, its)| its == parent) && !waits_for_its_scene(pid)).collect()
}

/// The launchers that a master has started beforehand.
pub(crate) fn spares_of(parent: u32) -> Vec<u32> {
    pids().filter(|&pid| stat(pid).is_some_and(|(_, its)| its == parent) && waits_for_its_scene(pid)).collect()
}

fn waits_for_its_scene(pid: u32) -> bool {
    loop {
        match fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default() {
            // It has left one program, and is not in the next one yet.
            line if line.is_empty() && has_not_ended(pid) => std::thread::yield_now(),
            line => return line == b"/proc/self/exe\0__launch\0",
        }
    }
}

/// Whether it is there, and no zombie.
pub(crate) fn has_not_ended(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

pub(crate) fn zombies_of(parent: u32) -> Vec<u32> {
    pids().filter(|&pid| stat(pid) == Some(('Z', parent))).collect()
}

/// What a process has open, without the numbers.
pub(crate) fn descriptors_of(pid: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).expect("it is our child");
    let mut found: Vec<String> =
        entries.filter_map(|entry| Some(fs::read_link(entry.ok()?.path()).ok()?.display().to_string())).collect();
    found.sort();
    found
}
