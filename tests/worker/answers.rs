//! What each path does: most only answer, some break what the worker shares with others.

use std::time::Duration;

use crate::Myself;
use crate::listeners::Listener;

/// What the path asks for; the lines after the first.
pub(crate) async fn to(path: &str, listener: &Listener, me: &Myself) -> String {
    match path.split_once('?').unwrap_or((path, "")) {
        ("/slow", milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds.parse().unwrap_or(0))).await;
            String::new()
        }
        ("/descriptors", _) => me.descriptors.join("\n"),
        ("/environment", _) => {
            let variable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
                format!("{}={}\n", name.to_string_lossy(), value.to_string_lossy())
            };
            std::env::vars_os().map(variable).collect()
        }
        ("/where", _) => {
            let program = std::fs::read_link("/proc/self/exe").unwrap_or_default();
            let arguments: Vec<String> = std::env::args().collect();
            let directory = std::env::current_dir().unwrap_or_default();
            format!("{}\n{}\n{}", program.display(), directory.display(), arguments[0])
        }
        ("/lane", _) => listener.describe(),
        // Only a worker of this generation, if one is named.
        ("/shut", generation) => {
            if me.name.starts_with(&format!("{generation}.")) || generation.is_empty() {
                listener.shut();
            }
            String::new()
        }
        ("/backlog", _) => {
            listener.listen_again();
            listener.describe()
        }
        ("/options", _) => {
            listener.set_options();
            listener.describe()
        }
        ("/orphan", _) => {
            // The shell ends at once; what it has started becomes the master's.
            let shell =
                std::process::Command::new("sh").args(["-c", "(exec 3>alive; exec cat gate >/dev/null) &"]).status();
            assert!(shell.is_ok_and(|status| status.success()));
            String::new()
        }
        ("/print", line) => {
            println!("{line}");
            eprintln!("{line} again");
            String::new()
        }
        _ => String::new(),
    }
}

/// With which status. `sick` and `mute` are conduct; a file `unwell` makes the health of all bad.
pub(crate) async fn status(path: &str) -> &'static str {
    if path != "/healthz" {
        return "200 OK";
    }
    println!("asked for its health");
    let conduct = std::env::var("CONDUCT").unwrap_or_default();
    let is = |word| conduct.split_whitespace().any(|it| it == word);
    if is("mute") {
        std::future::pending::<()>().await;
    }
    if is("sick") || std::path::Path::new("unwell").exists() { "500 Internal Server Error" } else { "200 OK" }
}

/// The descriptors that are open, and what they are.
pub(crate) fn descriptors() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let described = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.ok()?;
        let what = std::fs::read_link(entry.path()).ok()?;
        Some(format!("{} {}", entry.file_name().to_string_lossy(), what.display()))
    };
    let mut found: Vec<String> = entries.filter_map(described).collect();
    found.retain(|it| !it.ends_with(&format!("/proc/{}/fd", std::process::id())));
    found.sort();
    found
}
