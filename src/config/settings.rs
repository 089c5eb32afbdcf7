//! The settings of `run`, with nothing left open: flags over the file over the defaults.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::document;
use super::layer::{Layer, Listener};
use super::mistake::{ConfigError, Mistake};
use super::search::{Source, Surroundings};
use super::values::{Dialect, StopSignal, Workers, join};
use super::watch::Watch;
use crate::dialects::node::NodeOptions;
use crate::errands::Hooks;
use crate::health::Checks;
use crate::supervision::Plan;
use crate::sys::lanes::LANES;
use crate::sys::launch::World;

/// The settings of `run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What the master is called in what it prints.
    pub name: String,
    /// The program and its arguments: at least one.
    pub command: Vec<OsString>,
    /// Where the program runs; without it, where the master was started.
    pub directory: Option<PathBuf>,
    /// A file of `NAME=VALUE` lines.
    pub env_file: Option<PathBuf>,
    /// Further variables; they win over the file's.
    pub environment: BTreeMap<OsString, OsString>,
    /// A file for the master's PID.
    pub pid_file: Option<PathBuf>,
    /// The control socket; without it, where [`crate::control::Places`] says.
    pub socket: Option<PathBuf>,
    /// A group whose members may use it.
    pub control_group: Option<String>,
    /// Where metrics are told over TCP, if they are.
    pub metrics: Option<SocketAddr>,
    /// What to listen on; none: what workers ask for.
    pub listeners: Vec<Listener>,
    /// How many lanes a listener has that does not say so itself.
    pub lanes: u8,
    /// How many workers, and how long we wait for what.
    pub plan: Plan,
    /// How the program is given its handles.
    pub dialect: Dialect,
    /// What asks a worker to finish.
    pub stop_signal: StopSignal,
    /// How often a worker must say that it lives; without it, it need not.
    pub watchdog: Option<Duration>,
    /// How a Node program is treated.
    pub node: NodeOptions,
    /// What a generation has to stand; without it, nothing is checked but that it is ready.
    pub health: Option<Checks>,
    /// What is run before and after a reload.
    pub hooks: Hooks,
    /// Which files cause a reload.
    pub watch: Watch,
    /// Whose rights workers have, and how the system treats them.
    pub world: World,
    /// Which variables of the master they find; none: all.
    pub inherit: Option<BTreeSet<OsString>>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file has mistakes.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Neither the flags nor a file say what to run.
    #[error("there is no program to run, and no config file")]
    NoCommand,
    /// Two of the listeners that the flags name are in each other's way.
    #[error("{0}")]
    Listeners(String),
}

impl SettingsError {
    /// What to do about it, where we know.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            SettingsError::NoCommand => {
                Some("name it: `heirloom run -- ./server`, or write `command = [\"./server\"]` into heirloom.toml")
            }
            SettingsError::Config(_) | SettingsError::Listeners(_) => None,
        }
    }
}

/// What holds when nobody says otherwise; only a command has no default.
impl Default for Settings {
    fn default() -> Self {
        Settings {
            name: "heirloom".into(),
            command: Vec::new(),
            directory: None,
            env_file: None,
            environment: BTreeMap::new(),
            pid_file: None,
            socket: None,
            control_group: None,
            metrics: None,
            listeners: Vec::new(),
            lanes: LANES as u8,
            plan: Plan::default(),
            dialect: Dialect::default(),
            stop_signal: StopSignal::default(),
            watchdog: None,
            node: NodeOptions::default(),
            health: None,
            hooks: Hooks { name: Some("heirloom".into()), ..Hooks::default() },
            watch: Watch::default(),
            world: World::default(),
            inherit: None,
        }
    }
}

impl Settings {
    /// The settings of these flags over this file.
    ///
    /// # Errors
    /// When the file has mistakes, or there is nothing to run.
    pub fn from(source: Option<&Source>, flags: Layer, around: &Surroundings) -> Result<Settings, SettingsError> {
        if let Some(conflict) = flags.listeners.as_deref().and_then(conflict) {
            return Err(SettingsError::Listeners(conflict));
        }
        let mut flags = flags;
        for path in
            [&mut flags.directory, &mut flags.env_file, &mut flags.pid_file, &mut flags.socket].into_iter().flatten()
        {
            *path = join(&around.here, &path);
        }
        for path in flags.watch.paths.iter_mut().flatten() {
            *path = join(&around.here, &path);
        }
        let (file, mut mistakes) = source.map(document::read).unwrap_or_default();
        let layer = flags.over(file);
        match source {
            None if layer.command.is_none() => return Err(SettingsError::NoCommand),
            Some(source) => {
                if let (Some(at), false) = (&layer.health.nothing_at, layer.health.names_a_check()) {
                    let mistake = Mistake::new("`health` names no check", at.clone());
                    mistakes.push(mistake.hint("write http = \"/healthz\", or command = [\"./check\"]"));
                }
                if layer.command.is_none() && mistakes.is_empty() {
                    mistakes.push(Mistake::nothing_to_run());
                }
                ConfigError::of(source, mistakes)?;
            }
            None => {}
        }
        Ok(filled(layer, around.cpus))
    }
}

impl Settings {
    /// What these settings say otherwise than those that a master was started with, though it cannot change while it
    /// runs.
    pub fn fixed_but_changed(&self, started: &Settings) -> Option<&'static str> {
        let Settings { name, pid_file, socket, control_group, metrics, lanes, .. } = self;
        [
            ("name", *name != started.name),
            ("pid_file", *pid_file != started.pid_file),
            ("socket", *socket != started.socket),
            ("control_group", *control_group != started.control_group),
            ("metrics", *metrics != started.metrics),
            ("lanes", *lanes != started.lanes),
        ]
        .into_iter()
        .find_map(|(setting, changed)| changed.then_some(setting))
    }
}

fn filled(layer: Layer, cpus: u32) -> Settings {
    let default = Settings::default();
    let plan = default.plan;
    let name = layer.name.unwrap_or(default.name);
    let (checks, health) = layer.health.filled().unzip();
    Settings {
        command: layer.command.unwrap_or(default.command),
        directory: layer.directory,
        env_file: layer.env_file,
        environment: layer.environment,
        pid_file: layer.pid_file,
        socket: layer.socket,
        control_group: layer.control_group,
        metrics: layer.metrics,
        listeners: layer.listeners.unwrap_or(default.listeners),
        lanes: layer.lanes.unwrap_or(default.lanes),
        plan: Plan {
            workers: match layer.workers {
                Some(Workers::Number(number)) => number,
                Some(Workers::OnePerCpu) => cpus,
                None => plan.workers,
            },
            settle: layer.settle.unwrap_or(plan.settle),
            warm: layer.warm.unwrap_or(plan.warm),
            linger: layer.linger.unwrap_or(plan.linger),
            ready_grace: layer.ready_grace.unwrap_or(plan.ready_grace),
            drain_grace: layer.drain_grace.unwrap_or(plan.drain_grace),
            rollout: layer.rollout.filled(health),
            ..plan
        },
        dialect: layer.dialect.unwrap_or(default.dialect),
        stop_signal: layer.stop_signal.unwrap_or(default.stop_signal),
        watchdog: layer.watchdog.filter(|interval| !interval.is_zero()),
        health: checks,
        node: layer.node.filled(),
        hooks: layer.hooks.filled(&name),
        watch: layer.watch.filled(),
        world: layer.world,
        inherit: layer.inherit.flatten(),
        name,
    }
}

fn conflict(listeners: &[Listener]) -> Option<String> {
    let mut rest = listeners;
    while let [first, others @ ..] = rest {
        if let Some(conflict) = others.iter().find_map(|other| first.conflict(other)) {
            return Some(conflict);
        }
        rest = others;
    }
    None
}
