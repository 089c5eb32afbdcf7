//! Asking a running master: which one, for how long, in which form, and what it means when nobody answers.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::exit_code::ExitCode;
use crate::render::WaysOn;
use crate::show;
use heirloom::config::{self, Layer, Settings, Surroundings};
use heirloom::control::{Around, AskError, Client, Places};

/// For so long an answer is waited for that should come at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Which master is asked, and how.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Which master, and how")]
pub(crate) struct Whom {
    /// The master of this name [default: what the config file here says, else heirloom]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The master at this control socket; $HEIRLOOM_SOCKET says the same
    #[arg(long, short = 'S', value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Wait no longer than that; what goes on by then goes on without us, and the exit status is 5
    #[arg(long, value_name = "TIME", value_parser = config::duration)]
    pub(crate) timeout: Option<Duration>,
    /// For people, or what the control socket answers, as JSON
    #[arg(long, short, value_name = "FORM", default_value = "table")]
    pub(crate) output: Output,
}

/// In which form an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}

/// Connects, and asks; an answer that comes at once is waited for `patience` long.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn ask(
    whom: &Whom,
    patience: Duration,
    question: impl AsyncFnOnce(Client) -> Result<ExitCode, AskError>,
) -> ExitCode {
    let around = Around::this_process();
    let (name, socket) = match &whom.name {
        Some(name) => (name.clone(), whom.socket.clone()),
        None => {
            let Layer { name, socket, .. } = settings_of_this_place();
            let name = name.unwrap_or_else(|| Settings::default().name);
            // Whoever names a socket, be it by the environment, means that one.
            (name, whom.socket.clone().or(socket.filter(|_| around.socket.is_none())))
        }
    };
    let places = Places::of(&name, socket.as_deref(), &around);
    let asked = match Client::find(&places, patience).await {
        Ok(client) => question(client).await,
        Err(error) => Err(error.into()),
    };
    asked.unwrap_or_else(|error| unanswered(error, &name, &places))
}

impl Whom {
    /// How long the answer to a simple question is waited for.
    pub(crate) fn patience(&self) -> Duration {
        self.timeout.unwrap_or(PATIENCE)
    }

    /// How long the master is to wait until it answers.
    pub(crate) fn timeout_seconds(&self) -> Option<f64> {
        self.timeout.map(|timeout| timeout.as_secs_f64())
    }

    /// How the same master is asked for something else.
    pub(crate) fn again(&self, verb: &str) -> String {
        let name = self.name.as_ref().map(|name| format!(" --name {name}"));
        let socket = self.socket.as_ref().map(|socket| format!(" --socket {}", socket.display()));
        format!("heirloom {verb}{}{}", name.unwrap_or_default(), socket.unwrap_or_default())
    }

    /// The verbs that go on with a rollout.
    pub(crate) fn ways_on(&self) -> WaysOn {
        WaysOn { promote: self.again("promote"), abort: self.again("abort"), resume: self.again("resume") }
    }

    pub(crate) fn wants_json(&self) -> bool {
        self.output == Output::Json
    }
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> ExitCode {
    print(&(serde_json::to_string_pretty(value).expect("texts and numbers") + "\n"))
}

/// Prints what was asked for.
pub(crate) fn print(text: &str) -> ExitCode {
    match anstream::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::Done,
        Err(_) => ExitCode::Failed, // whoever wanted it has gone
    }
}

/// What the config file here says of its master; mistakes in it must not keep anybody from finding that one.
fn settings_of_this_place() -> Layer {
    let source = Surroundings::of_this_process().read(None).ok().flatten();
    source.map(|source| source.legible()).unwrap_or_default()
}

/// Tells why there is no answer.
fn unanswered(error: AskError, name: &str, places: &Places) -> ExitCode {
    let code = match &error {
        AskError::TimedOut(_) => ExitCode::StillGoing,
        error if error.is_no_master() => ExitCode::NoMaster,
        _ => ExitCode::Failed,
    };
    match (error, code) {
        (AskError::Connect(error), ExitCode::NoMaster) => {
            let whom = if places.named { String::new() } else { format!(" named {name}") };
            let error = anyhow::Error::new(error).context(format!("no master{whom}"));
            show::error(&error, Some(&where_to_look(name, places)));
        }
        (error, _) => show::error(&error.into(), None),
    }
    code
}

/// What else could be asked.
fn where_to_look(name: &str, places: &Places) -> String {
    if places.named {
        return "`heirloom run --socket PATH -- ./server` starts one there".into();
    }
    let others: Vec<String> = places.paths.iter().filter_map(|path| path.parent()).flat_map(sockets_in).collect();
    let mut hint = format!("`heirloom run --name {name} -- ./server` starts one");
    if !others.is_empty() {
        let _ = write!(hint, "; there is {}: try --name", others.join(", "));
    }
    hint
}

fn sockets_in(directory: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let name = |entry: std::fs::DirEntry| Some(entry.file_name().to_str()?.strip_suffix(".sock")?.to_owned());
    entries.filter_map(name).filter(|name| !name.starts_with('.')).collect()
}
