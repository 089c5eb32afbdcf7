//! `heirloom events` and `heirloom logs`: what happens, and what workers write.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use heirloom::control::model::{EventsQuery, LogsQuery, Missed, Told};
use heirloom::control::{AskError, Events as Stream};
use heirloom::observe::{Human, Weight};

/// Show what has happened, and what happens.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  heirloom events
  heirloom events -f --lines
  heirloom events -f -o json | jq -r .notice")]
pub(crate) struct Events {
    /// Go on with what happens, until you interrupt it
    #[arg(long, short)]
    follow: bool,
    /// Only what came after the event of this number
    #[arg(long, value_name = "ID")]
    since: Option<u64>,
    /// Begin with the last N
    #[arg(long, short = 'n', value_name = "N", conflicts_with = "since")]
    last: Option<u32>,
    /// The lines that workers write as well
    #[arg(long)]
    lines: bool,
    #[command(flatten)]
    whom: Whom,
}

/// Show what the workers have written, and what they write.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  heirloom logs -n 100
  heirloom logs -f
  heirloom logs -g 3 -s 0")]
pub(crate) struct Logs {
    /// Go on with what they write, until you interrupt it
    #[arg(long, short)]
    follow: bool,
    /// Only what this generation writes
    #[arg(long, short, value_name = "N")]
    generation: Option<u32>,
    /// Only what the worker in this slot writes
    #[arg(long, short, value_name = "N")]
    slot: Option<u32>,
    /// Begin with the last N lines
    #[arg(long, short = 'n', value_name = "N")]
    last: Option<u32>,
    #[command(flatten)]
    whom: Whom,
}

/// Whoever follows is shown a little of what was before.
const BEFORE: u32 = 10;

pub(crate) fn events(events: Events) -> ExitCode {
    let Events { follow, since, last, lines, whom } = events;
    let last = last.or((follow && since.is_none()).then_some(BEFORE));
    asking::ask(&whom, whom.patience(), async |client| {
        let query = EventsQuery { since, last, follow, lines };
        show(client.events(&query).await?, whom.wants_json(), true).await
    })
}

pub(crate) fn logs(logs: Logs) -> ExitCode {
    let Logs { follow, generation, slot, last, whom } = logs;
    let last = last.or(follow.then_some(BEFORE));
    asking::ask(&whom, whom.patience(), async |client| {
        let query = LogsQuery { since: None, last, follow, generation, slot };
        show(client.logs(&query).await?, whom.wants_json(), false).await
    })
}

async fn show(mut stream: Stream, json: bool, times: bool) -> Result<ExitCode, AskError> {
    let mut stdout = anstream::stdout();
    loop {
        let written = if json {
            match stream.next_line().await? {
                Some(line) => writeln!(stdout, "{line}"),
                None => return Ok(ExitCode::Done),
            }
        } else {
            match stream.next().await? {
                Some(told) => line(&mut stdout, &told, times),
                None => return Ok(ExitCode::Done),
            }
        };
        if written.and_then(|()| stdout.flush()).is_err() {
            return Ok(ExitCode::Done); // whoever wanted it has seen enough
        }
    }
}

fn line(out: &mut impl Write, told: &Told, times: bool) -> io::Result<()> {
    let dim = Style::new().dimmed();
    let report = match told {
        Told::Missed(Missed { after, up_to }) => {
            return writeln!(out, "{dim}… {} events are not known any more{dim:#}", up_to.saturating_sub(*after));
        }
        Told::Report(report) => report,
    };
    let line = Human(report);
    let style = match line.weight() {
        Weight::Line(_) | Weight::Step => Style::new(),
        Weight::Good => AnsiColor::Green.on_default(),
        Weight::Bad => AnsiColor::Red.on_default(),
    };
    if times {
        let time = humantime::format_rfc3339_millis(report.time);
        write!(out, "{dim}{time}{dim:#}  ")?;
    }
    writeln!(out, "{style}{line}{style:#}")
}
