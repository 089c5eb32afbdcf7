//! What a process takes: memory, and time of the processor.

use std::fs;

use crate::facts::field;

/// What of a process's memory is resident, in MB of a million bytes. Its maps are exact, where its status is an estimate
/// that may be half a megabyte off.
pub(crate) fn memory_of(pid: u32, line: &str) -> f64 {
    let kib = field(&format!("/proc/{pid}/smaps_rollup"), line);
    kib.trim_end_matches(" kB").parse::<f64>().unwrap_or(f64::NAN) * 1024.0 / 1e6
}

/// What a process and its children have taken so far, in nanoseconds (the first field of schedstat).
pub(crate) fn processor_time(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of_thread = |thread: fs::DirEntry| {
        let read = |name| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        let own = read("schedstat").split_whitespace().next().and_then(|time| time.parse().ok()).unwrap_or(0);
        let children = read("children");
        own + children.split_whitespace().filter_map(|child| child.parse().ok()).map(processor_time).sum::<u64>()
    };
    threads.map(of_thread).sum()
}
