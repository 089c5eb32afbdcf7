//! What one source says of the settings.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::health::HealthLayer;
use super::hooks::HooksLayer;
use super::node::NodeLayer;
use super::rollout::RolloutLayer;
use super::values::{Dialect, StopSignal, Workers};
use super::watch::WatchLayer;
use crate::protocol::Address;
use crate::sys::launch::World;

/// What the flags or the file say: each setting, or nothing. Paths in it are resolved already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// What the master is called in what it prints.
    pub name: Option<String>,
    /// The program and its arguments.
    pub command: Option<Vec<OsString>>,
    /// Where the program runs.
    pub directory: Option<PathBuf>,
    /// A file of `NAME=VALUE` lines.
    pub env_file: Option<PathBuf>,
    /// Further variables; they win over the file's.
    pub environment: BTreeMap<OsString, OsString>,
    /// A file for the master's PID.
    pub pid_file: Option<PathBuf>,
    /// The control socket.
    pub socket: Option<PathBuf>,
    /// A group whose members may use it.
    pub control_group: Option<String>,
    /// Where metrics are told over TCP.
    pub metrics: Option<SocketAddr>,
    /// What to listen on; the upper layer's replace all of the lower one's.
    pub listeners: Option<Vec<Listener>>,
    /// How many lanes a listener has that does not say so itself.
    pub lanes: Option<u8>,
    /// How many workers.
    pub workers: Option<Workers>,
    /// How long to wait after steering.
    pub settle: Option<Duration>,
    /// How long the previous generation stands by.
    pub warm: Option<Duration>,
    /// How long a lame duck keeps an idle connection open.
    pub linger: Option<Duration>,
    /// How long a worker may take to be ready.
    pub ready_grace: Option<Duration>,
    /// How long a worker may take to finish.
    pub drain_grace: Option<Duration>,
    /// How the program is given its handles.
    pub dialect: Option<Dialect>,
    /// What asks a worker to finish.
    pub stop_signal: Option<StopSignal>,
    /// How often a worker must say that it lives.
    pub watchdog: Option<Duration>,
    /// What a generation has to stand.
    pub health: HealthLayer,
    /// How new connections come to a newcomer.
    pub rollout: RolloutLayer,
    /// How a Node program is treated.
    pub node: NodeLayer,
    /// What is run before and after a reload.
    pub hooks: HooksLayer,
    /// Which files cause a reload.
    pub watch: WatchLayer,
    /// Whose rights workers have, and how the system treats them.
    pub world: World,
    /// Which variables of the master they find; the inner none: all.
    pub inherit: Option<Option<BTreeSet<OsString>>>,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// What workers and people call it.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// How many lanes it has; without it, as many as all others.
    pub lanes: Option<u8>,
    /// Whether `accept` waits.
    pub blocking: bool,
    /// The mode of a Unix socket's path.
    pub mode: Option<u32>,
}

impl Layer {
    /// This layer, and what lies under it where it says nothing.
    pub(super) fn over(self, under: Layer) -> Layer {
        let mut environment = under.environment;
        environment.extend(self.environment);
        Layer {
            name: self.name.or(under.name),
            command: self.command.or(under.command),
            directory: self.directory.or(under.directory),
            env_file: self.env_file.or(under.env_file),
            environment,
            pid_file: self.pid_file.or(under.pid_file),
            socket: self.socket.or(under.socket),
            control_group: self.control_group.or(under.control_group),
            metrics: self.metrics.or(under.metrics),
            listeners: self.listeners.or(under.listeners),
            lanes: self.lanes.or(under.lanes),
            workers: self.workers.or(under.workers),
            settle: self.settle.or(under.settle),
            warm: self.warm.or(under.warm),
            linger: self.linger.or(under.linger),
            ready_grace: self.ready_grace.or(under.ready_grace),
            drain_grace: self.drain_grace.or(under.drain_grace),
            dialect: self.dialect.or(under.dialect),
            stop_signal: self.stop_signal.or(under.stop_signal),
            watchdog: self.watchdog.or(under.watchdog),
            health: self.health.over(under.health),
            rollout: self.rollout.over(under.rollout),
            node: self.node.over(under.node),
            hooks: self.hooks.over(under.hooks),
            watch: self.watch.over(under.watch),
            world: over(self.world, under.world),
            inherit: self.inherit.or(under.inherit),
        }
    }
}

fn over(world: World, under: World) -> World {
    let mut limits = under.limits;
    limits.extend(world.limits);
    World {
        user: world.user.or(under.user),
        group: world.group.or(under.group),
        umask: world.umask.or(under.umask),
        nice: world.nice.or(under.nice),
        oom_score_adj: world.oom_score_adj.or(under.oom_score_adj),
        no_new_privs: world.no_new_privs || under.no_new_privs,
        limits,
    }
}

impl Listener {
    /// A listener that is called what it listens on, if it has no other name.
    pub fn new(name: Option<String>, address: Address) -> Listener {
        let name = name.unwrap_or_else(|| address.to_string());
        Listener { name, address, lanes: None, blocking: false, mode: None }
    }

    /// Why the two cannot both be open.
    pub(super) fn conflict(&self, other: &Listener) -> Option<String> {
        if self.name == other.name {
            return Some(format!("two listeners are called `{}`", self.name));
        }
        let same = self.address.port() != Some(0)
            && (self.address.covers(&other.address) || other.address.covers(&self.address));
        same.then(|| match self.address == other.address {
            true => format!("`{}` and `{}` listen on the same address", self.name, other.name),
            false => format!("`{}` and `{}` cannot both listen there: one covers the other", self.name, other.name),
        })
    }
}
