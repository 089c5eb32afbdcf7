//! The same load on heirloom and on what a user would pick instead, through a number of reloads each.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use heirloom::load::{Load, Manner, Plan, Tally};

use crate::Session;
use crate::alone::Alone;
use crate::losses::{THINK, kinds};
use crate::peer::{Peer, Reload, Stage, all};
use crate::stats::Sample;
use crate::table::Table;
use crate::usage::memory_of;
use crate::watch;

const CLIENTS: usize = 4;
/// Between two reloads, and after the last: long enough for every one of them to have done what it does.
const PAUSE: Duration = Duration::from_millis(1500);
const AFTERWARDS: Duration = Duration::from_secs(4);

/// What came out of one.
struct Outcome {
    one_shot: Tally,
    keep_alive: Tally,
    reload: Sample,
    memory: f64,
}

pub(crate) fn measure(session: &mut Session) -> anyhow::Result<()> {
    let reloads = session.of(15, 2);
    let head = [
        "",
        "what",
        "one-shot: failed",
        "keep-alive: failed",
        "how",
        "closed while idle",
        "reload, ms",
        "slowest answer, ms",
        "master, MB",
    ];
    let mut table = Table::new(&head);
    for peer in all() {
        eprintln!("  {}", peer.name);
        let mut row = vec![peer.name.to_owned(), peer.what.to_owned()];
        if !peer.needs.is_file() {
            row.push("not installed: benches/peers/install".to_owned());
            row.resize(head.len(), String::new());
        } else {
            match run(&peer, reloads) {
                Ok(outcome) => row.extend(outcome.cells()),
                Err(error) => {
                    row.push(format!("did not get through: {error:#}"));
                    row.resize(head.len(), String::new());
                }
            }
        }
        table.row(row);
    }
    session.document.show("peers", &table);
    Ok(())
}

impl Outcome {
    fn cells(&self) -> [String; 7] {
        let failed = |tally: &Tally| format!("{} of {}", tally.failures(), tally.ended());
        let how: Vec<String> = [&self.one_shot, &self.keep_alive]
            .iter()
            .filter(|tally| tally.failures() > 0)
            .map(|tally| kinds(tally))
            .collect();
        let slowest = self.one_shot.slowest().max(self.keep_alive.slowest());
        [
            failed(&self.one_shot),
            failed(&self.keep_alive),
            if how.is_empty() { "–".to_owned() } else { how.join("; ") },
            self.keep_alive.stale.to_string(),
            self.reload.shown(0),
            format!("{:.0}", slowest.as_secs_f64() * 1e3),
            format!("{:.1}", self.memory),
        ]
    }
}

fn run(peer: &Peer, reloads: usize) -> anyhow::Result<Outcome> {
    let place = tempfile::tempdir()?;
    let address = watch::free_address()?;
    let stage = Stage { place: place.path().to_owned(), port: address.port() };
    let start = || Alone::start((peer.start)(&stage)?);
    let mut server = Some(start()?);
    watch::first_answer(address, |_| true).context("it does not answer")?;
    thread::sleep(PAUSE);
    let load = |manner| Load::start(Plan { clients: CLIENTS, manner, think: THINK, ..Plan::on(address) });
    let one_shot = load(Manner::OneShot)?;
    let keep_alive = load(Manner::KeepAlive { requests_per_connection: None })?;
    let mut reload = Sample::default();
    for _ in 0..reloads {
        thread::sleep(PAUSE);
        let known: BTreeSet<String> =
            [&one_shot, &keep_alive].iter().flat_map(|load| load.tally().by_answer.into_keys()).collect();
        let asked = Instant::now();
        match &peer.reload {
            Reload::Signal(signal) => server.as_ref().context("it runs")?.signal(*signal),
            Reload::Command(command) => {
                let mut command = command(&stage).spawn()?;
                thread::spawn(move || command.wait()); // some answer before they are done
            }
            Reload::Restart => {
                drop(server.take());
                server = Some(start()?);
            }
        }
        let answered =
            watch::first_answer(address, |answer| !known.contains(answer)).context("no new worker answers")?;
        reload.push_time(answered - asked);
    }
    thread::sleep(AFTERWARDS);
    let memory = server.as_ref().map_or(f64::NAN, |server| memory_of(server.pid(), "Rss"));
    Ok(Outcome { one_shot: one_shot.stop(), keep_alive: keep_alive.stop(), reload, memory })
}
