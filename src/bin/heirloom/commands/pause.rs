//! `heirloom pause` and `heirloom resume`: the clock of a rollout.

use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::show;
use heirloom::control::model::{self, Answer, Outcome};

/// Stop the clock of the generation that rises: it stays where it is.
///
/// A canary keeps its share, and one that is held is not promoted by itself. Its health is checked all the same, and
/// `heirloom promote` and `heirloom abort` do what they do.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  heirloom pause --reason 'we look at the numbers'")]
pub(crate) struct Pause {
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    whom: Whom,
}

/// Let the clock of a paused rollout run again, with the time that it had left.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  heirloom resume")]
pub(crate) struct Resume {
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    whom: Whom,
}

pub(crate) fn pause(Pause { reason, whom }: Pause) -> ExitCode {
    asking::ask(&whom, whom.patience(), async |client| {
        let answer = client.pause(&model::Pause { reason }).await?;
        let resume = whom.again("resume");
        Ok(tell(&whom, &answer, "nothing is paused", &format!("stays where it is; `{resume}` lets it go on")))
    })
}

pub(crate) fn resume(Resume { reason, whom }: Resume) -> ExitCode {
    asking::ask(&whom, whom.patience(), async |client| {
        let answer = client.resume(&model::Resume { reason }).await?;
        Ok(tell(&whom, &answer, "nothing goes on", "goes on"))
    })
}

fn tell(whom: &Whom, answer: &Answer, refused: &str, done: &str) -> ExitCode {
    let is_refused = answer.outcome == Outcome::Refused;
    if whom.wants_json() {
        asking::print_json(answer);
    } else if is_refused {
        let why = answer.why.as_deref().unwrap_or("no reason is given");
        show::error(&anyhow::anyhow!("{refused}: {why}"), None);
    } else {
        let generation = answer.generation.map_or("it".into(), |id| format!("generation {id}"));
        asking::print(&format!("{generation} {done}\n"));
    }
    if is_refused { ExitCode::Failed } else { ExitCode::Done }
}
