//! `heirloom run`: a master in the foreground.

use std::path::Path;

use anyhow::Context;
use tokio::task::JoinHandle;

use super::settings;
use crate::arguments::{Form, Run};
use crate::exit_code::ExitCode;
use crate::log::{self, Log};
use crate::pid_file::PidFile;
use crate::reading::{Reading, recipe, watched};
use crate::show;
use heirloom::config::Settings;
use heirloom::control::{self, Around, Places, Server};
use heirloom::master::{Builder, Master, StartError};
use heirloom::observe::Systemd;
use heirloom::supervision::Ending;
use heirloom::triggers::Signals;
use heirloom::triggers::watch::OnChange;

/// Runs until it is asked to stop.
pub(crate) fn run(run: Run) -> ExitCode {
    let mut reading = Reading::new(run.layer(), run.config);
    let (settings, source) = match reading.read() {
        Ok(read) => read,
        Err(error) => return settings::refused(error),
    };
    let log = log::start(run.log, &settings.name);
    if let Some(source) = source {
        show::step(run.output, &log, &format!("settings from {}", source.path.display()));
        reading.stay_with(&source);
    }
    match try_to_run(settings, reading, run.output, log.clone()) {
        Ok(Ending::Stopped) => ExitCode::Done,
        Ok(Ending::Failed(_)) => ExitCode::Failed,
        Err(error) => {
            show::failure(&log, &error, hint(&error).as_deref());
            ExitCode::Failed
        }
    }
}

fn hint(error: &anyhow::Error) -> Option<String> {
    let start = error.downcast_ref::<StartError>().and_then(StartError::hint);
    start.or_else(|| Some(error.downcast_ref::<control::OpenError>()?.hint().to_owned()))
}

#[tokio::main(flavor = "current_thread")]
async fn try_to_run(settings: Settings, reading: Reading, form: Form, log: Log) -> anyhow::Result<Ending> {
    let signals = Signals::take()?;
    let _pid_file = settings.pid_file.as_deref().map(PidFile::take).transpose()?;
    let name = settings.name.clone();
    let metrics = settings.metrics;
    let server = control_socket(&settings, form, &log)?;
    let (on_change, asking) = OnChange::new(reading.here().to_owned());
    let mut master = builder(settings, reading, on_change)?.build()?;
    let serving = control::serve(name.clone(), &mut master, server, metrics);
    let serving = serving.with_context(|| match metrics {
        Some(address) => format!("cannot tell metrics on {address}"),
        None => "cannot answer on the control socket".into(),
    })?;
    if let Some(address) = serving.metrics() {
        show::step(form, &log, &format!("metrics on http://{address}/metrics"));
    }
    let shown = show::start(name, form, log, master.notices()).context("cannot start a thread")?;
    let supervisor = Systemd::from_environment().unwrap_or_else(|error| {
        tracing::warn!(%error, "our supervisor cannot be notified");
        None
    });
    let told = supervisor.map(|supervisor| tokio::spawn(supervisor.tell(master.notices())));
    let ask = [tokio::spawn(signals.ask(master.handle())), tokio::spawn(asking.ask(master.handle()))];
    let ending = master.run().await;
    ask.iter().for_each(JoinHandle::abort);
    if let Some(told) = told {
        told.await.context("the task that notifies our supervisor has panicked")?;
    }
    serving.finish().await;
    shown.finish();
    Ok(ending?)
}

/// The control socket, if there is a place for it. Whoever named one wants it for sure, and two masters of one name
/// would be a mistake.
fn control_socket(settings: &Settings, form: Form, log: &Log) -> anyhow::Result<Option<Server>> {
    let places = Places::of(&settings.name, settings.socket.as_deref(), &Around::this_process());
    let group = settings.control_group.as_deref().map(control::group).transpose()?;
    match Server::open(&places, group) {
        Ok(server) => {
            show::step(form, log, &format!("control socket {}", server.path().display()));
            Ok(Some(server))
        }
        Err(nowhere @ control::OpenError::Nowhere { .. }) if group.is_none() => {
            show::step(form, log, &format!("{nowhere}: {}", nowhere.hint()));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// What a release is made of is watched before it is resolved: so nothing can change unseen.
fn builder(settings: Settings, reading: Reading, on_change: OnChange) -> anyhow::Result<Builder> {
    let attend = move |settings: &Settings, here: &Path| {
        let (files, pace) = watched(settings, here);
        on_change.attend(files, pace)
    };
    attend(&settings, reading.here()).context("cannot watch files")?;
    Ok(Master::builder()
        .lanes(settings.lanes.into())
        .recipe(recipe(settings.clone()))
        .read_anew(move || {
            let settings = reading.read_anew(&settings)?;
            if let Err(error) = attend(&settings, reading.here()) {
                tracing::warn!("{error}: what was watched is watched on");
            }
            Ok(recipe(settings))
        })
        .launcher(true)
        .capture_output(true)
        .adopt_orphans(true))
}
