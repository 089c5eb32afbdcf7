//! (a) Requests a second: the same server under heirloom and alone, in interleaved pairs.

use std::time::Duration;

use crate::Session;
use crate::alone::Alone;
use crate::master::Setup;
use crate::plot::Plot;
use crate::program;
use crate::table::Table;
use crate::versus::{CLIENTS, MANNERS, Versus};

pub(crate) fn measure(session: &mut Session) -> anyhow::Result<()> {
    let master = Setup::of([program::example().into_os_string(), "{addresses}".into()]).start()?;
    master.promotion()?;
    let (_server, alone, _) = Alone::example()?;
    let mut table = Table::new(&["clients", "under heirloom, a second", "alone, a second", "ratio of a pair"]);
    let mut lines = Vec::new();
    let (pairs, long) = (session.of(40, 4), Duration::from_millis(session.of(400, 150)));
    for (name, manner) in MANNERS {
        let versus = Versus::measure((master.address, alone), manner, pairs, long)?;
        session.bounds.at_least(
            &format!("requests under heirloom : alone, {name}, in the median"),
            0.99,
            versus.ratio.median(),
        );
        let [under, without, ratio] = versus.cells();
        table.row([format!("{CLIENTS} {name}"), under, without, ratio]);
        lines.push((name.to_owned(), versus.points));
    }
    session.document.show("requests", &table);
    let plot = Plot { title: "Requests under heirloom : alone", across: "pair", up: "ratio", lines };
    plot.draw(session.document.plot("requests").as_deref())
}
