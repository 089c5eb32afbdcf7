//! The program: reads arguments, wires the parts, prints.

mod arguments;
mod commands;
mod exit_code;
mod pid_file;
mod reading;
mod show;

use std::ffi::OsStr;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Parser;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use arguments::{Arguments, Verb};
use heirloom::master;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).as_deref() == Some(OsStr::new(master::LAUNCH)) {
        std::process::exit(master::launch());
    }
    log();
    let Arguments { verb } = Arguments::parse();
    match verb {
        Verb::Run(run) => commands::run(run).into(),
        Verb::Demo(demo) => commands::demo(demo).into(),
        Verb::DemoServer => commands::demo_server().into(),
    }
}

/// What goes wrong inside is logged to standard error; `HEIRLOOM_LOG=debug`, or `heirloom::master=debug,warn`, shows more.
fn log() {
    // Not `EnvFilter`, whose regular expressions are a sixth of the master's memory.
    let filter = std::env::var("HEIRLOOM_LOG").ok().and_then(|text| Targets::from_str(&text).ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time();
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}
