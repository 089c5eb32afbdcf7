//! (e) Requests that fail while the server is reloaded again and again.

use std::time::{Duration, Instant};

use heirloom::load::{Load, Manner, Plan, Tally};

use crate::Session;
use crate::master::Setup;
use crate::program;
use crate::table::Table;

const CLIENTS: usize = 4;
/// An idle connection is what a reload is likely to cut.
pub(crate) const THINK: std::ops::RangeInclusive<Duration> = Duration::ZERO..=Duration::from_millis(5);

pub(crate) fn measure(session: &mut Session) -> anyhow::Result<()> {
    let reloads = session.of(1000, 10);
    let setup = Setup::of([program::example().into_os_string(), "{addresses}".into()]);
    let master = Setup { workers: 2, ..setup }.start()?;
    master.promotion()?;
    let manners = [("one-shot", Manner::OneShot), ("keep-alive", Manner::KeepAlive { requests_per_connection: None })];
    let loads = manners.map(|(name, manner)| {
        (name, Load::start(Plan { clients: CLIENTS, manner, think: THINK, ..Plan::on(master.address) }))
    });
    let started = Instant::now();
    for _ in 0..reloads {
        master.hup();
        master.promotion()?;
    }
    let took = started.elapsed();
    let mut table =
        Table::new(&["clients", "reloads", "requests", "failed", "how", "closed while idle", "slowest, ms"]);
    let mut failed = 0;
    for (name, load) in loads {
        let tally = load?.stop();
        failed += tally.failures();
        let slowest = format!("{:.1}", tally.slowest().as_secs_f64() * 1e3);
        let (requests, failures) = (tally.ended().to_string(), tally.failures().to_string());
        table.row([
            format!("{CLIENTS} {name}"),
            reloads.to_string(),
            requests,
            failures,
            kinds(&tally),
            tally.stale.to_string(),
            slowest,
        ]);
    }
    session.bounds.at_most(&format!("failed requests in {reloads} reloads"), 0.0, failed as f64, "");
    session.document.show("losses", &table);
    println!("  {reloads} reloads in {:.1} s\n", took.as_secs_f64());
    Ok(())
}

/// How requests failed, in words.
pub(crate) fn kinds(tally: &Tally) -> String {
    let kinds: Vec<String> = tally.failed.iter().map(|(failure, count)| format!("{count} {failure}")).collect();
    if kinds.is_empty() { "–".to_owned() } else { kinds.join(", ") }
}
