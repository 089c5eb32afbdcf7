//! `heirloom abort`: the generation that rises is given up.

use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::show;
use heirloom::control::model::{self, Outcome};

/// Give up the generation that rises; what serves goes on serving.
///
/// If it had a share of new connections, they all go to what serves again, and it finishes what it holds.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  heirloom abort --reason 'wrong release'")]
pub(crate) struct Abort {
    /// Why, for the history and the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    whom: Whom,
}

pub(crate) fn abort(Abort { reason, whom }: Abort) -> ExitCode {
    asking::ask(&whom, whom.patience(), async |client| {
        let answer = client.abort(&model::Abort { reason }).await?;
        let refused = answer.outcome == Outcome::Refused;
        match (whom.wants_json(), refused) {
            (true, _) => {
                asking::print_json(&answer);
            }
            (false, true) => {
                let why = answer.why.as_deref().unwrap_or("no reason is given");
                show::error(&anyhow::anyhow!("there is nothing to abort: {why}"), None);
            }
            (false, false) => {
                let generation = answer.generation.map_or("it".into(), |id| format!("generation {id}"));
                asking::print(&format!("{generation} is given up\n"));
            }
        }
        Ok(if refused { ExitCode::Failed } else { ExitCode::Done })
    })
}
