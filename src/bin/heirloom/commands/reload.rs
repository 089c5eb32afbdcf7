//! `heirloom reload`: asks for a new generation, shows how it fares, and tells what became of it.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use clap::Args;
use futures_util::StreamExt;
use signal_hook::consts::signal::{SIGINT, SIGTERM};
use signal_hook_tokio::Signals;

use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::render::{Live, Steps, took};
use crate::show;
use heirloom::control::model::{self, Answer, EventsQuery, Outcome, Status, Told, Wait};
use heirloom::control::{AskError, Client, Events};

/// Raise a new generation, and wait until it serves.
///
/// What serves now goes on until the new generation has proved itself. If that fails, nothing has changed for any
/// client, the reason and the last lines of the worker to blame are shown, and the exit status is 3.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  heirloom reload
  heirloom reload --reason 'release 43' --timeout 2m
  heirloom reload --drained && rm -r releases/41")]
pub(crate) struct Reload {
    /// Wait, besides, until nothing is left of the generation before
    #[arg(long, conflicts_with = "no_wait")]
    drained: bool,
    /// Ask for it, and wait for nothing
    #[arg(long)]
    no_wait: bool,
    /// Why, for the history and the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    whom: Whom,
}

/// How often the line that changes is written anew.
const TICK: Duration = Duration::from_millis(100);
/// An answer may be quicker than the notice of what it tells.
const STRAGGLERS: Duration = Duration::from_secs(1);
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

pub(crate) fn reload(reload: Reload) -> ExitCode {
    asking::ask(&reload.whom, asking::PATIENCE, async |client| {
        let status = client.status().await?;
        let question = model::Reload {
            reason: reload.reason.clone(),
            wait: match (reload.no_wait, reload.drained) {
                (true, _) => Wait::None,
                (false, true) => Wait::Drained,
                (false, false) => Wait::Promoted,
            },
            timeout_seconds: reload.whom.timeout_seconds(),
        };
        let answer = watched(&client, &status, &question).await?;
        let code = code(&answer, question.wait);
        match reload.whom.wants_json() {
            true => {
                asking::print_json(&answer);
            }
            false => tell(&status.name, &answer, question.wait),
        }
        Ok(code)
    })
}

/// Asks, and shows what happens meanwhile.
async fn watched(client: &Client, status: &Status, question: &model::Reload) -> Result<Answer, AskError> {
    let serving = status.generations.iter().find(|generation| Some(generation.id) == status.serving);
    let mut steps = Steps::new(question.wait == Wait::Drained, serving.map_or(0, |serving| serving.ready));
    let mut shown = Live::new();
    let since = EventsQuery { since: Some(status.latest_event), follow: true, ..EventsQuery::default() };
    let mut events = client.events(&since).await.ok(); // the answer comes all the same
    let mut answer = pin!(client.reload(question));
    let mut ticks = tokio::time::interval(TICK);
    let mut signals = Signals::new([SIGINT, SIGTERM]).ok();
    let mut frames = SPINNER.iter().cycle();
    let answer = loop {
        tokio::select! {
            answer = &mut answer => break answer?,
            told = next(&mut events) => hear(told, &mut events, &mut steps, &mut shown, client).await,
            _ = ticks.tick(), if shown.is_seen() => {
                if let Some(current) = steps.current(SystemTime::now()) {
                    shown.change(&format!("  {} {current}", frames.next().unwrap_or(&" ")));
                }
            }
            Some(signal) = async { signals.as_mut()?.next().await } => leave(signal, shown),
        }
    };
    while is_known(answer.outcome)
        && !steps.are_complete(answer.generation)
        && let Ok(told) = tokio::time::timeout(STRAGGLERS, next(&mut events)).await
    {
        hear(told, &mut events, &mut steps, &mut shown, client).await;
    }
    Ok(answer)
}

fn is_known(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Promoted | Outcome::Drained | Outcome::Rejected | Outcome::RolledBack => true,
        Outcome::Done | Outcome::GoingOn | Outcome::Refused => false,
    }
}

/// The next event; for ever none when there are no more.
async fn next(events: &mut Option<Events>) -> Result<Option<Told>, AskError> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

async fn hear(
    told: Result<Option<Told>, AskError>,
    events: &mut Option<Events>,
    steps: &mut Steps,
    shown: &mut Live,
    client: &Client,
) {
    let Ok(Some(told)) = told else {
        *events = None;
        return;
    };
    if let Told::Report(report) = told {
        steps.hear(&report).iter().for_each(|line| shown.line(line));
    }
    let Some(generation) = steps.without_total() else { return };
    if let Ok(status) = client.status().await
        && let Some(rising) = status.generations.iter().find(|it| it.id == generation && status.rising == Some(it.id))
    {
        steps.total(generation, rising.total).iter().for_each(|line| shown.line(line));
    }
}

/// Ends as if the signal had not been caught; the reload goes on.
fn leave(signal: i32, mut shown: Live) -> ! {
    shown.line("  the reload goes on without us: `heirloom status` shows how it fares");
    drop(shown);
    let _ = signal_hook::low_level::emulate_default_handler(signal); // it ends the process
    std::process::exit(ExitCode::StillGoing as i32)
}

fn code(answer: &Answer, wait: Wait) -> ExitCode {
    match answer.outcome {
        Outcome::Promoted | Outcome::Drained | Outcome::Done => ExitCode::Done,
        Outcome::GoingOn if wait == Wait::None => ExitCode::Done,
        Outcome::GoingOn => ExitCode::StillGoing,
        Outcome::Rejected | Outcome::RolledBack => ExitCode::Rejected,
        Outcome::Refused => ExitCode::Failed,
    }
}

/// The outcome in a line; what went wrong, with the last lines of whoever is to blame, on standard error.
fn tell(name: &str, answer: &Answer, wait: Wait) {
    let generation = answer.generation.map_or_else(|| "the new generation".into(), |id| format!("generation {id}"));
    let time = took(Duration::try_from_secs_f64(answer.took_seconds).unwrap_or_default());
    let green = AnsiColor::Green.on_default().bold();
    let why = answer.why.as_deref();
    match answer.outcome {
        Outcome::Promoted | Outcome::Done => {
            asking::print(&format!("{green}{name}: {generation} serves{green:#} after {time}\n"));
        }
        Outcome::Drained => {
            let previous = answer.previous.map(|id| format!(", generation {id} is gone")).unwrap_or_default();
            asking::print(&format!("{green}{name}: {generation} serves{previous}{green:#} after {time}\n"));
        }
        Outcome::GoingOn if wait == Wait::None => {
            asking::print(&format!(
                "{name}: {} is asked for\n",
                if answer.generation.is_some() { &generation } else { "a reload" }
            ));
        }
        Outcome::GoingOn => {
            let waits = why.map(|why| format!(": {why}")).unwrap_or_default();
            show::error(
                &anyhow::anyhow!("still going on after {time}{waits}"),
                Some("`heirloom status` shows how it fares"),
            );
        }
        Outcome::Rejected | Outcome::RolledBack => blame(answer, &generation),
        Outcome::Refused => {
            show::error(&anyhow::anyhow!("the reload is refused: {}", why.unwrap_or("no reason is given")), None)
        }
    }
}

fn blame(answer: &Answer, generation: &str) {
    let mut shown = Live::new();
    let dim = Style::new().dimmed();
    // Without a worker to blame, these are mistakes in the config file.
    let tag = match (answer.generation, answer.slot) {
        (Some(generation), Some(slot)) => format!("{dim}{generation}.{slot} |{dim:#} "),
        _ => String::new(),
    };
    answer.last_lines.iter().for_each(|line| shown.line(format!("      {tag}{line}").trim_end()));
    let (what, now) = match (answer.outcome, answer.serving) {
        (Outcome::RolledBack, Some(serving)) => ("is rolled back", format!("generation {serving} serves again")),
        (Outcome::RolledBack, None) => ("is rolled back", "nothing serves".into()),
        (_, Some(serving)) => ("is rejected", format!("generation {serving} never stopped serving")),
        (_, None) => ("is rejected", "nothing serves".into()),
    };
    let why = answer.why.as_deref().unwrap_or("no reason is given");
    show::error(&anyhow::anyhow!("{generation} {what}: {why}"), Some(&hint(answer, &now)));
}

fn hint(answer: &Answer, now: &str) -> String {
    match answer.generation.filter(|_| answer.slot.is_some()) {
        Some(generation) => format!("{now}; `heirloom logs -g {generation}` shows all that it wrote"),
        None => now.to_owned(),
    }
}
