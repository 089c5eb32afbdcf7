//! (a) Requests a second: the same server under heirloom and alone, in interleaved pairs.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use heirloom::load::{Load, Manner, Plan};

use crate::Session;
use crate::alone::Alone;
use crate::master::Setup;
use crate::plot::Plot;
use crate::program;
use crate::stats::Sample;
use crate::table::Table;

const CLIENTS: usize = 8;

pub(crate) fn measure(session: &mut Session) -> anyhow::Result<()> {
    let master = Setup::of([program::example().into_os_string(), "{addresses}".into()]).start()?;
    master.promotion()?;
    let (_server, alone, _) = Alone::example()?;
    let mut table = Table::new(&["clients", "under heirloom, a second", "alone, a second", "ratio of a pair"]);
    let mut lines = Vec::new();
    for (name, manner) in
        [("one-shot", Manner::OneShot), ("keep-alive", Manner::KeepAlive { requests_per_connection: None })]
    {
        let (mut under, mut without, mut ratio) = (Sample::default(), Sample::default(), Sample::default());
        let mut points = Vec::new();
        for nth in 0..session.of(40, 4) {
            let long = Duration::from_millis(session.of(400, 150));
            // Whoever is first may find a colder machine: each is, in turn.
            let (a, b) = if nth % 2 == 0 {
                let first = a_second(master.address, manner, long)?;
                (first, a_second(alone, manner, long)?)
            } else {
                let first = a_second(alone, manner, long)?;
                (a_second(master.address, manner, long)?, first)
            };
            under.push(a);
            without.push(b);
            ratio.push(a / b);
            points.push((f64::from(nth), a / b));
        }
        session.bounds.at_least(
            &format!("requests under heirloom : alone, {name}, in the median"),
            0.99,
            ratio.median(),
        );
        table.row([format!("{CLIENTS} {name}"), under.shown(0), without.shown(0), ratio.shown(3)]);
        lines.push((name.to_owned(), points));
    }
    session.document.show("requests", &table);
    let plot = Plot { title: "Requests under heirloom : alone", across: "pair", up: "ratio", lines };
    plot.draw(session.document.plot("requests").as_deref())
}

fn a_second(target: SocketAddr, manner: Manner, long: Duration) -> anyhow::Result<f64> {
    let load = Load::start(Plan { clients: CLIENTS, manner, ..Plan::on(target) })?;
    let started = Instant::now();
    thread::sleep(long);
    let answered = load.tally().answered;
    let took = started.elapsed();
    let tally = load.stop();
    anyhow::ensure!(tally.failures() == 0, "requests failed without a reload: {tally}");
    Ok(answered as f64 / took.as_secs_f64())
}
