//! The controlling terminal: whether there is one, and whether it has just been closed.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;

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
