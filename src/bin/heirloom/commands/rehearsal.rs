//! `heirloom check --start`: one worker on the side, with listeners that no client knows, ended as soon as it is ready.

use std::io;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::Context;
use serde::Serialize;

use crate::arguments::Form;
use crate::asking;
use crate::exit_code::ExitCode;
use crate::reading::recipe;
use crate::render::{Live, took};
use crate::show;
use heirloom::config::Settings;
use heirloom::master::{Builder, Deed, Evidence, Handle, Master, Notices, Recipe, Report, What};
use heirloom::supervision::{Command, Notice, Origin, Plan, Reason};
use heirloom::triggers::Signals;

/// How often the line that changes is written anew.
const TICK: Duration = Duration::from_millis(100);

/// How it went.
#[derive(Debug, Default, Serialize)]
struct Rehearsal {
    /// After so long, the worker was ready.
    ready_seconds: Option<f64>,
    /// How that became known.
    evidence: Option<Evidence>,
    /// So long it took to finish.
    drained_seconds: Option<f64>,
    /// Why it was not ready, or had to be killed.
    why: Option<String>,
    /// The last lines of what it wrote.
    last_lines: Vec<String>,
}

/// Raises a worker and ends it; tells how that went.
pub(super) fn rehearse(settings: Settings, form: Form) -> ExitCode {
    let shown = (form == Form::Text).then(Live::new);
    match perform(settings, shown) {
        Ok(rehearsal) => {
            if form == Form::Json {
                asking::print_json(&rehearsal);
            } else {
                rehearsal.tell();
            }
            if rehearsal.why.is_none() { ExitCode::Done } else { ExitCode::Failed }
        }
        Err(error) => {
            show::error(&error, None);
            ExitCode::Failed
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn perform(settings: Settings, shown: Option<Live>) -> anyhow::Result<Rehearsal> {
    let place = private_directory().context("cannot create a directory for the listeners")?;
    let signals = Signals::take()?;
    let mut master = on_the_side(settings).aside(place.path()).build()?;
    let (notices, handle) = (master.notices(), master.handle());
    let ask = tokio::spawn(signals.ask(handle.clone()));
    let (ending, rehearsal) = tokio::join!(master.run(), Watch::new(shown).until_the_end(notices, handle));
    ask.abort();
    ending?;
    Ok(rehearsal)
}

/// Nobody else can reach what is in it.
fn private_directory() -> io::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().prefix("heirloom-").permissions(std::fs::Permissions::from_mode(0o700)).tempdir()
}

/// As it would be run, with one worker, and no longer than it has to.
fn on_the_side(settings: Settings) -> Builder {
    let lanes = settings.lanes.into();
    let recipe = recipe(settings);
    let plan = Plan { workers: 1, warm: Duration::ZERO, ..recipe.plan.clone() };
    let builder = Master::builder().recipe(Recipe { plan, ..recipe }).lanes(lanes);
    builder.launcher(true).capture_output(true).adopt_orphans(true)
}

/// What is heard of it.
struct Watch {
    shown: Option<Live>,
    began: Instant,
    /// Since when the worker is to finish.
    drains: Option<Instant>,
    rehearsal: Rehearsal,
}

impl Watch {
    fn new(shown: Option<Live>) -> Watch {
        Watch { shown, began: Instant::now(), drains: None, rehearsal: Rehearsal::default() }
    }

    async fn until_the_end(mut self, mut notices: Notices, master: Handle) -> Rehearsal {
        let mut ticks = tokio::time::interval(TICK);
        let is_seen = self.shown.as_ref().is_some_and(Live::is_seen);
        loop {
            tokio::select! {
                report = notices.next() => match report {
                    Some(report) => self.hear(report, &master).await,
                    None => return self.rehearsal,
                },
                _ = ticks.tick(), if is_seen => self.tick(),
            }
        }
    }

    async fn hear(&mut self, report: Report, master: &Handle) {
        match report.what {
            What::Rules(Notice::Started { .. }) => {
                let pid = report.pid.map(|pid| format!("pid {pid}")).unwrap_or_default();
                self.step(true, "started", self.began, &pid);
            }
            What::Deeds(Deed::Proved { evidence, .. }) => self.rehearsal.evidence = Some(evidence),
            What::Rules(Notice::Promoted { .. }) => {
                self.rehearsal.ready_seconds = Some(self.began.elapsed().as_secs_f64());
                self.step(true, "ready", self.began, why_ready(self.rehearsal.evidence));
                self.drains = Some(Instant::now());
                let origin = Origin::new("heirloom check");
                master.start_asking(Command::Stop { fast: false }, origin).await; // the notices tell the outcome
            }
            What::Rules(Notice::GivenUp { reason, .. }) => {
                self.rehearsal.last_lines = report.last_lines;
                self.rehearsal.why = Some(why(&reason));
                self.step(false, "ready", self.began, "");
            }
            What::Rules(Notice::Killing { why, .. }) => {
                self.rehearsal.why.get_or_insert_with(|| format!("the worker is killed: {why}"));
            }
            What::Rules(Notice::Gone { .. }) => {
                if let Some(drains) = self.drains.filter(|_| self.rehearsal.why.is_none()) {
                    self.rehearsal.drained_seconds = Some(drains.elapsed().as_secs_f64());
                    self.step(true, "drained", drains, "");
                }
            }
            What::Rules(_) | What::Deeds(_) => {}
        }
    }

    fn step(&mut self, good: bool, step: &str, since: Instant, tail: &str) {
        let (sign, colour) = if good { ("✔", AnsiColor::Green) } else { ("✘", AnsiColor::Red) };
        let style = colour.on_default();
        let time = took(since.elapsed());
        if let Some(shown) = &mut self.shown {
            shown.line(format!("  {style}{sign}{style:#} {step:<9} {time:>6}  {tail}").trim_end());
        }
    }

    fn tick(&mut self) {
        let (doing, since) = self.drains.map_or(("ready?", self.began), |since| ("draining", since));
        if let Some(shown) = &mut self.shown {
            shown.change(&format!("  · {doing:<9} {:>6}", took(since.elapsed())));
        }
    }
}

fn why(reason: &Reason) -> String {
    match reason {
        Reason::Stopping => "it was interrupted".into(),
        reason => reason.to_string(),
    }
}

fn why_ready(evidence: Option<Evidence>) -> &'static str {
    match evidence {
        None => "it says so",
        Some(Evidence::Said) => "it says so (READY=1)",
        Some(Evidence::Confirmed) => "it says so (READY=1), and accepts connections",
        Some(Evidence::Accepted) => "it accepts connections",
        Some(Evidence::Uptime) => "it stayed up; it says nothing, and a probe cannot tell",
    }
}

impl Rehearsal {
    fn tell(&self) {
        let time = |seconds: Option<f64>| took(Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default());
        match &self.why {
            None => {
                let (ready, drained) = (time(self.ready_seconds), time(self.drained_seconds));
                asking::print(&format!("fine: a worker was ready after {ready}, and finished within {drained}\n"));
            }
            Some(why) => {
                let dim = Style::new().dimmed();
                let mut shown = Live::new();
                self.last_lines.iter().for_each(|line| shown.line(&format!("      {dim}|{dim:#} {line}")));
                show::error(&anyhow::anyhow!("{why}"), Some("no client has met it"));
            }
        }
    }
}
