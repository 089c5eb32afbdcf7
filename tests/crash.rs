//! The promise: a worker that dies takes with it what it held, and nothing else; its slot is filled again.

mod support;

use std::time::{Duration, Instant};

use heirloom::load::{Failure, Load, Outcome, Plan};
use heirloom::supervision::{GenerationId, Notice, Reason};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{LIMIT, Listening, Master, Setup, generation_of, get, load};

const CLIENTS: usize = 32;

fn kill_worker(pid: u32) {
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).expect("it is there");
}

/// Kills workers under load, one after the other. No randomness: each slot in turn, and whoever holds requests then.
fn killed_workers_take_only_what_they_held(listening: Listening) {
    let master = Setup::on(listening).workers(4).start();
    let path = "/slow?5".to_owned();
    let plan = Plan { clients: CLIENTS, journal: true, patience: LIMIT, path, ..Plan::on(master.target()) };
    let load = Load::start(plan).expect("a load starts");
    let mut kills = Vec::new();
    for round in 0..12 {
        let answered = load.tally().answered;
        load.wait_for(answered + CLIENTS as u64, LIMIT).expect("it is served");
        let workers = master.workers_of(GenerationId(1));
        assert_eq!(workers.len(), 4, "{}", master.log.text());
        kills.push(Instant::now());
        kill_worker(workers[round % 4].1);
        master.wait_until_ready();
    }
    let answered = load.tally().answered;
    load.wait_for(answered + CLIENTS as u64, LIMIT).expect("it is served");
    let tally = load.stop();
    for entry in load.journal().entries.iter().filter(|entry| !entry.outcome.is_answered()) {
        let cut = [Failure::ResetBeforeAnswer, Failure::ClosedBeforeAnswer, Failure::CutShort].map(Outcome::Failed);
        assert!(cut.contains(&entry.outcome), "{entry:?}\n{tally}\n{}", master.log.text());
        let killed_meanwhile = kills.iter().any(|at| entry.started <= *at && entry.ended >= *at);
        assert!(killed_meanwhile, "nobody was killed then: {entry:?}\n{tally}");
    }
    assert!(tally.failures() <= (kills.len() * CLIENTS) as u64, "{tally}");
    assert_eq!(master.workers_of(GenerationId(1)).len(), 4, "every slot is filled again");
}

#[test]
fn killed_workers_on_tcp_take_only_what_they_held_and_are_replaced() {
    killed_workers_take_only_what_they_held(Listening::Tcp);
}

#[test]
fn killed_workers_on_a_unix_socket_take_only_what_they_held_and_are_replaced() {
    killed_workers_take_only_what_they_held(Listening::Unix);
}

#[test]
fn what_waits_in_the_queue_of_a_killed_worker_is_served_by_the_next_one() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = Setup::on(listening).start();
        let [(_, worker)] = master.workers_of(GenerationId(1))[..] else { panic!("it has one worker") };
        kill(Pid::from_raw(worker.cast_signed()), Signal::SIGSTOP).expect("it is there");
        let waiting = support::burst(&master, 100);
        kill_worker(worker);
        let (tally, _) = waiting.finish();
        assert_eq!((tally.answered, tally.failures()), (100, 0), "{tally}\n{}", master.log.text());
    }
}

#[test]
fn a_slot_that_fails_again_and_again_waits_longer_each_time() {
    let master = Setup::tcp().start();
    let waits: Vec<Duration> = (0..4)
        .map(|_| {
            kill_worker(master.workers_of(GenerationId(1))[0].1);
            let after = master.wait_for_notice("a respawn", |notice| match notice {
                Notice::Respawning { after, .. } => Some(*after),
                _ => None,
            });
            master.wait_until_ready();
            after
        })
        .collect();
    assert_eq!(waits, [0, 100, 200, 400].map(Duration::from_millis));
}

#[test]
fn a_release_that_crashes_as_soon_as_it_serves_is_rolled_back() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = Setup::on(listening).option("--settle", "100ms").start();
        let load = load(&master, 8);
        master.release(2, "crash-when-promoted");
        master.hup();
        let at = master.wait_for("a rollback", |said| match &said.report.what {
            heirloom::master::What::Rules(Notice::RolledBack { generation, to, .. }) => {
                assert_eq!((*generation, *to), (GenerationId(2), GenerationId(1)));
                Some(said.at)
            }
            _ => None,
        });
        let answered = load.tally().answered;
        load.wait_for(answered + 100, LIMIT).expect("it is served");
        let _ = load.stop();
        let after: Vec<_> = load.journal().started_from(at).cloned().collect();
        assert!(after.len() >= 90, "{} requests", after.len());
        for entry in after {
            assert_eq!(generation_of(&entry), Some(1), "{entry:?}\n{}", master.log.text());
        }
        master.wait_until_gone(GenerationId(2));
        // The generation that was gone back to serves for good: it can be replaced by a better one.
        master.release(3, "");
        assert_eq!(master.reload(), GenerationId(3));
        assert_eq!(get(&master.target(), "/").0.generation, 3);
    }
}

#[test]
fn a_worker_that_dies_while_its_generation_rises_ends_the_rise_and_nobody_notices() {
    let setup = Setup::tcp().workers(2);
    let gate = support::Gate::in_directory(setup.place.path());
    let master = setup.start();
    master.release(2, "wait");
    master.hup();
    let newcomer = started(&master);
    kill_worker(newcomer);
    let (_, reason, _) = master.wait_until_given_up();
    assert!(matches!(reason, Reason::Exited { .. }), "{reason:?}");
    assert_eq!(get(&master.target(), "/").0.generation, 1);
    let _open = gate.open();
}

fn started(master: &Master) -> u32 {
    master.wait_for("a worker of generation 2", |said| match said.report.what {
        heirloom::master::What::Rules(Notice::Started { generation: GenerationId(2), .. }) => said.report.pid,
        _ => None,
    })
}
