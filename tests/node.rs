//! Node scripts, unmodified: the program of 2011 runs, and loses nothing when it is reloaded.
#![cfg(target_os = "linux")]

#[path = "node/scripts.rs"]
mod scripts;
#[path = "support/mod.rs"]
mod support;
#[path = "node/versions.rs"]
mod versions;

use std::time::Duration;

use heirloom::load::{Load, Manner, Plan, Target};
use heirloom::supervision::Notice;
use support::{LIMIT, Setup};
use versions::{server, shared};

const RELOADS: usize = 10;
const KEEP_ALIVE: Manner = Manner::KeepAlive { requests_per_connection: None };

/// Ten reloads under load of all kinds: nobody notices.
fn nobody_notices(setup: Setup) {
    let master = setup.workers(2).option("--linger", "1s").start();
    let loads: Vec<(&str, Load)> = plans(&master.target())
        .into_iter()
        .map(|(name, plan)| (name, Load::start(plan).expect("a load starts")))
        .collect();
    for _ in 0..RELOADS {
        for (name, load) in &loads {
            let wanted = load.tally().answered + 1;
            load.wait_for(wanted, LIMIT).unwrap_or_else(|overdue| panic!("{name}: {overdue}"));
        }
        master.reload();
    }
    for (name, load) in &loads {
        let tally = load.stop();
        assert_eq!((tally.failures(), tally.stale), (0, 0), "{name}: {tally}\n{}", master.log.text());
    }
    let killed = |(notice, _): &(Notice, _)| matches!(notice, Notice::Killing { .. } | Notice::Misbehaved { .. });
    assert!(!master.notices().iter().any(killed), "{}", master.log.text());
    assert_eq!(master.finish().code(), Some(0));
}

/// Every kind of client at once.
fn plans(target: &Target) -> Vec<(&'static str, Plan)> {
    let up_to = |milliseconds| Duration::ZERO..=Duration::from_millis(milliseconds);
    let plan = || Plan { clients: 8, ..Plan::on(target.clone()) };
    vec![
        ("one-shot", Plan { think: up_to(20), ..plan() }),
        ("keep-alive", Plan { manner: KEEP_ALIVE, think: up_to(300), ..plan() }),
        ("busy keep-alive", Plan { manner: KEEP_ALIVE, clients: 2, ..plan() }),
        ("slow", Plan { manner: KEEP_ALIVE, clients: 4, path: "/slow".into(), ..plan() }),
    ]
}

#[test]
fn ten_reloads_of_http_on_node_18_are_nothing_to_its_clients() {
    nobody_notices(server("node18", "http"));
}

#[test]
fn ten_reloads_of_express_on_node_20_are_nothing_to_its_clients() {
    nobody_notices(server("node20", "express"));
}

#[test]
fn ten_reloads_of_fastify_on_node_22_are_nothing_to_its_clients() {
    nobody_notices(server("node22", "fastify"));
}

#[test]
fn ten_reloads_of_http_on_node_24_are_nothing_to_its_clients() {
    nobody_notices(server("node24", "http"));
}

#[test]
fn ten_reloads_of_http_on_the_newest_node_are_nothing_to_its_clients() {
    nobody_notices(server("latest", "http"));
}

#[test]
fn ten_reloads_of_workers_that_share_their_socket_are_nothing_to_the_clients_of_node_18() {
    nobody_notices(shared(server("node18", "express")));
}

#[test]
fn ten_reloads_of_workers_that_share_their_socket_are_nothing_to_the_clients_of_the_newest_node() {
    nobody_notices(shared(server("latest", "http")));
}
