//! The program: reads arguments, wires the parts, prints.

mod arguments;
mod commands;
mod exit_code;
mod pid_file;
mod reading;
mod show;

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::Parser;

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
    }
}

/// What goes wrong inside is logged to standard error; `HEIRLOOM_LOG=debug` shows more.
fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HEIRLOOM_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
}
