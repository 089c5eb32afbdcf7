//! `heirloom promote`: the generation goes on that is held, or has a share.

use super::awaiting::Awaiting;
use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::render::Steps;
use heirloom::control::model::{self, Outcome, Wait};

/// Let the generation serve that is held or has a share, and wait until it does.
///
/// One that is held goes on as its strategy says: a canary begins with its first share, any other gets all new
/// connections. One that has a share gets all of them at once.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  heirloom promote
  heirloom promote --drained && rm -r releases/41")]
pub(crate) struct Promote {
    /// Wait, besides, until nothing is left of the generation before
    #[arg(long, conflicts_with = "no_wait")]
    drained: bool,
    /// Ask for it, and wait for nothing
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    whom: Whom,
}

pub(crate) fn promote(promote: Promote) -> ExitCode {
    asking::ask(&promote.whom, asking::PATIENCE, async |client| {
        let status = client.status().await?;
        let wait = match (promote.no_wait, promote.drained) {
            (true, _) => Wait::None,
            (false, true) => Wait::Drained,
            (false, false) => Wait::Promoted,
        };
        let question = model::Promote { wait, timeout_seconds: promote.whom.timeout_seconds() };
        let awaiting = Awaiting { client: &client, whom: &promote.whom, status: &status, what: "promotion", wait };
        let steps = Steps::new(&status, wait == Wait::Drained, promote.whom.ways_on()).joining(&status);
        awaiting
            .show(steps, client.promote(&question), |answer| {
                let begins = answer.outcome == Outcome::Done;
                let generation = answer.generation.map_or("it".into(), |id| format!("generation {id}"));
                let status = promote.whom.again("status");
                begins.then(|| {
                    format!(
                        "{}: {generation} is held no more: its shares begin; `{status}` shows them\n",
                        awaiting.status.name
                    )
                })
            })
            .await
    })
}
