//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use heirloom::master::Declaration;
use heirloom::protocol::Address;

/// Listening sockets, handed down: reload a server without losing a request.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Run(Run),
}

/// Run a program under a master that keeps its listeners open.
///
/// HUP starts a new generation of workers, waits until they are ready, sends new connections to them, and lets the old
/// ones finish. TERM, QUIT and INT stop; a second one stops at once. TTIN and TTOU: one worker more, one less.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  heirloom run --listen 127.0.0.1:8000 --workers 4 -- ./server\n  kill -HUP $(pgrep -x heirloom)"
)]
pub(crate) struct Run {
    /// What this master is called in what it prints
    #[arg(long, value_name = "NAME", default_value = "heirloom")]
    pub(crate) name: String,
    /// Open this address: 8000, 127.0.0.1:8000, [::1]:8000, tcp://…, unix:/path; may be given several times
    ///
    /// Without any, the addresses that workers ask for are opened.
    #[arg(long, value_name = "[NAME=]ADDR")]
    pub(crate) listen: Vec<Listen>,
    /// How many workers; `auto` is one for each CPU
    #[arg(long, short = 'w', value_name = "N|auto", default_value = "1")]
    pub(crate) workers: Workers,
    /// How many generations can live at once; 1 means that all share one socket
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) lanes: u8,
    /// Wait at least so long after sending new connections elsewhere, before anything is drained
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub(crate) settle: Duration,
    /// Keep the previous generation for so long, ready to serve again
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) warm: Duration,
    /// Give a new generation up that is not ready by then
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) ready_grace: Duration,
    /// Kill a worker that has not finished by then
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) drain_grace: Duration,
    /// Let idle connections of an old generation stay open for so long
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) linger: Duration,
    /// Read the workers' environment from this file, anew for each generation
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Write the master's PID to this file, which no second master can have
    #[arg(long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// Lines for people, or one JSON object a line for programs
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
    /// The program and its arguments
    #[arg(required = true, last = true, value_name = "PROGRAM ARGS")]
    pub(crate) command: Vec<OsString>,
}

/// How things are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Text,
    Json,
}

/// `[NAME=]ADDR`.
#[derive(Clone, Debug)]
pub(crate) struct Listen {
    name: Option<String>,
    address: Address,
}

/// A number, or one for each CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workers(pub(crate) u32);

impl Listen {
    pub(crate) fn declaration(self, lanes: u8) -> Declaration {
        let name = self.name.unwrap_or_else(|| self.address.to_string());
        Declaration { lanes: lanes.into(), ..Declaration::new(name, self.address) }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, address) = match text.split_once('=') {
            Some((name, address)) => (Some(name.to_owned()), address),
            None => (None, text),
        };
        if name.as_deref().is_some_and(|name| name.is_empty() || name.contains(|c: char| c == ':' || c.is_control())) {
            return Err("a listener's name is neither empty nor holds a colon".into());
        }
        let address = match address.strip_prefix("unix:").filter(|path| !path.starts_with(['/', '@'])) {
            Some(relative) => std::path::absolute(relative).map(Address::Unix).map_err(|error| error.to_string())?,
            None => address.parse().map_err(|error: heirloom::protocol::AddressError| error.to_string())?,
        };
        Ok(Listen { name, address })
    }
}

impl FromStr for Workers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = match text {
            "auto" => std::thread::available_parallelism().map(|cpus| u32::try_from(cpus.get()).unwrap_or(1)),
            number => {
                return match number.parse() {
                    Ok(0) => Err("at least one worker must work".into()),
                    Ok(number) if number <= 10_000 => Ok(Workers(number)),
                    Ok(_) => Err("more than 10000 workers are too many".into()),
                    Err(_) => Err("write a number, or `auto` for one worker for each CPU".into()),
                };
            }
        };
        number.map(Workers).map_err(|error| format!("the number of CPUs is not known: {error}"))
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match text {
        "0" => Ok(Duration::ZERO),
        text => humantime::parse_duration(text).map_err(|error| format!("{error}; write 500ms, 10s, 2m")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_listener_may_have_a_name() {
        let listen: Listen = "http=127.0.0.1:8000".parse().expect("it parses");
        assert_eq!(listen.declaration(4).name, "http");
        let listen: Listen = "8000".parse().expect("it parses");
        assert_eq!(listen.declaration(4).name, "8000");
        assert!("=8000".parse::<Listen>().is_err());
    }

    #[test]
    fn there_is_no_master_without_workers() {
        assert!("0".parse::<Workers>().is_err());
        assert!("auto".parse::<Workers>().expect("it parses").0 >= 1);
    }
}
