//! `heirloom dev`: a save is a reload, and the port stays open.
//!
//! - `project` knows what a project of each kind is made of, `wishes` what the command line makes of that: what is run,
//!   built, watched, and where it listens. Both are pure but for a look at which files are there.
//! - `play` brings master, watcher, keys and pages together; a build is the master's own, a part of resolving a release.
//! - `telling` is a pure state machine: it hears reports and says what a person should read; `screen` shows it, and keeps an
//!   error in sight; `header` is what stands above. `pages` reloads pages in browsers.

mod header;
mod pages;
mod play;
mod project;
mod screen;
mod show;
mod telling;
mod wishes;

use std::ffi::OsString;
use std::path::PathBuf;

use crate::arguments::Form;

pub(crate) use play::dev;

/// Run a program, and reload it whenever a file of its project is saved; the port stays open meanwhile
///
/// Whoever asks during a build, or while the program starts, is answered by the old one, or waits: nobody is refused. A
/// build that fails, or a program that does not start, changes nothing: the old one serves on, and the error stays on the
/// screen until it is mended. The newest save wins: a build that is under way is given up for it.
///
/// On a terminal, keys: r reloads, b builds and reloads, c clears the screen, l shows again all that the last build or
/// failure said, q quits. HUP is a reload with a build, too.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  heirloom dev -- ./target/debug/web
  heirloom dev --listen 3000 --build 'go build -o web .' -- ./web
  heirloom dev -- uvicorn app:asgi --fd {fd:http}")]
pub(crate) struct Dev {
    /// Run this by the shell before each start; '' for nothing
    ///
    /// Without it: `cargo build` for a program in a Cargo project's target directory, and nothing else.
    #[arg(long, value_name = "CMD")]
    build: Option<OsString>,
    /// Watch this file or directory; may be given several times [default: this directory]
    #[arg(long, value_name = "PATH")]
    watch: Vec<PathBuf>,
    /// Only files with these extensions count; '*' for all [default: what such a project is made of]
    #[arg(long, value_name = "EXT", value_delimiter = ',')]
    ext: Vec<String>,
    /// These files do not count: a pattern as in .gitignore; may be given several times
    ///
    /// What git ignores, and what .heirloomignore names, does not count anyway.
    #[arg(long, value_name = "GLOB")]
    ignore: Vec<String>,
    /// Open this address; a port alone is on 127.0.0.1; may be given several times [default: $PORT, or 8000]
    #[arg(long, value_name = "[NAME=]ADDR")]
    listen: Vec<String>,
    /// Let the program have the terminal, for a debugger; there are no keys then
    #[arg(long)]
    stdin: bool,
    /// Reload pages that have the script tag which is printed, when a new generation serves
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "35729")]
    livereload: Option<u16>,
    /// Answer `heirloom status`, `reload` and the rest on this socket
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Lines for people, or one JSON object a line for programs
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: Form,
    /// The program and its arguments
    #[arg(last = true, value_name = "PROGRAM ARGS", required = true)]
    command: Vec<OsString>,
}
