//! The smallest config file, with all that can be added to it as comments.

use std::fmt::Write as _;

use serde_json::Value;

use super::in_force::{value, written};
use super::reference::{Kind, REFERENCE, Setting};
use super::settings::Settings;

const HEAD: &str = "\
# What `heirloom run` starts here. Whatever is commented out shows its default.
# `heirloom check` tells what is wrong with this file, `heirloom config show` what is in force.
";

/// The text of a first `heirloom.toml`.
pub fn sample() -> String {
    let defaults = Settings::default();
    let mut text = HEAD.to_owned();
    let (tables, plain): (Vec<Setting>, Vec<Setting>) =
        REFERENCE.into_iter().partition(|setting| matches!(setting.kind, Kind::Variables | Kind::Table(_)));
    for Setting { key, kind, about, .. } in plain.into_iter().chain(tables) {
        let line = match (key, value(key, &defaults)) {
            ("command", _) => "command = [\"./server\"]".to_owned(),
            ("listen", _) => "listen = \"127.0.0.1:8080\"".to_owned(),
            (key, Some(Value::Object(defaults))) => {
                let entries = defaults.iter().map(|(key, default)| format!("\n# {key} = {}", written(default)));
                format!("# [{key}]{}", entries.collect::<String>())
            }
            (key, Some(default)) => format!("# {key} = {}", written(&default)),
            (key, None) => match kind {
                Kind::Variables | Kind::Table(_) => format!("# [{key}]\n{}", example(key)),
                _ => format!("# {key} = \"{}\"", example(key)),
            },
        };
        let _ = write!(text, "\n# {about}\n{line}\n");
    }
    text
}

fn example(key: &str) -> &'static str {
    match key {
        "directory" => "current",
        "env_file" => "server.env",
        "pid_file" => "/run/server.pid",
        "socket" => "/run/heirloom/server.sock",
        "control_group" => "adm",
        "metrics" => "127.0.0.1:9090",
        "watchdog" => "30s",
        "environment" => "# NAME = \"value\"",
        "process" => "# user = \"www-data\"\n# limits = { nofile = 65536 }",
        "health" => "# http = \"/healthz\"\n# interval = \"1s\"\n# timeout = \"2s\"\n# fall = 3",
        "watch" => "# binary = true\n# paths = [\"server.conf\"]",
        "hooks" => "# pre_reload = [\"./migrate\"]\n# on_failure = [\"./tell\", \"it failed\"]",
        _ => "…",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{around, source};
    use super::*;
    use crate::config::Layer;

    fn settings(text: &str) -> Settings {
        Settings::from(Some(&source(text)), Layer::default(), &around()).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_sample_is_a_file_without_mistakes() {
        let settings = settings(&sample());
        assert_eq!(settings.command, ["./server"]);
        assert_eq!(settings.listeners[0].name, "127.0.0.1:8080");
    }

    #[test]
    fn every_setting_in_it_can_be_used_as_it_stands() {
        let is_setting = |line: &&str| line.contains(" = ") || line.starts_with("# [");
        let lines = sample()
            .lines()
            .map(|line| if is_setting(&line) { line.trim_start_matches("# ") } else { line }.to_owned() + "\n")
            .collect::<String>();
        let settings = settings(&lines);
        assert_eq!(settings.environment.len(), 1);
        assert!(settings.health.is_some() && settings.hooks.pre_reload.is_some() && settings.watch.binary);
        assert!(settings.directory.is_some() && settings.pid_file.is_some() && settings.env_file.is_some());
    }
}
