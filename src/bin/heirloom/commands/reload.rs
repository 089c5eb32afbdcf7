//! `heirloom reload`: asks for a new generation, shows how it fares, and tells what became of it.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::awaiting::Awaiting;
use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::render::Steps;
use heirloom::control::model::{self, Wait};
use heirloom::supervision::Strategy;

/// Raise a new generation, and wait until it serves.
///
/// What serves now goes on until the new generation has proved itself. If that fails, nothing has changed for any
/// client, the reason and the last lines of the worker to blame are shown, and the exit status is 3.
///
/// A generation that is held, or has a share of new connections, waits for a time or for a word: `heirloom promote` lets
/// it serve, `heirloom abort` ends it. With --proven, reload waits no longer than until then.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  heirloom reload
  heirloom reload --reason 'release 43' --timeout 2m
  heirloom reload --drained && rm -r releases/41
  heirloom reload --strategy canary
  heirloom reload --hold --proven && ./smoke-test && heirloom promote")]
pub(crate) struct Reload {
    /// How it takes over, whatever the config file says
    #[arg(long, value_name = "STRATEGY", value_parser = strategies())]
    strategy: Option<Strategy>,
    /// Once it has proved itself, let it wait until somebody promotes it, whatever the strategy
    #[arg(long)]
    hold: bool,
    /// Wait only until it has proved itself: it is held, has its first share, or serves
    #[arg(long, conflicts_with_all = ["no_wait", "drained"])]
    proven: bool,
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

fn strategies() -> impl TypedValueParser<Value = Strategy> {
    PossibleValuesParser::new(["all", "blue-green", "canary", "rolling"]).try_map(|name| name.parse())
}

pub(crate) fn reload(reload: Reload) -> ExitCode {
    asking::ask(&reload.whom, asking::PATIENCE, async |client| {
        let status = client.status().await?;
        let question = model::Reload {
            reason: reload.reason.clone(),
            strategy: reload.strategy.map(Into::into),
            hold: reload.hold,
            wait: match (reload.no_wait, reload.proven, reload.drained) {
                (true, ..) => Wait::None,
                (false, true, _) => Wait::Proven,
                (false, false, true) => Wait::Drained,
                (false, false, false) => Wait::Promoted,
            },
            timeout_seconds: reload.whom.timeout_seconds(),
        };
        let (what, wait) = ("reload", question.wait);
        let awaiting = Awaiting { client: &client, whom: &reload.whom, status: &status, what, wait };
        let steps = Steps::new(&status, wait == Wait::Drained, reload.whom.ways_on());
        awaiting.show(steps, client.reload(&question), |_| None).await
    })
}
