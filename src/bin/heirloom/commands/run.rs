//! `heirloom run`: a master in the foreground.

use anyhow::Context;

use crate::arguments::{Form, Run};
use crate::exit_code::ExitCode;
use crate::pid_file::PidFile;
use crate::reading::{Reading, ReadingError, recipe};
use crate::show;
use heirloom::config::{Settings, SettingsError};
use heirloom::master::{Builder, Master, StartError};
use heirloom::observe::Systemd;
use heirloom::supervision::Ending;
use heirloom::triggers::Signals;

/// Runs until it is asked to stop.
pub(crate) fn run(run: Run) -> ExitCode {
    let mut reading = Reading::new(run.layer(), run.config);
    let (settings, source) = match reading.read() {
        Ok(read) => read,
        Err(error) => return tell(error),
    };
    if let Some(source) = source {
        show::step(&settings.name, run.output, &format!("settings from {}", source.path.display()));
        reading.stay_with(&source);
    }
    match try_to_run(settings, reading, run.output) {
        Ok(Ending::Stopped) => ExitCode::Done,
        Ok(Ending::Failed(_)) => ExitCode::Failed,
        Err(error) => {
            show::error(&error, error.downcast_ref::<StartError>().and_then(StartError::hint).as_deref());
            ExitCode::Failed
        }
    }
}

/// Tells what is wrong with flags or file.
fn tell(error: ReadingError) -> ExitCode {
    match error {
        ReadingError::Read(error) => {
            show::error(&error.into(), None);
            ExitCode::BadConfig
        }
        ReadingError::Settings(SettingsError::Config(error)) => {
            show::mistakes(&error);
            ExitCode::BadConfig
        }
        ReadingError::Settings(misuse) => {
            let hint = misuse.hint();
            show::error(&misuse.into(), hint);
            ExitCode::Misuse
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn try_to_run(settings: Settings, reading: Reading, form: Form) -> anyhow::Result<Ending> {
    let signals = Signals::take()?;
    let _pid_file = settings.pid_file.as_deref().map(PidFile::take).transpose()?;
    let name = settings.name.clone();
    let mut master = builder(settings, reading).build()?;
    let shown = show::start(name, form, master.notices()).context("cannot start a thread")?;
    let supervisor = Systemd::from_environment().unwrap_or_else(|error| {
        tracing::warn!(%error, "our supervisor cannot be notified");
        None
    });
    let told = supervisor.map(|supervisor| tokio::spawn(supervisor.tell(master.notices())));
    let ask = tokio::spawn(signals.ask(master.handle()));
    let ending = master.run().await;
    ask.abort();
    if let Some(told) = told {
        told.await.context("the task that notifies our supervisor has panicked")?;
    }
    if shown.join().is_err() {
        anyhow::bail!("the thread that prints has panicked");
    }
    Ok(ending?)
}

fn builder(settings: Settings, reading: Reading) -> Builder {
    Master::builder()
        .lanes(settings.lanes.into())
        .recipe(recipe(settings.clone()))
        .read_anew(move || reading.read_anew(&settings))
        .launcher(true)
        .capture_output(true)
        .adopt_orphans(true)
}
