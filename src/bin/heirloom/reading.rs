//! Reading the settings, flags over file: when the program starts, and anew for each generation.

use std::path::{Path, PathBuf};

use heirloom::config::{Layer, Listener, Poll, ReadError, Settings, SettingsError, Source, Surroundings, Watch};
use heirloom::master::{Declaration, Recipe, ReleaseError};
use heirloom::triggers::watch::{Files, Pace, Polling};

/// Where the settings come from.
#[derive(Debug)]
pub(crate) struct Reading {
    flags: Layer,
    file: Option<PathBuf>,
    around: Surroundings,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadingError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Reading {
    /// What the command line says, and the config file that it names, if it does.
    pub(crate) fn new(flags: Layer, file: Option<PathBuf>) -> Reading {
        Reading { flags, file, around: Surroundings::of_this_process() }
    }

    /// Where we were started.
    pub(crate) fn here(&self) -> &Path {
        &self.around.here
    }

    pub(crate) fn read(&self) -> Result<(Settings, Option<Source>), ReadingError> {
        let source = self.around.read(self.file.as_deref())?;
        let settings = Settings::from(source.as_ref(), self.flags.clone(), &self.around)?;
        Ok((settings, source))
    }

    /// Reads the same file from now on, wherever it was found.
    pub(crate) fn stay_with(&mut self, source: &Source) {
        self.file = Some(source.path.clone());
    }

    /// What a further generation is to run, as the file says by then.
    pub(crate) fn read_anew(&self, started: &Settings) -> Result<Settings, ReleaseError> {
        let (settings, _) = self.read().map_err(unreadable)?;
        match settings.fixed_but_changed(started) {
            None => Ok(settings),
            Some(what) => {
                let why = format!("`{what}` cannot be changed while the master runs: stop it and start it anew");
                Err(ReleaseError::Recipe { why, details: Vec::new() })
            }
        }
    }
}

/// Which files cause a reload by these settings, for a master that was started `here`.
pub(crate) fn watched(settings: &Settings, here: &Path) -> (Files, Pace) {
    let Watch { binary, paths, quiet, at_most_every, poll } = &settings.watch;
    let program = || {
        let directory = settings.directory.clone().unwrap_or_else(|| here.to_owned());
        let location = Recipe { directory: Some(directory), ..recipe(settings.clone()) }.location()?;
        Some(location.components().collect())
    };
    let programs = binary.then(program).flatten().into_iter().collect();
    let polling = match *poll {
        Poll::WhereNeeded => Polling::WhereNeeded,
        Poll::Never => Polling::Never,
        Poll::Every(every) => Polling::Every(every),
    };
    (Files { programs, named: paths.clone() }, Pace { quiet: *quiet, at_most_every: *at_most_every, polling })
}

/// What a generation runs by these settings.
pub(crate) fn recipe(settings: Settings) -> Recipe {
    let Settings {
        command,
        directory,
        env_file,
        environment,
        plan,
        lanes,
        dialect,
        stop_signal,
        watchdog,
        health,
        hooks,
        node,
        world,
        inherit,
        ..
    } = settings;
    let listeners = settings.listeners.into_iter().map(|listener| declaration(listener, lanes)).collect();
    let recipe = Recipe::new(command);
    Recipe {
        directory,
        env_file,
        environment,
        plan,
        dialect,
        stop_signal,
        watchdog,
        listeners,
        health,
        hooks,
        node,
        world,
        inherit,
        ..recipe
    }
}

fn declaration(listener: Listener, lanes: u8) -> Declaration {
    let Listener { name, address, lanes: own, blocking, mode } = listener;
    Declaration { name, address, lanes: own.unwrap_or(lanes).into(), blocking, mode }
}

fn unreadable(error: ReadingError) -> ReleaseError {
    let lines = |text: String| text.lines().map(str::to_owned).collect();
    match error {
        ReadingError::Settings(SettingsError::Config(error)) => {
            ReleaseError::Recipe { why: error.summary(), details: lines(error.to_string()) }
        }
        error => ReleaseError::Recipe { why: format!("{:#}", anyhow::Error::new(error)), details: Vec::new() },
    }
}
