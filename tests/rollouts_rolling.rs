//! The promise: a roll starts one before it stops one, loses nothing, and never has more workers than wanted and `surge`;
//! with a program that has never heard of heirloom.
#![cfg(target_os = "linux")]

#[path = "dialects/servers.rs"]
#[allow(dead_code, reason = "it is there for other tests, too")]
mod servers;
#[path = "support/mod.rs"]
mod support;

use std::fs;

use heirloom::supervision::{GenerationId, Notice};
use servers::{file, python_with_servers, setup};
use support::{LIMIT, Master, Setup, generation_of, load};

const ROLLING: &str = "[rollout]\nstrategy = \"rolling\"\nsurge = 1\n";

fn rolling(setup: Setup) -> Setup {
    fs::write(setup.path("heirloom.toml"), ROLLING).expect("a file");
    setup.option("--config", "heirloom.toml")
}

/// The most workers that were there at a time.
fn most_workers(master: &Master) -> usize {
    let mut alive = std::collections::BTreeSet::new();
    let mut most = 0;
    for (notice, _) in master.notices() {
        match notice {
            Notice::Started { worker, .. } => drop(alive.insert(worker)),
            Notice::Exited { worker, .. } => drop(alive.remove(&worker)),
            _ => {}
        }
        most = most.max(alive.len());
    }
    most
}

fn steps(master: &Master) -> Vec<(u32, u8)> {
    let step = |(notice, _)| match notice {
        Notice::Sharing { generation, percent, .. } => Some((generation.0, percent)),
        _ => None,
    };
    master.notices().into_iter().filter_map(step).collect()
}

#[test]
fn four_workers_of_gunicorn_are_rolled_one_by_one_and_nobody_notices() {
    let (python, tests) = (python_with_servers(), file(""));
    let gunicorn = [&python, "-m", "gunicorn", "--chdir", &tests, "--preload", "app:wsgi"];
    let master = rolling(setup(&gunicorn)).workers(4).start();
    let load = load(&master, 8);
    for reload in 2..=3 {
        assert_eq!(master.reload(), GenerationId(reload));
        master.wait_until_gone(GenerationId(reload - 1));
    }
    load.wait_for(load.tally().answered + 100, LIMIT).expect("it is served");
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    assert_eq!(most_workers(&master), 5, "{}", master.log.text());
    assert_eq!(steps(&master), [(2, 25), (2, 50), (2, 75), (3, 25), (3, 50), (3, 75)]);
}

#[test]
fn one_worker_is_rolled_too() {
    let master = rolling(Setup::tcp().brisk()).start();
    let load = load(&master, 8);
    for reload in 2..=4 {
        master.release(reload, "");
        assert_eq!(master.reload(), GenerationId(reload));
        master.wait_until_gone(GenerationId(reload - 1));
    }
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    assert_eq!(most_workers(&master), 2);
}

#[test]
fn a_roll_to_a_release_that_crashes_ends_where_it_began() {
    let master = rolling(Setup::tcp().brisk()).workers(2).start();
    let load = load(&master, 8);
    master.release(2, "crash-late");
    master.hup();
    assert_eq!(master.wait_until_given_up().0, GenerationId(2));
    master.wait_until_gone(GenerationId(2));
    load.wait_for(load.tally().answered + 100, LIMIT).expect("it is served");
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    let met = load.journal().entries.iter().any(|entry| generation_of(entry) == Some(2));
    assert!(!met, "nobody met the newcomer");
}
