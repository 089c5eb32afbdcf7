//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{self, Demo};
use crate::exit_code;
use crate::log::LogForm;
use heirloom::config::{
    self, Dialect, HealthLayer, Layer, Listener, RolloutLayer, StopSignal, WatchLayer, Workers, World, Wrong,
};
use heirloom::health::{HttpCheck, Scheme};
use heirloom::protocol::Address;
use heirloom::supervision::Strategy;

const FIRST_STEPS: &str = "\
First steps:
  heirloom demo
  heirloom run --listen 127.0.0.1:8000 --workers 2 -- ./server
  heirloom reload
  heirloom status
  heirloom VERB --help";

/// Listening sockets, handed down: reload a server without losing a request.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = format!("{FIRST_STEPS}\n\n{}", exit_code::TABLE))]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it, and it is made once")]
pub(crate) enum Verb {
    Run(Run),
    Dev(commands::Dev),
    Demo(Demo),
    /// What the demo's workers are.
    #[command(hide = true)]
    DemoServer,
    Reload(commands::Reload),
    Promote(commands::Promote),
    Status(commands::Status),
    History(commands::History),
    Scale(commands::Scale),
    Abort(commands::Abort),
    Rollback(commands::Rollback),
    Pause(commands::Pause),
    Resume(commands::Resume),
    Stop(commands::Stop),
    Events(commands::Events),
    Logs(commands::Logs),
    Sockets(commands::Sockets),
    Check(commands::Check),
    Config(commands::Config),
    Completions(commands::Completions),
    Man(commands::Man),
}

/// Run a program under a master that keeps its listeners open.
///
/// HUP starts a new generation of workers, waits until they are ready, sends new connections to them, and lets the old
/// ones finish. TERM, QUIT and INT stop; a second one stops at once. TTIN and TTOU: one worker more, one less.
///
/// All of it can stand in a config file, over which flags win: the one that --config or $HEIRLOOM_CONFIG names, else the
/// first of ./heirloom.toml, $XDG_CONFIG_HOME/heirloom/heirloom.toml and /etc/heirloom/heirloom.toml.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  heirloom run --listen 127.0.0.1:8000 --workers 4 -- ./server\n  heirloom reload")]
pub(crate) struct Run {
    /// Read the settings from this file
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What this master is called in what it prints [default: heirloom]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Open this address: 8000, 127.0.0.1:8000, [::1]:8000, tcp://…, unix:/path; may be given several times
    ///
    /// Without any, here or in the config file, the addresses that workers ask for are opened.
    #[arg(long, value_name = "[NAME=]ADDR")]
    pub(crate) listen: Vec<Listen>,
    /// How many workers; `auto` is one for each CPU [default: 1]
    #[arg(long, short = 'w', value_name = "N|auto")]
    pub(crate) workers: Option<Workers>,
    /// How many generations can live at once; 1 means that all share one socket [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) lanes: Option<u8>,
    /// Wait at least so long after sending new connections elsewhere, before anything is drained [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = config::duration)]
    pub(crate) settle: Option<Duration>,
    /// Keep the previous generation for so long, ready to serve again [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = config::duration)]
    pub(crate) warm: Option<Duration>,
    /// Give a new generation up that is not ready by then [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = config::ready_grace)]
    pub(crate) ready_grace: Option<Duration>,
    /// Kill a worker that has not finished by then [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = config::duration)]
    pub(crate) drain_grace: Option<Duration>,
    /// Let idle connections of an old generation stay open for so long [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = config::duration)]
    pub(crate) linger: Option<Duration>,
    /// How new connections come to a new generation: all at once, blue-green, canary, rolling [default: all]
    #[arg(long, value_name = "STRATEGY", value_parser = config::strategy)]
    pub(crate) strategy: Option<Strategy>,
    /// Ask a new generation for this path, and let it serve when the answer is no error
    #[arg(long, value_name = "PATH", value_parser = config::health_path)]
    pub(crate) health_http: Option<String>,
    /// How the program gets its sockets: auto, query (the heirloom library), systemd (LISTEN_FDS), node [default: auto]
    #[arg(long, value_name = "DIALECT")]
    pub(crate) dialect: Option<Dialect>,
    /// What asks a program to stop that does not link the library: TERM, QUIT, … [default: TERM]
    #[arg(long, value_name = "SIGNAL")]
    pub(crate) stop_signal: Option<StopSignal>,
    /// Replace a worker that has notified us (READY=1) and then does not say WATCHDOG=1 for so long
    #[arg(long, value_name = "TIME", value_parser = config::duration)]
    pub(crate) watchdog: Option<Duration>,
    /// Reload when the program's file changes, or what its symlinks lead to
    #[arg(long)]
    pub(crate) watch_binary: bool,
    /// Reload when this file changes, or anything in this directory; may be given several times
    #[arg(long, value_name = "PATH")]
    pub(crate) watch: Vec<PathBuf>,
    /// Run the program in this directory; symlinks in it are followed anew for each generation
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Run workers with this user's rights, and in his groups; heirloom itself has to be root for that
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Run workers in this group instead of their user's own
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// The umask of workers, in octal [default: the master's]
    #[arg(long, value_name = "MODE", value_parser = config::umask)]
    pub(crate) umask: Option<u32>,
    /// Read the workers' environment from this file, anew for each generation
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Write the master's PID to this file, which no second master can have
    #[arg(long, value_name = "FILE")]
    pub(crate) pid_file: Option<PathBuf>,
    /// Answer `heirloom status`, `reload` and the rest on this socket
    ///
    /// Without it: $HEIRLOOM_SOCKET, else NAME.sock in the first of $RUNTIME_DIRECTORY, /run/heirloom and
    /// $XDG_RUNTIME_DIR/heirloom where it can be.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Let the members of this group use the control socket, besides root and this user
    #[arg(long, value_name = "GROUP")]
    pub(crate) control_group: Option<String>,
    /// Tell metrics and health over HTTP at this address; a port alone is on 127.0.0.1
    #[arg(long, value_name = "ADDR", value_parser = config::metrics_address)]
    pub(crate) metrics: Option<SocketAddr>,
    /// Lines for people, or one JSON object a line for programs
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
    /// The form of the log on standard error; HEIRLOOM_LOG=debug shows more of what happens inside
    #[arg(long, value_name = "FORM", default_value = "auto")]
    pub(crate) log: LogForm,
    /// The program and its arguments; without it, the config file's `command`
    #[arg(last = true, value_name = "PROGRAM ARGS")]
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

impl Run {
    /// What the flags say, and nothing of what they leave open.
    pub(crate) fn layer(&self) -> Layer {
        Layer {
            name: self.name.clone(),
            command: (!self.command.is_empty()).then(|| self.command.clone()),
            directory: self.directory.clone(),
            env_file: self.env_file.clone(),
            pid_file: self.pid_file.clone(),
            socket: self.socket.clone(),
            control_group: self.control_group.clone(),
            metrics: self.metrics,
            listeners: (!self.listen.is_empty()).then(|| self.listen.iter().map(Listen::listener).collect()),
            lanes: self.lanes,
            workers: self.workers,
            settle: self.settle,
            warm: self.warm,
            linger: self.linger,
            ready_grace: self.ready_grace,
            drain_grace: self.drain_grace,
            dialect: self.dialect,
            stop_signal: self.stop_signal,
            watchdog: self.watchdog,
            watch: WatchLayer {
                binary: self.watch_binary.then_some(true),
                paths: (!self.watch.is_empty()).then(|| self.watch.clone()),
                ..WatchLayer::default()
            },
            health: HealthLayer {
                http: self.health_http.as_ref().map(|path| HttpCheck::new(Scheme::Http, path)),
                ..HealthLayer::default()
            },
            rollout: RolloutLayer { strategy: self.strategy, ..RolloutLayer::default() },
            world: World { user: self.user.clone(), group: self.group.clone(), umask: self.umask, ..World::default() },
            ..Layer::default()
        }
    }
}

impl Listen {
    pub(crate) fn listener(&self) -> Listener {
        Listener::new(self.name.clone(), self.address.clone())
    }
}

impl FromStr for Listen {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let (name, address) = match text.split_once('=') {
            Some((name, address)) => (Some(config::listener_name(name)?), address),
            None => (None, text),
        };
        let here = std::env::current_dir().unwrap_or_default();
        Ok(Listen { name, address: config::address(address, &here)? })
    }
}

#[cfg(test)]
mod tests {
    use heirloom::config::Settings;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    fn run(arguments: &[&str]) -> Run {
        match Arguments::parse_from(["heirloom", "run"].iter().chain(arguments)).verb {
            Verb::Run(run) => run,
            verb => panic!("{verb:?}"),
        }
    }

    #[test]
    fn a_listener_may_have_a_name() {
        let listeners = run(&["--listen", "http=127.0.0.1:8000", "--listen", "8001"]).layer().listeners;
        let names: Vec<String> = listeners.into_iter().flatten().map(|listener| listener.name).collect();
        assert_eq!(names, ["http", "8001"]);
        assert!("=8000".parse::<Listen>().is_err());
    }

    #[test]
    fn a_flag_that_is_not_given_says_nothing() {
        assert_eq!(run(&[]).layer(), Layer::default());
        assert_eq!(run(&["--settle", "2s"]).layer().settle, Some(Duration::from_secs(2)));
    }

    #[test]
    fn the_help_shows_the_defaults_that_hold() {
        use clap::CommandFactory;
        let Settings { name, lanes, plan, .. } = Settings::default();
        let time = |time| humantime::format_duration(time).to_string();
        let mut command = Arguments::command();
        let run = command.find_subcommand_mut("run").expect("the verb");
        for (flag, default) in [
            ("name", name),
            ("lanes", lanes.to_string()),
            ("workers", plan.workers.to_string()),
            ("settle", time(plan.settle)),
            ("warm", time(plan.warm)),
            ("linger", time(plan.linger)),
            ("ready_grace", time(plan.ready_grace)),
            ("drain_grace", time(plan.drain_grace)),
        ] {
            let flag = run.get_arguments().find(|argument| argument.get_id() == flag).expect("a flag");
            let help = flag.get_help().expect("a help text").to_string();
            assert!(help.ends_with(&format!("[default: {default}]")), "{help}");
        }
    }
}
