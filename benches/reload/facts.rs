//! What the figures were measured on.

use std::fs;
use std::process::Command;

use crate::table::Table;

/// The machine's facts, and which parts were run on it; all, if none is named.
pub(crate) fn table(parts: &[String]) -> Table {
    let mut table = Table::new(&["machine", ""]);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    for (what, fact) in [
        ("processor", format!("{}, {cores} cores", field("/proc/cpuinfo", "model name"))),
        ("memory", format!("{} MiB", kib("MemTotal") / 1024)),
        ("kernel", first_line("/proc/sys/kernel/osrelease")),
        ("compiler", output("rustc", &["--version"])),
        ("Node", output("node", &["--version"])),
        ("heirloom", format!("{} {}", env!("CARGO_PKG_VERSION"), output("git", &["rev-parse", "--short", "HEAD"]))),
        ("date", output("date", &["-u", "+%Y-%m-%d"])),
        ("parts", if parts.is_empty() { "all".to_owned() } else { parts.join(", ") }),
    ] {
        table.row([what.to_owned(), fact.trim().to_owned()]);
    }
    table
}

/// Memory that may be used, in KiB.
pub(crate) fn available_memory() -> u64 {
    kib("MemAvailable")
}

fn kib(name: &str) -> u64 {
    field("/proc/meminfo", name).trim_end_matches(" kB").parse().unwrap_or(0)
}

/// A field of a file with lines like `NAME: VALUE`.
pub(crate) fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let named = |line: &str| Some(line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim().to_owned());
    text.lines().find_map(named).unwrap_or_default()
}

fn first_line(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

/// What a program prints, or nothing.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}
