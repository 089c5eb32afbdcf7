//! A Node script under heirloom and under Node's own cluster: requests a second, in both schedulings.

use std::process::Command;
use std::time::Duration;

use anyhow::ensure;

use crate::Session;
use crate::alone::Alone;
use crate::master::Master;
use crate::peer::{found, ours};
use crate::plot::Plot;
use crate::program::HEIRLOOM;
use crate::table::Table;
use crate::versus::{CLIENTS, MANNERS, Versus};
use crate::watch;

const WORKERS: &str = "2";
/// Our name for it, the value of Node's own variable, and the ratio that is asked of heirloom.
const SCHEDULINGS: [(&str, &str, f64); 2] = [("rotation", "rr", 0.9), ("shared", "none", 1.0)];

pub(crate) fn measure(session: &mut Session) -> anyhow::Result<()> {
    let node = found("node");
    ensure!(node.is_file(), "there is no node: see benches/peers/install");
    let mut table = Table::new(&[
        "scheduling",
        "clients",
        "under heirloom, a second",
        "Node's cluster, a second",
        "ratio of a pair",
    ]);
    let mut lines = Vec::new();
    // How connections are spread over the workers is drawn anew each time, so there are more of them than of the others.
    let (pairs, long) = (session.of(100, 4), Duration::from_millis(session.of(200, 150)));
    for (scheduling, policy, bound) in SCHEDULINGS {
        let address = watch::free_address()?;
        let mut command = Command::new(HEIRLOOM);
        command.args(["run", "--config", "/dev/null", "--output", "json", "--workers", WORKERS, "--"]);
        command.arg(&node).arg(ours("server.js"));
        let master = Master::start(with(command, policy, address.port()))?;
        master.promotion()?;
        let address = watch::free_address()?;
        let mut command = Command::new(&node);
        command.arg(ours("cluster.js"));
        let _cluster = Alone::start(with(command, policy, address.port()))?;
        watch::first_answer(address, |_| true)?;
        for (name, manner) in MANNERS {
            // Both have compiled what they run most by then.
            Versus::measure((master.address, address), manner, session.of(4, 1), long)?;
            let versus = Versus::measure((master.address, address), manner, pairs, long)?;
            session.bounds.at_least(
                &format!("requests of a Node script, heirloom : Node's cluster, {scheduling}, {name}, in the median"),
                bound,
                versus.ratio.median(),
            );
            let [under, cluster, ratio] = versus.cells();
            table.row([scheduling.to_owned(), format!("{CLIENTS} {name}"), under, cluster, ratio]);
            lines.push((format!("{scheduling}, {name}"), versus.points));
        }
    }
    session.document.show("node", &table);
    let plot = Plot { title: "A Node script, heirloom : Node's cluster", across: "pair", up: "ratio", lines };
    plot.draw(session.document.plot("node").as_deref())
}

fn with(mut command: Command, policy: &str, port: u16) -> Command {
    command.env("NODE_CLUSTER_SCHED_POLICY", policy).env("PORT", port.to_string());
    command
}
