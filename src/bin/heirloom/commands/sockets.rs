//! `heirloom sockets`: the lanes of each listener.

use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::render;

/// Show who holds each lane of each listener, and why one is not free.
///
/// A generation takes its connections from one lane of each listener; a reload needs one that is free.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  heirloom sockets")]
pub(crate) struct Sockets {
    #[command(flatten)]
    whom: Whom,
}

pub(crate) fn sockets(Sockets { whom }: Sockets) -> ExitCode {
    asking::ask(&whom, whom.patience(), async |client| {
        let sockets = client.sockets().await?;
        Ok(match whom.wants_json() {
            true => asking::print_json(&sockets),
            false => asking::print(&render::sockets(&sockets, render::width())),
        })
    })
}
