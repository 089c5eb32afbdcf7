//! (a) Requests a second: the same server under heirloom and alone, in interleaved pairs.

use std::time::Duration;

use heirloom::load::Manner;

use crate::Session;
use crate::alone::Alone;
use crate::master::Setup;
use crate::plot::Plot;
use crate::program;
use crate::table::Table;
use crate::versus::{CLIENTS, Contest, Manners, Server};

const MANNERS: Manners =
    [("one-shot", Manner::OneShot), ("keep-alive", Manner::KeepAlive { requests_per_connection: None })];

pub(crate) fn measure(session: &mut Session) -> anyhow::Result<()> {
    let long = Duration::from_millis(session.of(200, 150));
    let contest = Contest { rounds: session.of(30, 1), warm: long, pairs: 4, long };
    let under = || {
        let master = Setup::of([program::example().into_os_string(), "{addresses}".into()]).start()?;
        master.promotion()?;
        let server = Server { address: master.address, pid: master.pid() };
        Ok((master, server))
    };
    let alone = || {
        let (running, address, _) = Alone::example()?;
        let server = Server { address, pid: running.pid() };
        Ok((running, server))
    };
    let found = contest.hold(MANNERS, under, alone)?;
    let mut table =
        Table::new(&["clients", "under heirloom, a second", "alone, a second", "ratio of a pair", "of processor time"]);
    let mut lines = Vec::new();
    for ((name, _), versus) in MANNERS.into_iter().zip(found) {
        session.bounds.at_least(
            &format!("requests under heirloom : alone, {name}, in the median"),
            0.99,
            &versus.starts,
        );
        let [under, without, ratio, effort] = versus.cells();
        table.row([format!("{CLIENTS} {name}"), under, without, ratio, effort]);
        lines.push((name.to_owned(), versus.ratio.numbered()));
    }
    session.document.show("requests", &table);
    let plot = Plot { title: "Requests under heirloom : alone", across: "pair", up: "ratio", lines };
    plot.draw(session.document.plot("requests").as_deref())
}
