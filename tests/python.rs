//! A worker in Python, written from docs/protocol.md: a reload is nothing to its clients.
#![cfg(target_os = "linux")]

#[path = "hostile/master.rs"]
mod master;

use std::net::SocketAddr;
use std::time::Duration;

use heirloom::load::{Load, Manner, Plan};
use master::{Master, file};
use nix::sys::signal::Signal;

const RELOADS: usize = 10;
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn ten_reloads_of_a_worker_in_python_are_nothing_to_its_clients() {
    let worker = file("examples/worker.py");
    let mut master = Master::run(&["-w", "2", "--linger", "2s", "--", "python3", &worker, "127.0.0.1:0"]);
    let listening = master.notice("listening");
    let address: SocketAddr = listening["address"].as_str().unwrap().parse().unwrap();
    master.notice("promoted");

    let think = Duration::ZERO..=Duration::from_millis(50);
    let one_shot = Plan { clients: 8, think: think.clone(), ..Plan::on(address) };
    let keep_alive = Manner::KeepAlive { requests_per_connection: None };
    let loads = [one_shot.clone(), Plan { manner: keep_alive, ..one_shot }].map(|plan| Load::start(plan).unwrap());
    for _ in 0..RELOADS {
        let before = loads.each_ref().map(|load| load.tally().answered);
        master.signal(Signal::SIGHUP);
        master.notice("promoted");
        for (load, before) in loads.iter().zip(before) {
            load.wait_for(before + 50, LIMIT).unwrap();
        }
        master.notice("gone");
    }
    for load in loads {
        let tally = load.stop();
        assert_eq!((tally.failures(), tally.stale), (0, 0), "{tally}");
        assert!(tally.by_answer.len() > RELOADS, "{tally}");
    }
    assert_eq!(master.stop("killing"), 0);
}
