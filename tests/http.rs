//! Nothing is cut, and no keep-alive client meets a closed connection: the axum example under a load of all kinds, while
//! it is reloaded.
#![cfg(target_os = "linux")]

#[path = "http/master.rs"]
mod master;

use std::time::Duration;

use heirloom::load::{Load, Manner, Plan, Target};
use serde_json::Value;

use master::{LIMIT, Master};

const RELOADS: usize = 25;
const HTTP_1: Manner = Manner::KeepAlive { requests_per_connection: None };

#[test]
fn clients_over_tcp_see_nothing_of_twenty_five_reloads() {
    let master = Master::start("127.0.0.1:0", &["-w", "2", "--settle", "100ms", "--warm", "0"]);
    let target = master.address().parse::<std::net::SocketAddr>().expect("it is a TCP address").into();
    nobody_notices(master, target);
}

#[test]
fn clients_over_a_unix_socket_see_nothing_of_twenty_five_reloads() {
    let directory = tempfile::tempdir().expect("there is room");
    let path = directory.path().join("socket");
    let address = format!("unix:{}", path.display());
    let master = Master::start(&address, &["-w", "2", "--settle", "100ms", "--warm", "0"]);
    nobody_notices(master, path.into());
}

/// Reloads under load, and looks whether anybody lost anything.
fn nobody_notices(mut master: Master, target: Target) {
    let loads: Vec<(&str, Load)> =
        plans(target).into_iter().map(|(name, plan)| (name, Load::start(plan).expect("a load starts"))).collect();
    for _ in 0..RELOADS {
        for (name, load) in &loads {
            let wanted = load.tally().answered + 1;
            load.wait_for(wanted, LIMIT).unwrap_or_else(|overdue| panic!("{name}: {overdue}"));
        }
        master.reload();
    }
    master.is_alone();
    let tallies: Vec<_> = loads.iter().map(|(name, load)| (name, load.stop())).collect();
    let log = master.stop();
    for (name, tally) in tallies {
        println!("{name}: {tally}");
        assert_eq!((tally.failures(), tally.stale), (0, 0), "{name}: {tally}");
    }
    let killed: Vec<_> = log.iter().filter(|notice| notice["notice"] == "killing").collect();
    assert!(killed.is_empty(), "{killed:#?}");
    assert_eq!(cut(&log), vec![0; 2 * (RELOADS + 1)], "{:#?}", lines(&log));
}

/// Every kind of client at once.
fn plans(target: Target) -> Vec<(&'static str, Plan)> {
    let think = Duration::ZERO..=Duration::from_millis(300);
    let plan = || Plan { clients: 32, think: think.clone(), ..Plan::on(target.clone()) };
    vec![
        ("one-shot", Plan { think: Duration::ZERO..=Duration::from_millis(100), ..plan() }),
        ("keep-alive", Plan { manner: HTTP_1, ..plan() }),
        ("HTTP/2", Plan { manner: Manner::Http2, ..plan() }),
        ("uploads", Plan { manner: HTTP_1, clients: 8, path: "/upload".into(), body: Some(300_000), ..plan() }),
        ("slow", Plan { manner: HTTP_1, clients: 8, path: "/slow".into(), ..plan() }),
        ("slow HTTP/2", Plan { manner: Manner::Http2, clients: 4, path: "/slow".into(), ..plan() }),
    ]
}

/// What the workers have written.
fn lines(log: &[Value]) -> Vec<&str> {
    log.iter().filter(|notice| notice["notice"] == "line").filter_map(|notice| notice["line"].as_str()).collect()
}

/// How many connections each worker has cut, as it tells at its end.
fn cut(log: &[Value]) -> Vec<u64> {
    let told = |line: &&str| line.strip_suffix(" cut")?.rsplit(' ').next()?.parse().ok();
    lines(log).iter().filter_map(told).collect()
}
