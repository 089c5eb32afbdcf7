//! The config file as a layer: every key is met here, and every mistake noted, so that all are shown at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::fields::{self, Value, in_order, text};
use super::health;
use super::hooks;
use super::layer::Layer;
use super::listeners;
use super::mistake::Mistake;
use super::node;
use super::rollout;
use super::search::Source;
use super::suggestion;
use super::syntax;
use super::values::{Wrong, join};
use super::watch;
use super::world;
use crate::protocol::environment;

/// Every key of the file, in the order of the reference.
pub(super) const SETTINGS: [&str; 26] = [
    "command",
    "listen",
    "workers",
    "name",
    "directory",
    "env_file",
    "environment",
    "pid_file",
    "socket",
    "control_group",
    "metrics",
    "lanes",
    "settle",
    "warm",
    "linger",
    "ready_grace",
    "drain_grace",
    "dialect",
    "stop_signal",
    "watchdog",
    "node",
    "health",
    "rollout",
    "hooks",
    "watch",
    "process",
];

/// Variables that tell a worker who it is and what it has: they are ours to set.
const OURS: [&str; 11] = [
    environment::CHANNEL,
    environment::WORKER,
    environment::GENERATION,
    environment::SLOT,
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "PWD",
];

impl Source {
    /// What the file says, but for what is wrong with it: for whoever only wants to know which master it is about.
    pub fn legible(&self) -> Layer {
        read(self).0
    }
}

/// What the file says, and what is wrong with it.
pub(super) fn read(source: &Source) -> (Layer, Vec<Mistake>) {
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    let mut reader = Reader { source, mistakes: Vec::new() };
    let layer = reader.layer(document.get_ref());
    let mistakes = syntax::with(&source.text, &errors, reader.mistakes);
    (layer, mistakes)
}

/// Walks the file and notes mistakes.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    pub(super) mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn layer(&mut self, document: &DeTable<'_>) -> Layer {
        let mut layer = Layer::default();
        for (key, at, value) in in_order(document) {
            match key {
                "command" => layer.command = self.words(key, value, "./server"),
                "listen" => layer.listeners = Some(listeners::read(self, at, value)),
                "workers" => layer.workers = self.one(key, value, fields::workers),
                "name" => layer.name = self.one(key, value, fields::name),
                "directory" => layer.directory = self.path(key, value),
                "env_file" => layer.env_file = self.path(key, value),
                "environment" => layer.environment = self.environment(value),
                "pid_file" => layer.pid_file = self.path(key, value),
                "socket" => layer.socket = self.path(key, value),
                "control_group" => layer.control_group = self.one(key, value, fields::group),
                "metrics" => layer.metrics = self.one(key, value, fields::metrics),
                "lanes" => layer.lanes = self.one(key, value, fields::lanes),
                "settle" => layer.settle = self.one(key, value, fields::time),
                "warm" => layer.warm = self.one(key, value, fields::time),
                "linger" => layer.linger = self.one(key, value, fields::time),
                "ready_grace" => layer.ready_grace = self.one(key, value, fields::ready_grace),
                "drain_grace" => layer.drain_grace = self.one(key, value, fields::time),
                "dialect" => layer.dialect = self.one(key, value, fields::parsed),
                "stop_signal" => layer.stop_signal = self.one(key, value, fields::parsed),
                "watchdog" => layer.watchdog = self.one(key, value, fields::time),
                "health" => health::read(self, at, value, &mut layer),
                "node" => node::read(self, value, &mut layer),
                "rollout" => rollout::read(self, value, &mut layer),
                "hooks" => hooks::read(self, value, &mut layer),
                "watch" => watch::read(self, value, &mut layer),
                "process" => world::read(self, value, &mut layer),
                unknown => self.unknown(unknown, at, "setting", &SETTINGS),
            }
        }
        layer
    }

    /// One value; its mistake is noted.
    pub(super) fn one<T>(
        &mut self,
        key: &str,
        value: &Value<'_>,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        let read = read(value.get_ref());
        read.map_err(|wrong| self.mistakes.push(Mistake::wrong(key, value.span(), wrong))).ok()
    }

    fn path(&mut self, key: &str, value: &Value<'_>) -> Option<std::path::PathBuf> {
        let base = &self.source.directory;
        self.one(key, value, |value| fields::path(value).map(|path| join(base, path)))
    }

    pub(super) fn unknown(&mut self, key: &str, at: Range<usize>, what: &str, known: &[&str]) {
        let mistake = Mistake::new(format!("there is no {what} `{key}`"), at);
        self.mistakes.push(match suggestion::nearest(key, known) {
            Some(near) => mistake.label("unknown").hint(format!("did you mean `{near}`?")),
            None => mistake.label("unknown").hint(format!("there are {}", known.join(", "))),
        });
    }

    /// A setting that slipped under a table's heading belongs to that table, which is never what was meant.
    pub(super) fn slipped(&mut self, key: &str, at: &Range<usize>, table: &str) -> bool {
        let slipped = SETTINGS.contains(&key);
        if slipped {
            let mistake = Mistake::new(format!("`{key}` is a setting, but stands in the table `{table}`"), at.clone());
            self.mistakes.push(mistake.hint(format!("write it above `[{table}]`, with the other settings")));
        }
        slipped
    }

    /// A table, or a mistake.
    pub(super) fn table<'a, 't>(&mut self, key: &str, value: &'a Value<'t>, hint: &str) -> Option<&'a DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let wrong = Wrong::new("this is no table", hint);
            self.mistakes.push(Mistake::wrong(key, value.span(), wrong));
        }
        table
    }

    /// A program and its arguments.
    pub(super) fn words(&mut self, key: &str, value: &Value<'_>, example: &str) -> Option<Vec<OsString>> {
        let words = match value.get_ref() {
            DeValue::Array(words) => words,
            DeValue::String(line) => {
                let wrong = Wrong::new("this is text, not a list", format!("write {key} = {}", as_list(line)));
                self.mistakes.push(Mistake::wrong(key, value.span(), wrong));
                return None;
            }
            _ => {
                let wrong = Wrong::new("this is no list", format!("write {key} = [\"{example}\", \"--verbose\"]"));
                self.mistakes.push(Mistake::wrong(key, value.span(), wrong));
                return None;
            }
        };
        let hint = "write each argument in quotes";
        let words: Vec<Option<OsString>> =
            words.iter().map(|word| self.one(key, word, |word| text(word, hint).map(OsString::from))).collect();
        if words.first().is_none_or(|first| first.as_ref().is_some_and(|first| first.is_empty())) {
            let wrong = Wrong::new("it names no program", format!("write {key} = [\"{example}\"]"));
            self.mistakes.push(Mistake::wrong(key, value.span(), wrong));
        }
        words.into_iter().collect()
    }

    fn environment(&mut self, value: &Value<'_>) -> BTreeMap<OsString, OsString> {
        let hint = "write [environment] and below it NAME = \"value\"";
        let Some(variables) = self.table("environment", value, hint) else { return BTreeMap::new() };
        let mut environment = BTreeMap::new();
        for (name, at, value) in in_order(variables) {
            if self.slipped(name, &at, "environment") {
                continue;
            }
            if name.is_empty() || name.contains(['=', '\0']) {
                self.mistakes.push(Mistake::new("this is no name for a variable", at));
            } else if OURS.contains(&name) {
                let mistake = Mistake::new(format!("the variable `{name}` is set by heirloom itself"), at);
                self.mistakes.push(mistake.hint("leave it out"));
            } else if let Some(text) = self.one(name, value, |value| quoted(value).map(OsString::from)) {
                environment.insert(name.into(), text);
            }
        }
        environment
    }
}

/// A variable's value; a number gets the hint to quote it.
fn quoted<'a>(value: &'a DeValue<'_>) -> Result<&'a str, Wrong> {
    let hint = match value {
        DeValue::Integer(number) => format!("write it in quotes: \"{number}\""),
        DeValue::Float(number) => format!("write it in quotes: \"{number}\""),
        DeValue::Boolean(yes) => format!("write it in quotes: \"{yes}\""),
        _ => "a variable's value is text in quotes".into(),
    };
    text(value, &hint)
}

/// A command line as a list, through a shell if it needs one.
fn as_list(line: &str) -> String {
    let shell = line.contains(['\'', '"', '\\', '$', '`', '|', '&', ';', '<', '>', '*', '?', '(', ')', '\n']);
    let words = if shell { vec!["sh", "-c", line] } else { line.split_whitespace().collect() };
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("[{}]", words.join(", "))
}
