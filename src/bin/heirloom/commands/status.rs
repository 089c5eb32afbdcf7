//! `heirloom status`: all that is.

use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use signal_hook::consts::signal::{SIGINT, SIGTERM};
use signal_hook_tokio::Signals;

use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::render::{self, Repainted};
use heirloom::config;
use heirloom::control::{AskError, Client};

/// Show what serves, what rises, what drains, and where it listens.
///
/// CONNS, CPU and RSS are of all workers of a generation together; `?` is what nobody says.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  heirloom status
  heirloom status --watch --workers
  heirloom status -o json | jq .serving")]
pub(crate) struct Status {
    /// Show it again and again, each TIME [default: 1s]
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "1s", value_parser = config::ready_grace)]
    watch: Option<Duration>,
    /// Show each worker
    #[arg(long)]
    workers: bool,
    #[command(flatten)]
    whom: Whom,
}

pub(crate) fn status(status: Status) -> ExitCode {
    asking::ask(&status.whom, status.whom.patience(), async |client| match status.watch {
        Some(every) => watch(&client, &status, every).await,
        None => once(&client, &status).await,
    })
}

async fn once(client: &Client, asked: &Status) -> Result<ExitCode, AskError> {
    let answer = client.status().await?;
    Ok(match asked.whom.wants_json() {
        true => asking::print_json(&answer),
        false => asking::print(&render::status(&answer, asked.workers, render::draws(), render::width())),
    })
}

/// In place on a terminal, one after the other elsewhere; until somebody interrupts, or the time is over.
async fn watch(client: &Client, asked: &Status, every: Duration) -> Result<ExitCode, AskError> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).ok();
    let mut terminal = if asked.whom.wants_json() { None } else { Repainted::new() };
    let mut ticks = tokio::time::interval(every);
    loop {
        tokio::select! {
            Some(_) = async { signals.as_mut()?.next().await } => return Ok(ExitCode::Done),
            _ = ticks.tick() => {}
        }
        match &mut terminal {
            None if once(client, asked).await? != ExitCode::Done => return Ok(ExitCode::Failed),
            None => {}
            Some(terminal) => {
                let picture = render::status(&client.status().await?, asked.workers, render::draws(), render::width());
                if terminal.paint(&picture).is_err() {
                    return Ok(ExitCode::Failed); // whoever looked has gone
                }
            }
        }
    }
}
