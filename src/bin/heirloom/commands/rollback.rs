//! `heirloom rollback`: back to a generation that served.

use std::time::Duration;

use super::awaiting::Awaiting;
use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::render::{Steps, took};
use heirloom::control::model::{self, Answer, Outcome, Wait};

/// Go back to the generation that served before, or to an older one.
///
/// One that still stands by serves again from the next connection on. Of another one, the release is raised anew as it
/// was, if it is still kept.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  heirloom rollback
  heirloom rollback --to 41 --reason 'the new prices are wrong'")]
pub(crate) struct Rollback {
    /// To this generation
    #[arg(long, value_name = "GEN", value_parser = clap::value_parser!(u32).range(1..))]
    to: Option<u32>,
    /// Wait, besides, until nothing is left of the generation that served
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

pub(crate) fn rollback(rollback: Rollback) -> ExitCode {
    asking::ask(&rollback.whom, asking::PATIENCE, async |client| {
        let status = client.status().await?;
        let wait = match (rollback.no_wait, rollback.drained) {
            (true, _) => Wait::None,
            (false, true) => Wait::Drained,
            (false, false) => Wait::Promoted,
        };
        let question = model::Rollback {
            to: rollback.to,
            reason: rollback.reason.clone(),
            wait,
            timeout_seconds: rollback.whom.timeout_seconds(),
        };
        let awaiting = Awaiting { client: &client, whom: &rollback.whom, status: &status, what: "rollback", wait };
        let steps = Steps::new(&status, wait == Wait::Drained, rollback.whom.ways_on()).going_back();
        let good = |answer: &Answer| back(&status.name, answer, rollback.to);
        awaiting.show(steps, client.rollback(&question), good).await
    })
}

/// What is said of one that went well.
fn back(name: &str, answer: &Answer, to: Option<u32>) -> Option<String> {
    let gone = match (answer.outcome, answer.previous) {
        (Outcome::Drained, Some(previous)) => format!(", generation {previous} is gone"),
        (Outcome::Promoted | Outcome::Drained, _) => String::new(),
        _ => return None,
    };
    let generation = answer.generation?;
    let time = took(Duration::try_from_secs_f64(answer.took_seconds).unwrap_or_default());
    let again = answer.previous.is_some_and(|previous| generation < previous);
    Some(match (again, to) {
        (true, _) => format!("{name}: generation {generation} serves again{gone}, after {time}\n"),
        (false, Some(to)) => {
            format!("{name}: generation {generation} serves what generation {to} was{gone}, after {time}\n")
        }
        (false, None) => format!("{name}: generation {generation} serves what served before{gone}, after {time}\n"),
    })
}
