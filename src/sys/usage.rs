//! What a process has used so far: processor time and memory, as /proc tells.

use std::fs;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use super::process;

/// What a process has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// In user and kernel mode.
    pub(crate) cpu: Duration,
    /// Bytes that are resident.
    pub(crate) memory: u64,
}

/// Of the process with this pid; none if it has ended, and its pid may be another's. Reads files: not for the loop.
pub(crate) fn of(pid: i32, process: BorrowedFd<'_>) -> Option<Usage> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Asked afterwards: as long as nobody has reaped it, the pid was its own.
    process::is_unreaped(process).then_some(())?;
    parse(&text, number(SysconfVar::CLK_TCK)?, number(SysconfVar::PAGE_SIZE)?)
}

/// Of this process.
pub(crate) fn of_this_process() -> Option<Usage> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    parse(&text, number(SysconfVar::CLK_TCK)?, number(SysconfVar::PAGE_SIZE)?)
}

fn number(variable: SysconfVar) -> Option<u64> {
    u64::try_from(sysconf(variable).ok()??).ok()
}

/// The name stands in parentheses and may hold anything; the fields are counted from what follows.
fn parse(stat: &str, ticks: u64, page: u64) -> Option<Usage> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let cpu = field(11)?.checked_add(field(12)?)?;
    Some(Usage { cpu: Duration::from_millis(cpu * 1000 / ticks.max(1)), memory: field(21)? * page })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 7 8 20 0 1 0 999 1000000 300 18446744073709551615";

    #[test]
    fn a_name_may_hold_anything() {
        let usage = parse(STAT, 100, 4096).expect("it reads");
        assert_eq!(usage, Usage { cpu: Duration::from_secs(3), memory: 300 * 4096 });
        assert_eq!(parse("7 (a) S 1", 100, 4096), None);
    }

    #[test]
    fn this_process_has_used_something() {
        use std::os::fd::AsFd;
        let process = process::open(nix::unistd::Pid::this()).expect("it runs");
        assert!(of(std::process::id().cast_signed(), process.as_fd()).expect("it runs").memory > 0);
    }
}
