//! What is in force, and where each value comes from: a flag, a line of the file, or the default.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use super::fields::in_order;
use super::layer::{Layer, Listener};
use super::reference::{Kind, REFERENCE};
use super::search::{Source, Surroundings};
use super::settings::{Settings, SettingsError};
use super::tables;
use super::values::DIALECTS;

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InForce {
    /// Its key; `listen.http` and `environment.PORT` for the entries of tables.
    pub key: String,
    /// Its value; nothing if it is not set and has no default.
    pub value: Option<Value>,
    /// Where it comes from.
    #[serde(flatten)]
    pub whence: Whence,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Whence {
    /// The command line.
    Flag {
        /// Which one.
        flag: &'static str,
    },
    /// The file.
    File {
        /// Its path.
        path: PathBuf,
        /// Where in it.
        line: usize,
    },
    /// Nobody has said anything.
    Default,
}

/// All settings that are in force with these flags over this file, in the order of the reference.
///
/// # Errors
/// As [`Settings::from`].
pub fn in_force(source: Option<&Source>, flags: &Layer, around: &Surroundings) -> Result<Vec<InForce>, SettingsError> {
    let settings = Settings::from(source, flags.clone(), around)?;
    let lines = source.map(lines).unwrap_or_default();
    let flags = given(flags);
    let whence = |key: &str| match (flags.get(key), lines.get(key), source) {
        (Some(flag), _, _) => Whence::Flag { flag },
        (None, Some(line), Some(source)) => Whence::File { path: source.path.clone(), line: *line },
        _ => Whence::Default,
    };
    let mut all = Vec::new();
    for setting in REFERENCE {
        match (setting.key, value(setting.key, &settings)) {
            (
                key @ ("listen" | "environment" | "health" | "rollout" | "hooks" | "watch" | "node" | "process"),
                Some(Value::Object(entries)),
            ) => {
                for (name, value) in entries {
                    let whole = format!("{key}.{name}");
                    // What is not named in these tables has a default.
                    let has_default = matches!(key, "health" | "rollout" | "hooks");
                    let is_named = has_default
                        || !flags.contains_key(key) && lines.contains_key(&whole)
                        || flags.contains_key(&whole);
                    let whence = if is_named { whence(&whole) } else { whence(key) };
                    all.push(InForce { key: whole, value: Some(value), whence });
                }
            }
            (key, value) => all.push(InForce { key: key.into(), value, whence: whence(key) }),
        }
    }
    Ok(all)
}

/// What a setting is; nothing if it is not set.
pub(super) fn value(key: &str, settings: &Settings) -> Option<Value> {
    let plan = &settings.plan;
    let path = |path: &Option<PathBuf>| path.as_deref().map(text);
    match key {
        "command" if settings.command.is_empty() => None,
        "command" => Some(settings.command.iter().map(|word| word.to_string_lossy().into_owned()).collect()),
        "listen" if settings.listeners.is_empty() => None,
        "listen" => match &settings.listeners[..] {
            [only] if *only == Listener::new(None, only.address.clone()) => Some(only.address.to_string().into()),
            listeners => Some(Value::Object(listeners.iter().map(listener).collect())),
        },
        "workers" => Some(plan.workers.into()),
        "name" => Some(settings.name.clone().into()),
        "directory" => path(&settings.directory),
        "env_file" => path(&settings.env_file),
        "environment" if settings.environment.is_empty() => None,
        "environment" => {
            let text = |text: &std::ffi::OsString| text.to_string_lossy().into_owned();
            let variables = settings.environment.iter().map(|(name, value)| (text(name), text(value).into()));
            Some(Value::Object(variables.collect()))
        }
        "pid_file" => path(&settings.pid_file),
        "socket" => path(&settings.socket),
        "control_group" => settings.control_group.clone().map(Value::from),
        "metrics" => settings.metrics.map(|address| address.to_string().into()),
        "lanes" => Some(settings.lanes.into()),
        "settle" => Some(time(plan.settle)),
        "warm" => Some(time(plan.warm)),
        "linger" => Some(time(plan.linger)),
        "ready_grace" => Some(time(plan.ready_grace)),
        "drain_grace" => Some(time(plan.drain_grace)),
        "dialect" => {
            DIALECTS.iter().find(|(_, dialect)| *dialect == settings.dialect).map(|(name, _)| Value::from(*name))
        }
        "stop_signal" => Some(settings.stop_signal.to_string().trim_start_matches("SIG").into()),
        "watchdog" => settings.watchdog.map(time),
        "health" => tables::health(settings),
        "node" => Some(tables::node(&settings.node)),
        "rollout" => Some(tables::rollout(&plan.rollout)),
        "hooks" => tables::hooks(&settings.hooks),
        "watch" => tables::watch(&settings.watch),
        "process" => tables::process(&settings.world, settings.inherit.as_ref()),
        _ => None,
    }
}

fn listener(listener: &Listener) -> (String, Value) {
    let Listener { name, address, lanes, blocking, mode } = listener;
    let address = address.to_string();
    let mut table = Map::from_iter([("address".to_owned(), Value::from(address.clone()))]);
    table.extend(lanes.map(|lanes| ("lanes".to_owned(), lanes.into())));
    table.extend(blocking.then(|| ("blocking".to_owned(), true.into())));
    table.extend(mode.map(|mode| ("mode".to_owned(), format!("0{mode:o}").into())));
    (name.clone(), if table.len() == 1 { address.into() } else { table.into() })
}

fn text(path: &Path) -> Value {
    path.to_string_lossy().into_owned().into()
}

pub(super) fn time(time: Duration) -> Value {
    if time.is_zero() { json!(0) } else { humantime::format_duration(time).to_string().into() }
}

/// The settings that the flags give, and by which flag.
fn given(flags: &Layer) -> BTreeMap<String, &'static str> {
    let is_given = |key: &str| match key {
        "command" => flags.command.is_some(),
        "listen" => flags.listeners.is_some(),
        "workers" => flags.workers.is_some(),
        "name" => flags.name.is_some(),
        "directory" => flags.directory.is_some(),
        "env_file" => flags.env_file.is_some(),
        "pid_file" => flags.pid_file.is_some(),
        "socket" => flags.socket.is_some(),
        "control_group" => flags.control_group.is_some(),
        "metrics" => flags.metrics.is_some(),
        "lanes" => flags.lanes.is_some(),
        "settle" => flags.settle.is_some(),
        "warm" => flags.warm.is_some(),
        "linger" => flags.linger.is_some(),
        "ready_grace" => flags.ready_grace.is_some(),
        "drain_grace" => flags.drain_grace.is_some(),
        "dialect" => flags.dialect.is_some(),
        "stop_signal" => flags.stop_signal.is_some(),
        "watchdog" => flags.watchdog.is_some(),
        "health.http" => flags.health.http.is_some(),
        "rollout.strategy" => flags.rollout.strategy.is_some(),
        "watch.binary" => flags.watch.binary.is_some(),
        "watch.paths" => flags.watch.paths.is_some(),
        "process.user" => flags.world.user.is_some(),
        "process.group" => flags.world.group.is_some(),
        "process.umask" => flags.world.umask.is_some(),
        _ => false,
    };
    let mut all: Vec<(String, Option<&'static str>)> = Vec::new();
    for setting in REFERENCE {
        all.push((setting.key.to_owned(), setting.flag));
        if let Kind::Table(settings) = setting.kind {
            all.extend(settings.iter().map(|it| (format!("{}.{}", setting.key, it.key), it.flag)));
        }
    }
    all.into_iter().filter(|(key, _)| is_given(key)).filter_map(|(key, flag)| Some((key, flag?))).collect()
}

/// The line of each key, and of each entry of a table.
fn lines(source: &Source) -> BTreeMap<String, usize> {
    let (document, _) = DeTable::parse_recoverable(&source.text);
    let line = |at: usize| source.text[..at].matches('\n').count() + 1;
    let mut lines = BTreeMap::new();
    for (key, at, value) in in_order(document.get_ref()) {
        lines.insert(key.to_owned(), line(at.start));
        if let DeValue::Table(entries) = value.get_ref() {
            lines.extend(in_order(entries).into_iter().map(|(name, at, _)| (format!("{key}.{name}"), line(at.start))));
        }
    }
    lines
}

impl InForce {
    /// The value as it would be written in the file.
    pub fn toml(&self) -> Option<String> {
        self.value.as_ref().map(written)
    }
}

/// A value in TOML. JSON's texts and numbers are TOML's as well.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(written).collect::<Vec<_>>().join(", ")),
        Value::Object(table) => {
            let entries = table.iter().map(|(key, value)| format!("{} = {}", key_of(key), written(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
            value.to_string().replace('\u{7f}', "\\u007f")
        }
    }
}

/// A key, in quotes where it needs them.
pub fn key_of(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if bare { key.to_owned() } else { Value::from(key).to_string() }
}

impl fmt::Display for Whence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whence::Flag { flag } => f.write_str(flag),
            Whence::File { path, line } => write!(f, "{}:{line}", path.display()),
            Whence::Default => f.write_str("default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{around, source};
    use super::*;
    use crate::config::{HealthLayer, Workers, World};
    use crate::health::{HttpCheck, Scheme};

    fn shown(text: &str, flags: Layer) -> Vec<String> {
        let all = in_force(Some(&source(text)), &flags, &around()).expect("it is fine");
        let line = |it: &InForce| format!("{} = {} # {}", it.key, it.toml().unwrap_or_default(), it.whence);
        all.iter().map(line).collect()
    }

    #[test]
    fn each_value_tells_where_it_comes_from() {
        let world = World { user: Some("www".into()), ..World::default() };
        let health = HealthLayer { http: Some(HttpCheck::new(Scheme::Http, "/ok")), ..HealthLayer::default() };
        let flags = Layer { workers: Some(Workers::Number(3)), world, health, ..Layer::default() };
        let text = "command = [\"./web\", \"-v\"]\nworkers = 2\nwarm = \"90s\"\n[listen]\nhttp = 8080\n\
                    admin = { address = \"unix:/run/a.sock\", mode = \"0660\" }\n[environment]\nPORT = \"1\"\n\
                    [process]\nlimits = { nofile = \"1024:unlimited\" }\n\
                    [health]\nhttps = { status = \"2xx\" }\n[rollout]\nsteps = [\"5% for 10m\"]\n";
        let shown = shown(text, flags);
        for expected in [
            "command = [\"./web\", \"-v\"] # heirloom.toml:1",
            "workers = 3 # --workers",
            "warm = \"1m 30s\" # heirloom.toml:3",
            "listen.http = \"8080\" # heirloom.toml:5",
            "listen.admin = { address = \"unix:/run/a.sock\", mode = \"0660\" } # heirloom.toml:6",
            "environment.PORT = \"1\" # heirloom.toml:8",
            "settle = \"1s\" # default",
            "process.limits = { nofile = \"1024:unlimited\" } # heirloom.toml:10",
            "process.user = \"www\" # --user",
            "env_file =  # default",
            "health.http = \"/ok\" # --health-http",
            "health.https = { path = \"/\", status = \"200-299\" } # heirloom.toml:12",
            "health.fall = 3 # default",
            "rollout.steps = [\"5% for 10m\", \"100%\"] # heirloom.toml:14",
            "rollout.strategy = \"all\" # default",
            "hooks =  # default",
        ] {
            assert!(shown.iter().any(|line| line == expected), "{expected} is not in {shown:#?}");
        }
    }

    #[test]
    fn a_listener_without_a_name_is_shown_as_it_is_written() {
        let shown = shown("command = [\"w\"]\nlisten = \"127.0.0.1:80\"\n", Layer::default());
        assert_eq!(shown[1], "listen = \"127.0.0.1:80\" # heirloom.toml:2");
    }

    #[test]
    fn every_setting_that_a_file_can_give_is_shown_as_coming_from_there() {
        let text = "command = [\"w\"]\nlisten = 1\nworkers = 2\nname = \"n\"\ndirectory = \"d\"\nenv_file = \"e\"\n\
                    environment.A = \"b\"\npid_file = \"p\"\nsocket = \"s\"\ncontrol_group = \"g\"\nmetrics = 9090\nlanes = 2\nsettle = 0\nwarm = 0\nlinger = 0\n\
                    ready_grace = \"1s\"\ndrain_grace = 0\ndialect = \"query\"\nstop_signal = \"INT\"\n\
                    watchdog = \"9s\"\nnode.wait_ready = true\nprocess.nice = 5\nhealth.http = \"/\"\nrollout.surge = 2\nhooks.timeout = \"2s\"\n\
                    hooks.on_failure = [\"w\"]\nwatch = { binary = true, paths = [\"p\"], quiet = \"1s\", at_most_every = 0, poll = false }\n";
        let all = in_force(Some(&source(text)), &Layer::default(), &around()).expect("it is fine");
        assert!(all.iter().all(|it| it.value.is_some()), "{all:#?}");
        let of_file: std::collections::BTreeSet<_> =
            all.iter().filter(|it| it.whence != Whence::Default).filter_map(|it| it.key.split('.').next()).collect();
        assert_eq!(of_file.len(), REFERENCE.len());
        assert!(all.iter().any(|it| it.key == "watch.poll" && it.toml().as_deref() == Some("false")), "{all:#?}");
    }
}
