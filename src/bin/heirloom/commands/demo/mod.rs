//! `heirloom demo`: a master, a small server that the program carries, load on it, and all that can happen to a
//! release, on one screen and in twenty seconds.
//!
//! - `scenario` is the story: steps as data, and a pure state machine that says what to do next. `cast` follows the
//!   generations, `history` the requests; none of the three reads a clock or does anything.
//! - `server` is what the workers run, `release` what is deployed, `embedded` the master on its thread, `traffic` the
//!   load, `mishap` the worker's death.
//! - `play` brings them together and is the only loop. `screen` with `picture/` shows it on a terminal, `lines` elsewhere;
//!   `summary` and `report` tell the end, `verdict` what it was worth.

mod cast;
mod embedded;
mod history;
mod lines;
mod mishap;
mod picture;
mod play;
mod release;
mod report;
mod scenario;
mod screen;
mod server;
mod summary;
mod traffic;
mod verdict;

use crate::arguments::Form;

pub(crate) use play::demo;
pub(crate) use server::demo_server;

/// Show what heirloom does: a server under load, reloaded, with releases that fail, in twenty seconds
///
/// It needs nothing: the server is a part of this program, and all of it stays on the loopback. Where there is no
/// terminal it prints a line a step. It exits with 1 if a request failed, or a step did not end as it should.
#[derive(clap::Args, Debug)]
pub(crate) struct Demo {
    /// Go on serving afterwards, until Ctrl-C: reload it with HUP, ask it with curl
    #[arg(long)]
    serve: bool,
    /// A picture or lines for people, or one JSON object at the end for programs
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: Form,
}
