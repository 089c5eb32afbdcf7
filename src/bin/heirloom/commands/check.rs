//! `heirloom check`: what is wrong with a configuration, all of it at once, without running anything; with `--start`,
//! a rehearsal besides.

use std::path::Path;

use serde::Serialize;

use super::rehearsal;
use super::settings;
use crate::arguments::{Form, Run};
use crate::asking;
use crate::exit_code::ExitCode;
use crate::reading::recipe;
use crate::render::count;
use crate::show;
use heirloom::config::{self, InForce, Settings, SettingsError, Source, Whence};
use heirloom::master::ReleaseError;

/// Tell everything that is wrong with a configuration, without running it.
///
/// Give it the flags that you give to `run`. With --start, one worker is raised on the side, with listeners that no
/// client knows, and ended as soon as it is ready.
///
/// A broken configuration exits with 78, a worker that does not get ready with 1.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  heirloom check
  heirloom check --config /etc/heirloom/web.toml --start
  heirloom check --start --listen 8000 -- ./server")]
pub(crate) struct Check {
    /// Raise one worker on the side, and end it when it is ready
    #[arg(long)]
    start: bool,
    #[command(flatten)]
    run: Run,
}

/// Who listens may be the very master that is to be reloaded.
const OURS: &str = "if that is the master that you are about to reload, all is well";

/// What has been found.
#[derive(Debug, Default, Serialize)]
struct Findings {
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
}

/// One thing, and what to do about it.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    /// Where that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    whence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

pub(crate) fn check(Check { start, run }: Check) -> ExitCode {
    let (source, around) = match settings::source(run.config.as_deref()) {
        Ok(found) => found,
        Err(code) => return code,
    };
    let checked = config::in_force(source.as_ref(), &run.layer(), &around)
        .and_then(|in_force| Ok((in_force, Settings::from(source.as_ref(), run.layer(), &around)?)));
    let (in_force, settings) = match checked {
        Ok(checked) => checked,
        Err(error) => return refused(error, run.output),
    };
    let findings = Findings::of(&settings, &in_force);
    let fine = findings.errors.is_empty();
    match run.output {
        Form::Json => drop(asking::print_json(&findings)),
        Form::Text => findings.tell(),
    }
    match (fine, start) {
        (false, _) => ExitCode::BadConfig,
        (true, true) => rehearsal::rehearse(settings, run.output),
        (true, false) => {
            if run.output == Form::Text {
                asking::print(&praise(&settings, source.as_ref()));
            }
            ExitCode::Done
        }
    }
}

fn refused(error: SettingsError, form: Form) -> ExitCode {
    if form == Form::Json {
        let finding = Finding { what: error.to_string(), whence: None, hint: error.hint().map(str::to_owned) };
        asking::print_json(&Findings { errors: vec![finding], warnings: Vec::new() });
    }
    settings::refused(error.into())
}

fn praise(settings: &Settings, source: Option<&Source>) -> String {
    let what = source.map_or("the command line".into(), |source| source.path.display().to_string());
    let program = settings.command.first().map(|program| program.to_string_lossy()).unwrap_or_default();
    let names: Vec<String> = settings.listeners.iter().map(|listener| listener.address.to_string()).collect();
    let listeners = if names.is_empty() { "what they ask for".into() } else { names.join(", ") };
    format!("{what} is fine: {} of {program} on {listeners}\n", count(settings.plan.workers.into(), "worker"))
}

impl Findings {
    fn of(settings: &Settings, in_force: &[InForce]) -> Findings {
        let mut findings = Findings::default();
        let whence = |key: &str| in_force.iter().find(|it| it.key == key).and_then(|it| written(&it.whence));
        let recipe = recipe(settings.clone());
        for fault in recipe.faults() {
            let whence = whence(key_of(&fault));
            let what = format!("{:#}", anyhow::Error::new(fault));
            findings.errors.push(Finding { what, whence, hint: None });
        }
        for declaration in &recipe.listeners {
            let Some(obstacle) = declaration.obstacle() else { continue };
            let (hint, in_use) = (obstacle.hint(), obstacle.is_in_use());
            let hint = if obstacle.to_string().contains(": heirloom (pid ") { Some(OURS.to_owned()) } else { hint };
            let whence = whence(&format!("listen.{}", declaration.name)).or_else(|| whence("listen"));
            let finding = Finding { what: format!("{:#}", anyhow::Error::new(obstacle)), whence, hint };
            if in_use { findings.warnings.push(finding) } else { findings.errors.push(finding) }
        }
        let no_directory = |path: &&Path| path.parent().is_some_and(|parent| !parent.is_dir());
        if let Some(path) = settings.pid_file.as_deref().filter(no_directory) {
            let what = format!("cannot write the PID file {}: its directory does not exist", path.display());
            findings.errors.push(Finding { what, whence: whence("pid_file"), hint: None });
        }
        findings
    }

    fn tell(&self) {
        let place =
            |finding: &Finding| finding.whence.as_ref().map(|whence| format!(" --> {whence}\n")).unwrap_or_default();
        for error in &self.errors {
            show::finding("error", &error.what, &place(error), error.hint.as_deref());
        }
        for warning in &self.warnings {
            show::finding("warning", &warning.what, &place(warning), warning.hint.as_deref());
        }
    }
}

fn written(whence: &Whence) -> Option<String> {
    match whence {
        Whence::Flag { .. } | Whence::File { .. } => Some(whence.to_string()),
        Whence::Default => None,
    }
}

fn key_of(fault: &ReleaseError) -> &'static str {
    match fault {
        ReleaseError::Directory { .. } => "directory",
        ReleaseError::EnvFile { .. } => "env_file",
        ReleaseError::Credentials(_) => "process.user",
        ReleaseError::Errand { setting, .. } => setting,
        _ => "command",
    }
}
