mod mistakes;
mod precedence;
mod search;

use std::path::PathBuf;

use super::{Layer, Settings, SettingsError, Source, Surroundings};

/// A machine with three CPUs, where nothing is named.
pub(super) fn around() -> Surroundings {
    Surroundings { here: "/here".into(), cpus: 3, named: None, config_home: None, home: None }
}

pub(super) fn source(text: &str) -> Source {
    Source { path: "heirloom.toml".into(), directory: "/srv/web".into(), text: text.into() }
}

fn settings(text: &str, flags: Layer) -> Settings {
    Settings::from(Some(&source(text)), flags, &around()).unwrap_or_else(|error| panic!("{error}"))
}

fn mistakes(text: &str) -> String {
    match Settings::from(Some(&source(text)), Layer::default(), &around()) {
        Err(SettingsError::Config(error)) => error.to_string(),
        other => panic!("no mistake was found in {text:?}: {other:?}"),
    }
}

fn path(text: &str) -> Option<PathBuf> {
    Some(text.into())
}
