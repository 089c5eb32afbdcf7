//! The program: reads arguments, wires the parts, prints.

mod arguments;
mod asking;
mod commands;
mod exit_code;
mod log;
mod pid_file;
mod reading;
mod render;
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
    let Arguments { verb } = Arguments::parse();
    if !matches!(verb, Verb::Run(_)) {
        log::start_plainly();
    }
    let code = match verb {
        Verb::Run(run) => commands::run(run),
        Verb::Dev(dev) => commands::dev(dev),
        Verb::Demo(demo) => commands::demo(demo),
        Verb::DemoServer => commands::demo_server(),
        Verb::Reload(reload) => commands::reload(reload),
        Verb::Promote(promote) => commands::promote(promote),
        Verb::Status(status) => commands::status(status),
        Verb::History(history) => commands::history(history),
        Verb::Scale(scale) => commands::scale(scale),
        Verb::Abort(abort) => commands::abort(abort),
        Verb::Rollback(rollback) => commands::rollback(rollback),
        Verb::Pause(pause) => commands::pause(pause),
        Verb::Resume(resume) => commands::resume(resume),
        Verb::Stop(stop) => commands::stop(stop),
        Verb::Events(events) => commands::events(events),
        Verb::Logs(logs) => commands::logs(logs),
        Verb::Sockets(sockets) => commands::sockets(sockets),
        Verb::Check(check) => commands::check(check),
        Verb::Config(config) => commands::config(config),
        Verb::Completions(completions) => commands::completions(completions),
        Verb::Man(man) => commands::man(man),
    };
    code.into()
}
