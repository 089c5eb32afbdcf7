//! A master within the application: it starts this very program as its workers.

use heirloom::Master;
use heirloom::master::{Deed, What};
use heirloom::observe::Human;
use heirloom::supervision::Notice;
use heirloom::triggers::Signals;

use crate::Failure;

/// Prints `listening on ADDRESS`, `worker PID died`, and whatever else happens.
pub(crate) async fn lead() -> Result<(), Failure> {
    let signals = Signals::take()?;
    let mut master = Master::builder().workers(2).build()?;
    let mut notices = master.notices();
    tokio::spawn(signals.ask(master.handle()));
    let running = tokio::spawn(master.run());
    while let Some(report) = notices.next().await {
        match (&report.what, report.pid) {
            (What::Deeds(Deed::Listening { address, .. }), _) => println!("listening on {address}"),
            (What::Rules(Notice::Exited { .. }), Some(pid)) => println!("worker {pid} died"),
            _ => println!("{}", Human(&report)),
        }
    }
    running.await??;
    Ok(())
}
