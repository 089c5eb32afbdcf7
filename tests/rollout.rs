//! The promise: a reload loses nothing. No request is refused, none is cut, and none is answered by a generation that
//! does not serve.

mod support;

use std::collections::BTreeMap;
use std::time::Instant;

use heirloom::load::{Held, Journal};
use heirloom::master::Deed;
use heirloom::supervision::{GenerationId, Notice};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Gate, LIMIT, Listening, Master, Setup, burst, generation_of, get, load};

const RELOADS: u32 = 25;
const CLIENTS: usize = 32;
const BURST: usize = 500;

/// Reloads so often under load; between two reloads every client is served a few times.
fn reload_again_and_again(setup: Setup, steered: bool) {
    let master = setup.start();
    let load = load(&master, CLIENTS);
    for reload in 0..RELOADS {
        master.release(reload + 2, "");
        assert_eq!(master.reload(), GenerationId(reload + 2));
        let answered = load.tally().answered;
        load.wait_for(answered + 4 * CLIENTS as u64, LIMIT).expect("it is served");
    }
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    if steered {
        nobody_answered_out_of_turn(&master, &load.journal());
    }
    if !steered {
        // Until then, the generation before accepts as well.
        master.wait_until_gone(GenerationId(RELOADS));
    }
    let (last, _) = get(&master.target(), "/");
    assert_eq!((last.generation, last.release), (RELOADS + 1, (RELOADS + 1).to_string()));
}

/// No request that was begun after a promotion is answered by an older generation; none that ended before the last
/// worker of a generation was ready is answered by that one.
fn nobody_answered_out_of_turn(master: &Master, journal: &Journal) {
    let (mut promoted, mut ready) = (Vec::new(), BTreeMap::new());
    for (notice, at) in master.notices() {
        match notice {
            Notice::Promoted { generation, .. } => promoted.push((at, generation.0)),
            Notice::Ready { generation, .. } => drop(ready.insert(generation.0, at)),
            _ => {}
        }
    }
    let serving_at = |instant: Instant| promoted.iter().rev().find(|(at, _)| *at <= instant).map_or(0, |it| it.1);
    for entry in &journal.entries {
        let Some(generation) = generation_of(entry) else { continue };
        let oldest = serving_at(entry.started);
        assert!(generation >= oldest, "generation {generation} answered, though {oldest} served: {entry:?}");
        assert!(entry.ended >= ready[&generation], "generation {generation} answered before it was ready: {entry:?}");
    }
}

fn with(listening: Listening, workers: u32) -> Setup {
    Setup::on(listening).brisk().workers(workers)
}

#[test]
fn reloads_of_one_worker_on_tcp_lose_nothing() {
    reload_again_and_again(with(Listening::Tcp, 1), true);
}

#[test]
fn reloads_of_four_workers_on_tcp_lose_nothing() {
    reload_again_and_again(with(Listening::Tcp, 4), true);
}

#[test]
fn reloads_of_one_worker_on_a_unix_socket_lose_nothing() {
    reload_again_and_again(with(Listening::Unix, 1), true);
}

#[test]
fn reloads_of_four_workers_on_a_unix_socket_lose_nothing() {
    reload_again_and_again(with(Listening::Unix, 4), true);
}

#[test]
fn reloads_lose_nothing_where_all_generations_share_one_tcp_socket() {
    reload_again_and_again(with(Listening::Tcp, 2).option("--lanes", "1"), false);
}

#[test]
fn reloads_lose_nothing_where_all_generations_share_one_unix_socket() {
    reload_again_and_again(with(Listening::Unix, 2).option("--lanes", "1"), false);
}

/// 500 connections in one instant, at each moment of a reload.
fn bursts_at_every_moment(listening: Listening) {
    let master = Setup::on(listening).workers(2).option("--settle", "300ms").option("--warm", "500ms").start();
    let gate = Gate::in_directory(master.setup.place.path());
    let mut bursts = vec![("serving", burst(&master, BURST))];

    let held = Held::open(master.target(), "/").expect("the first generation holds it");
    master.release(2, "wait");
    master.hup();
    master.wait_for_notice("a newcomer", |notice| matches!(notice, Notice::Rising { .. }).then_some(()));
    bursts.push(("rising", burst(&master, BURST)));
    let _open = gate.open();
    master.wait_until_ready();
    bursts.push(("ready", burst(&master, BURST)));
    master.wait_for_promotion();
    bursts.push(("settling", burst(&master, BURST)));
    master.wait_for_notice("standby", |notice| matches!(notice, Notice::StandingBy { .. }).then_some(()));
    bursts.push(("standing by", burst(&master, BURST)));
    master.wait_for_notice("draining", |notice| matches!(notice, Notice::Draining { .. }).then_some(()));
    bursts.push(("draining", burst(&master, BURST)));

    for (moment, burst) in bursts {
        let (tally, journal) = burst.finish();
        assert_eq!((tally.answered, tally.failures()), (BURST as u64, 0), "{moment}: {tally}\n{}", master.log.text());
        nobody_answered_out_of_turn(&master, &journal);
    }
    let held = held.finish();
    assert_eq!(generation_of(&held), Some(1), "{held:?}");
    master.wait_until_gone(GenerationId(1));
}

#[test]
fn five_hundred_tcp_connections_at_any_moment_of_a_reload_are_all_served() {
    bursts_at_every_moment(Listening::Tcp);
}

#[test]
fn five_hundred_unix_connections_at_any_moment_of_a_reload_are_all_served() {
    bursts_at_every_moment(Listening::Unix);
}

#[test]
fn five_hundred_connections_before_anybody_is_ready_wait_for_the_first_generation() {
    let setup = Setup::tcp().conduct("wait");
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.launch();
    master.wait_for_notice("a start", |notice| matches!(notice, Notice::Started { .. }).then_some(()));
    let burst = burst(&master, BURST);
    let _open = gate.open();
    let (tally, _) = burst.finish();
    assert_eq!((tally.answered, tally.failures()), (BURST as u64, 0), "{tally}");
}

#[test]
fn a_slow_request_lives_through_a_reload() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = Setup::on(listening).brisk().start();
        let held = Held::open(master.target(), "/").expect("the first generation holds it");
        master.reload();
        master.wait_for_notice("draining", |notice| matches!(notice, Notice::Draining { .. }).then_some(()));
        assert_eq!(get(&master.target(), "/").0.generation, 2);
        let held = held.finish();
        assert_eq!(generation_of(&held), Some(1), "{held:?}");
        master.wait_until_gone(GenerationId(1));
    }
}

#[test]
fn connections_that_wait_to_be_accepted_at_the_switch_are_served_by_the_generation_that_they_came_to() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = Setup::on(listening).brisk().start();
        let [(_, worker)] = master.workers_of(GenerationId(1))[..] else { panic!("it has one worker") };
        let worker = Pid::from_raw(worker.cast_signed());
        kill(worker, Signal::SIGSTOP).expect("it is there");
        let waiting = burst(&master, 100);
        master.reload();
        assert_eq!(get(&master.target(), "/").0.generation, 2);
        kill(worker, Signal::SIGCONT).expect("it is there");
        let (tally, journal) = waiting.finish();
        assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
        assert!(journal.entries.iter().all(|entry| generation_of(entry) == Some(1)), "{tally}");
    }
}

#[test]
fn the_listener_is_opened_once_and_never_again() {
    let master = Setup::tcp().brisk().start();
    let (first, lane) = get(&master.target(), "/lane");
    for _ in 0..4 {
        master.reload();
    }
    assert_eq!(first.generation, 1);
    let opened = master.deeds().into_iter().filter(|deed| matches!(deed, Deed::Listening { .. })).count();
    assert_eq!(opened, 1);
    // Four lanes: the fifth generation has the first one's again, or another that was free sooner.
    assert!(!lane.is_empty());
    assert_eq!(get(&master.target(), "/lane").0.generation, 5);
}
