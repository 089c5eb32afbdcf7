//! `heirloom history`: what became of each reload.

use std::time::SystemTime;

use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::render;

/// Show what became of each reload, who asked for it, and why.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  heirloom history
  heirloom history -o json | jq '.attempts[-1].why'")]
pub(crate) struct History {
    #[command(flatten)]
    whom: Whom,
}

pub(crate) fn history(History { whom }: History) -> ExitCode {
    asking::ask(&whom, whom.patience(), async |client| {
        let history = client.history().await?;
        Ok(match whom.wants_json() {
            true => asking::print_json(&history),
            false => asking::print(&render::history(&history, SystemTime::now(), render::width())),
        })
    })
}
