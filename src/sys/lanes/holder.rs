//! Which process holds a socket, as far as /proc lets us see it: a diagnosis, never a rule.

use std::{fmt, fs, os::unix::ffi::OsStrExt, path::Path};

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its pid.
    pub(crate) pid: i32,
    /// Its name, as in `ps`.
    pub(crate) name: String,
}

impl Holder {
    /// The process with this pid, if there is one in our pid namespace.
    pub(super) fn of(pid: i32) -> Option<Holder> {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some(Holder { pid, name: name.trim_end().to_owned() })
    }

    /// The first process that is seen to hold one of these sockets.
    pub(super) fn of_inodes(inodes: &[u64]) -> Option<Holder> {
        let names: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| holds(*pid, &names)).find_map(Holder::of)
    }

    /// All processes that are seen to hold any of these sockets, with the socket.
    #[cfg(feature = "control")]
    pub(crate) fn all_of(inodes: &std::collections::BTreeSet<u64>) -> Vec<(u64, Holder)> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let mut found = Vec::new();
        for pid in pids {
            let mut held = sockets_of(pid);
            held.retain(|inode| inodes.contains(inode));
            if let Some(holder) = (!held.is_empty()).then(|| Holder::of(pid)).flatten() {
                found.extend(held.into_iter().map(|inode| (inode, holder.clone())));
            }
        }
        found
    }

    /// The first process that is seen to hold a Unix socket that was bound at this path.
    pub(super) fn of_path(path: &Path) -> Option<Holder> {
        let table = fs::read("/proc/net/unix").ok()?;
        let wanted = path.as_os_str().as_bytes();
        let rows = table.split(|byte| *byte == b'\n').filter(|row| row.ends_with(wanted));
        let inodes: Vec<u64> = rows.filter_map(|row| unix_row(row, wanted)).collect();
        Holder::of_inodes(&inodes)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// Whether one of a process's descriptors leads to one of these; no, if we may not look.
fn holds(pid: i32, names: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let mut links = descriptors.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    links.any(|link| names.iter().any(|name| link.as_os_str() == name.as_str()))
}

/// The sockets that a process has open; none, if we may not look.
#[cfg(feature = "control")]
fn sockets_of(pid: i32) -> std::collections::BTreeSet<u64> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

/// The inode in a row of /proc/net/unix ("…: refs protocol flags type state inode path") whose path is this one.
fn unix_row(row: &[u8], path: &[u8]) -> Option<u64> {
    let row = std::str::from_utf8(row.strip_suffix(path)?).ok()?;
    let fields: Vec<&str> = row.split_ascii_whitespace().collect();
    if fields.len() == 7 { fields[6].parse().ok() } else { None }
}
