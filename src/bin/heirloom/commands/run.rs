//! `heirloom run`: a master in the foreground.

use anyhow::Context;

use crate::arguments::{Form, Run};
use crate::exit_code::ExitCode;
use crate::pid_file::PidFile;
use crate::show;
use heirloom::config::{Listener, ReadError, Settings, SettingsError, Surroundings};
use heirloom::master::{Builder, Declaration, Master, Recipe, StartError};
use heirloom::supervision::Ending;
use heirloom::triggers::Signals;

/// Runs until it is asked to stop.
pub(crate) fn run(run: Run) -> ExitCode {
    let settings = match settings(&run) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    match try_to_run(settings, run.output) {
        Ok(Ending::Stopped) => ExitCode::Done,
        Ok(Ending::Failed(_)) => ExitCode::Failed,
        Err(error) => {
            show::error(&error, error.downcast_ref::<StartError>().and_then(StartError::hint).as_deref());
            ExitCode::Failed
        }
    }
}

/// The flags over the config file; what is wrong with them has been told.
fn settings(run: &Run) -> Result<Settings, ExitCode> {
    let around = Surroundings::of_this_process();
    let source = around.read(run.config.as_deref()).map_err(|error: ReadError| {
        show::error(&error.into(), None);
        ExitCode::BadConfig
    })?;
    let settings = Settings::from(source.as_ref(), run.layer(), &around).map_err(|error| match error {
        SettingsError::Config(error) => {
            show::mistakes(&error);
            ExitCode::BadConfig
        }
        misuse => {
            let hint = misuse.hint();
            show::error(&misuse.into(), hint);
            ExitCode::Misuse
        }
    })?;
    if let Some(source) = source {
        show::step(&settings.name, run.output, &format!("settings from {}", source.path.display()));
    }
    Ok(settings)
}

#[tokio::main(flavor = "current_thread")]
async fn try_to_run(settings: Settings, form: Form) -> anyhow::Result<Ending> {
    let signals = Signals::take()?;
    let _pid_file = settings.pid_file.as_deref().map(PidFile::take).transpose()?;
    let name = settings.name.clone();
    let mut master = builder(settings).build()?;
    let shown = show::start(name, form, master.notices()).context("cannot start a thread")?;
    let ask = tokio::spawn(signals.ask(master.handle()));
    let ending = master.run().await;
    ask.abort();
    if shown.join().is_err() {
        anyhow::bail!("the thread that prints has panicked");
    }
    Ok(ending?)
}

fn builder(settings: Settings) -> Builder {
    let Settings { command, directory, env_file, environment, plan, lanes, dialect, stop_signal, .. } = settings;
    let builder = Master::builder()
        .recipe(Recipe { directory, env_file, environment, plan, dialect, stop_signal, ..Recipe::new(command) })
        .lanes(lanes.into())
        .launcher(true)
        .capture_output(true)
        .adopt_orphans(true);
    let listeners = settings.listeners.into_iter().map(|listener| declaration(listener, lanes));
    listeners.fold(builder, Builder::listen)
}

fn declaration(listener: Listener, lanes: u8) -> Declaration {
    let Listener { name, address, lanes: own, blocking, mode } = listener;
    Declaration { name, address, lanes: own.unwrap_or(lanes).into(), blocking, mode }
}
