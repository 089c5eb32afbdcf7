//! A Node script under heirloom and under Node's own cluster: requests a second, in both schedulings.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use heirloom::load::Manner;

use crate::Session;
use crate::alone::Alone;
use crate::master::Master;
use crate::peer::{found, ours};
use crate::plot::Plot;
use crate::program::HEIRLOOM;
use crate::table::Table;
use crate::versus::{CLIENTS, Contest, Manners, Server};
use crate::watch;

const WORKERS: &str = "2";
/// Which worker gets a connection is drawn anew for each, and with eight of them luck decides: so they are not kept for ever.
const MANNERS: Manners =
    [("one-shot", Manner::OneShot), ("keep-alive", Manner::KeepAlive { requests_per_connection: Some(100) })];
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
        "of processor time",
    ]);
    let mut lines = Vec::new();
    let contest = Contest {
        rounds: session.of(30, 1),
        // Both have compiled what they run most by then; on one core that takes seconds.
        warm: Duration::from_millis(session.of(2_500, 150)),
        pairs: session.of(12, 4),
        long: Duration::from_millis(150),
    };
    for (scheduling, policy, bound) in SCHEDULINGS {
        let found = contest.hold(MANNERS, || under_heirloom(&node, policy), || in_a_cluster(&node, policy))?;
        for ((name, _), versus) in MANNERS.into_iter().zip(found) {
            session.bounds.at_least(
                &format!("requests of a Node script, heirloom : Node's cluster, {scheduling}, {name}, in the median"),
                bound,
                &versus.starts,
            );
            let [under, cluster, ratio, effort] = versus.cells();
            table.row([scheduling.to_owned(), format!("{CLIENTS} {name}"), under, cluster, ratio, effort]);
            lines.push((format!("{scheduling}, {name}"), versus.ratio.numbered()));
        }
    }
    session.document.show("node", &table);
    let plot = Plot { title: "A Node script, heirloom : Node's cluster", across: "pair", up: "ratio", lines };
    plot.draw(session.document.plot("node").as_deref())
}

fn under_heirloom(node: &Path, policy: &str) -> anyhow::Result<(Master, Server)> {
    let mut command = Command::new(HEIRLOOM);
    command.args(["run", "--config", "/dev/null", "--output", "json", "--workers", WORKERS, "--"]);
    command.arg(node).arg(ours("server.js"));
    let master = Master::start(with(command, policy, watch::free_address()?.port()))?;
    master.promotion()?;
    let server = Server { address: master.address, pid: master.pid() };
    Ok((master, server))
}

fn in_a_cluster(node: &Path, policy: &str) -> anyhow::Result<(Alone, Server)> {
    let address = watch::free_address()?;
    let mut command = Command::new(node);
    command.arg(ours("cluster.js"));
    let running = Alone::start(with(command, policy, address.port()))?;
    watch::first_answer(address, |_| true)?;
    let server = Server { address, pid: running.pid() };
    Ok((running, server))
}

fn with(mut command: Command, policy: &str, port: u16) -> Command {
    command.env("NODE_CLUSTER_SCHED_POLICY", policy).env("PORT", port.to_string());
    command
}
