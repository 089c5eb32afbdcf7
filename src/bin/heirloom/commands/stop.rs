//! `heirloom stop`: the end of a master.

use std::time::Duration;

use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::render::took;
use crate::show;
use heirloom::control::AskError;
use heirloom::control::model::{self, Outcome};

/// End the master: its workers finish what they hold.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  heirloom stop\n  heirloom stop --fast --reason 'it hangs'")]
pub(crate) struct Stop {
    /// Kill the workers at once: what they hold is lost
    #[arg(long)]
    fast: bool,
    /// Ask for it, and wait for nothing
    #[arg(long)]
    no_wait: bool,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    whom: Whom,
}

pub(crate) fn stop(Stop { fast, no_wait, reason, whom }: Stop) -> ExitCode {
    let question = model::Stop { fast, reason, wait: !no_wait, timeout_seconds: whom.timeout_seconds() };
    asking::ask(&whom, asking::PATIENCE, async |client| {
        let began = std::time::Instant::now();
        let answer = match client.stop(&question).await {
            // A master that is gone has stopped.
            Err(AskError::Ended(_)) => None,
            answer => Some(answer?),
        };
        let outcome = answer.as_ref().map_or(Outcome::Done, |answer| answer.outcome);
        if let (true, Some(answer)) = (whom.wants_json(), &answer) {
            asking::print_json(answer);
        }
        let say = |text: &str| {
            if !whom.wants_json() {
                asking::print(text);
            }
        };
        let time =
            took(answer.map_or(began.elapsed(), |answer| {
                Duration::try_from_secs_f64(answer.took_seconds).unwrap_or_default()
            }));
        Ok(match outcome {
            Outcome::GoingOn if no_wait => {
                say("it is asked to stop\n");
                ExitCode::Done
            }
            Outcome::GoingOn => {
                let hint = Some("`heirloom status` shows who has not finished; `heirloom stop --fast` kills them");
                show::error(&anyhow::anyhow!("it has not stopped after {time}"), hint);
                ExitCode::StillGoing
            }
            Outcome::Refused | Outcome::Rejected | Outcome::RolledBack => {
                show::error(&anyhow::anyhow!("it does not stop"), None);
                ExitCode::Failed
            }
            Outcome::Done | Outcome::Proven | Outcome::Promoted | Outcome::Drained => {
                say(&format!("stopped after {time}\n"));
                ExitCode::Done
            }
        })
    })
}
