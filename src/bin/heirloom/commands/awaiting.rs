//! Asking for what takes its time: what happens meanwhile is shown step by step, and in the end what became of it.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use futures_util::StreamExt;
use signal_hook::consts::signal::{SIGINT, SIGTERM};
use signal_hook_tokio::Signals;

use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::render::{Live, Steps, WaysOn, took};
use crate::show;
use heirloom::control::model::{Answer, Door, EventsQuery, Outcome, Status, Told, Wait};
use heirloom::control::{Answered, AskError, Client, Events};

/// How often the line that changes is written anew.
const TICK: Duration = Duration::from_millis(100);
/// An answer may be quicker than the notice of what it tells.
const STRAGGLERS: Duration = Duration::from_secs(1);
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// What is asked for, and by whom.
pub(super) struct Awaiting<'a> {
    pub(super) client: &'a Client,
    pub(super) whom: &'a Whom,
    pub(super) status: &'a Status,
    /// A noun for it.
    pub(super) what: &'static str,
    pub(super) wait: Wait,
}

impl Awaiting<'_> {
    /// Shows what happens until the answer comes, then tells it.
    pub(super) async fn show(
        &self,
        steps: Steps,
        asked: impl Future<Output = Answered<Answer>>,
        good: impl FnOnce(&Answer) -> Option<String>,
    ) -> Result<ExitCode, AskError> {
        let answer = self.watched(steps, asked).await?;
        match (self.whom.wants_json(), good(&answer)) {
            (true, _) => drop(asking::print_json(&answer)),
            (false, Some(line)) => drop(asking::print(&line)),
            (false, None) => self.tell(&answer).await,
        }
        Ok(self.code(&answer))
    }

    /// Asks, and shows what happens meanwhile.
    async fn watched(
        &self,
        mut steps: Steps,
        asked: impl Future<Output = Answered<Answer>>,
    ) -> Result<Answer, AskError> {
        let mut shown = Live::new();
        let since = EventsQuery { since: Some(self.status.latest_event), follow: true, ..EventsQuery::default() };
        let mut events = self.client.events(&since).await.ok(); // the answer comes all the same
        let mut answer = pin!(asked);
        let mut ticks = tokio::time::interval(TICK);
        let mut signals = Signals::new([SIGINT, SIGTERM]).ok();
        let mut frames = SPINNER.iter().cycle();
        let answer = loop {
            tokio::select! {
                answer = &mut answer => break answer?,
                told = next(&mut events) => self.hear(told, &mut events, &mut steps, &mut shown).await,
                _ = ticks.tick(), if shown.is_seen() => {
                    if let Some(current) = steps.current(SystemTime::now()) {
                        shown.change(&format!("  {} {current}", frames.next().unwrap_or(&" ")));
                    }
                }
                Some(signal) = async { signals.as_mut()?.next().await } => self.leave(signal, shown),
            }
        };
        while !is_all_heard(&answer, &steps)
            && let Ok(told) = tokio::time::timeout(STRAGGLERS, next(&mut events)).await
        {
            self.hear(told, &mut events, &mut steps, &mut shown).await;
        }
        Ok(answer)
    }

    async fn hear(
        &self,
        told: Result<Option<Told>, AskError>,
        events: &mut Option<Events>,
        steps: &mut Steps,
        shown: &mut Live,
    ) {
        let Ok(Some(told)) = told else {
            *events = None;
            return;
        };
        if let Told::Report(report) = told {
            steps.hear(&report).iter().for_each(|line| shown.line(line));
        }
        let Some(generation) = steps.without_total() else { return };
        if let Ok(status) = self.client.status().await
            && let Some(rising) =
                status.generations.iter().find(|it| it.id == generation && status.rising == Some(it.id))
        {
            steps.total(generation, rising.total).iter().for_each(|line| shown.line(line));
        }
    }

    /// Ends as if the signal had not been caught; what was asked for goes on.
    fn leave(&self, signal: i32, mut shown: Live) -> ! {
        let status = self.whom.again("status");
        shown.line(&format!("  the {} goes on without us: `{status}` shows how it fares", self.what));
        drop(shown);
        let _ = signal_hook::low_level::emulate_default_handler(signal); // it ends the process
        std::process::exit(ExitCode::StillGoing as i32)
    }

    fn code(&self, answer: &Answer) -> ExitCode {
        match answer.outcome {
            Outcome::Proven | Outcome::Promoted | Outcome::Drained | Outcome::Done => ExitCode::Done,
            Outcome::GoingOn if self.wait == Wait::None => ExitCode::Done,
            Outcome::GoingOn => ExitCode::StillGoing,
            Outcome::Rejected | Outcome::RolledBack => ExitCode::Rejected,
            Outcome::Refused => ExitCode::Failed,
        }
    }

    /// The outcome in a line; what went wrong, with the last lines of whoever is to blame, on standard error.
    async fn tell(&self, answer: &Answer) {
        let name = &self.status.name;
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
            Outcome::Proven => {
                let why = why.unwrap_or("it has proved itself");
                asking::print(&format!("{green}{name}: {why}{green:#}, after {time}\n"));
                for Door { listener, address } in &answer.doors {
                    asking::print(&format!("  {address} leads to its {listener}, before any client\n"));
                }
                let WaysOn { promote, abort, .. } = self.whom.ways_on();
                asking::print(&format!("  `{promote}` lets it serve, `{abort}` ends it\n"));
            }
            Outcome::GoingOn if self.wait == Wait::None => {
                let what = if answer.generation.is_some() { generation } else { format!("a {}", self.what) };
                asking::print(&format!("{name}: {what} is asked for\n"));
            }
            Outcome::GoingOn => {
                let waits = why.map(|why| format!(": {why}")).unwrap_or_default();
                let hint = self.way_on().await;
                show::error(&anyhow::anyhow!("still going on after {time}{waits}"), Some(&hint));
            }
            Outcome::Rejected | Outcome::RolledBack => self.blame(answer, &generation),
            Outcome::Refused => {
                let why = why.unwrap_or("no reason is given");
                show::error(&anyhow::anyhow!("the {} is refused: {why}", self.what), None);
            }
        }
    }

    /// What can be done about something that takes its time.
    async fn way_on(&self) -> String {
        let status = self.whom.again("status");
        let WaysOn { promote, abort, .. } = self.whom.ways_on();
        match self.client.status().await.ok().and_then(|status| status.rollout) {
            Some(_) => format!("`{promote}` lets it serve, `{abort}` ends it, `{status}` shows how it fares"),
            None => format!("`{status}` shows how it fares"),
        }
    }

    fn blame(&self, answer: &Answer, generation: &str) {
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
        let hint = match answer.generation.filter(|_| answer.slot.is_some()) {
            Some(generation) => {
                format!("{now}; `{} -g {generation}` shows all that it wrote", self.whom.again("logs"))
            }
            None => now,
        };
        show::error(&anyhow::anyhow!("{generation} {what}: {why}"), Some(&hint));
    }
}

/// Whether the steps have come as far as the answer.
fn is_all_heard(answer: &Answer, steps: &Steps) -> bool {
    match answer.outcome {
        Outcome::Promoted | Outcome::Drained | Outcome::Rejected | Outcome::RolledBack => {
            steps.are_complete(answer.generation)
        }
        Outcome::Proven => steps.are_proven(),
        Outcome::Done | Outcome::GoingOn | Outcome::Refused => true,
    }
}

/// The next event; for ever none when there are no more.
async fn next(events: &mut Option<Events>) -> Result<Option<Told>, AskError> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}
