//! The promise: whatever a worker does to the sockets that it shares, the others get their connections, and a generation
//! that was retired answers nobody.

mod support;

use std::time::Instant;

use heirloom::load::{Held, Journal};
use heirloom::master::Deed;
use heirloom::supervision::{GenerationId, Notice};
use support::{LIMIT, Listening, Master, Setup, generation_of, get, load, provoke};

/// Reloads, and gives the instant of the promotion.
fn reload(master: &Master, release: u32, conduct: &str) -> Instant {
    master.release(release, conduct);
    master.hup();
    master.wait_for_promotion().1
}

fn everybody_was_answered_by(journal: &Journal, from: Instant, generation: u32, master: &Master) {
    let mut count = 0;
    for entry in journal.started_from(from) {
        assert_eq!(generation_of(entry), Some(generation), "{entry:?}\n{}", master.log.text());
        count += 1;
    }
    assert!(count > 0, "somebody asked");
}

fn wait_until_mended(master: &Master) {
    master.wait_for_deed("a mended lane", |deed| matches!(deed, Deed::Mended { .. }).then_some(()));
}

/// One of two workers shuts the listener. Both are replaced: what they hold looks like a listener, but an event loop that
/// has seen it shut may never hear of it again.
fn a_shut_listener_is_mended(setup: Setup) {
    let master = setup.brisk().workers(2).start();
    let before = master.workers_of(GenerationId(1));
    provoke(&master.target(), "/shut");
    wait_until_mended(&master);
    for _ in &before {
        let what = master.wait_for_notice("a worker to be replaced", |notice| match notice {
            Notice::Misbehaved { generation: GenerationId(1), what, .. } => Some(what.clone()),
            _ => None,
        });
        assert!(what.contains("http"), "{what}");
    }
    // What the old ones still accept goes with them; each of the new ones comes after its predecessor's end.
    for _ in &before {
        master.wait_until_ready();
    }
    let load = load(&master, 16);
    load.wait_for(500, LIMIT).expect("it is served");
    let since = reload(&master, 2, "");
    master.wait_until_gone(GenerationId(1));
    load.wait_for(load.tally().answered + 500, LIMIT).expect("it is served");
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    let old = |pid: u32| before.iter().any(|(_, before)| *before == pid);
    assert!(tally.by_answer.keys().all(|answer| !old(support::who(answer).pid)), "{tally}");
    let last = load.journal().entries.last().map(generation_of);
    assert_eq!(last, Some(Some(2)));
    assert!(load.journal().started_from(since).count() > 0);
}

#[test]
fn a_tcp_listener_that_a_worker_shuts_is_mended_and_nobody_is_refused_afterwards() {
    a_shut_listener_is_mended(Setup::tcp());
}

#[test]
fn a_unix_listener_that_a_worker_shuts_is_mended_and_nobody_is_refused_afterwards() {
    a_shut_listener_is_mended(Setup::unix());
}

#[test]
fn a_listener_that_all_generations_share_is_mended_when_a_worker_shuts_it() {
    a_shut_listener_is_mended(Setup::tcp().option("--lanes", "1"));
}

#[test]
fn a_worker_that_shuts_its_listener_when_it_drains_cuts_nobody_off() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = Setup::on(listening).brisk().conduct("shut-when-draining").start();
        let held: Vec<Held> = (0..20).map(|_| Held::open(master.target(), "/").expect("it is held")).collect();
        let load = load(&master, 16);
        reload(&master, 2, "");
        wait_until_mended(&master);
        let since = Instant::now();
        for held in held {
            let held = held.finish();
            assert_eq!(generation_of(&held), Some(1), "{held:?}\n{}", master.log.text());
        }
        master.wait_until_gone(GenerationId(1));
        load.wait_for(load.tally().answered + 100, LIMIT).expect("it is served");
        let tally = load.stop();
        assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
        everybody_was_answered_by(&load.journal(), since, 2, &master);
    }
}

#[test]
fn a_shut_lane_of_a_generation_that_stands_by_moves_nobody_elsewhere() {
    let master = Setup::tcp().option("--settle", "100ms").option("--warm", "30s").option("--drain-grace", "1s").start();
    // A request that is under way shuts the lane once another serves.
    let held = Held::open(master.target(), "/shut").expect("the first generation holds it");
    let since = reload(&master, 2, "");
    let load = load(&master, 16);
    held.finish();
    wait_until_mended(&master);
    // One cannot go back to it any more.
    master.wait_until_gone(GenerationId(1));
    load.wait_for(load.tally().answered + 500, LIMIT).expect("it is served");
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    everybody_was_answered_by(&load.journal(), since, 2, &master);
}

/// What the worker at a listener sees of its lane: inode, and everything that is set on it.
fn lane(master: &Master) -> (String, String) {
    let (_, lines) = get(&master.target(), "/lane");
    let (inode, rest) = lines[0].split_once(' ').expect("an inode and more");
    (inode.to_owned(), rest.to_owned())
}

/// Reloads until a generation has the lane that the first one had; what is set on it then.
fn next_tenant_of(master: &Master, inode: &str) -> Option<String> {
    for _ in 0..8 {
        let generation = master.reload();
        let (now, settings) = lane(master);
        if now == inode {
            return Some(settings);
        }
        master.wait_until_gone(GenerationId(generation.0 - 1));
    }
    None
}

#[test]
fn a_backlog_that_a_worker_made_small_is_put_back_for_the_next_tenant_of_the_lane() {
    let master = Setup::tcp().brisk().start();
    let (inode, before) = lane(&master);
    let (_, changed) = get(&master.target(), "/backlog");
    assert!(changed[0].contains(" backlog 1 "), "{changed:?}");
    assert_eq!(next_tenant_of(&master, &inode).as_ref(), Some(&before));
}

#[test]
fn options_that_a_worker_set_are_put_back_for_the_next_tenant_of_the_lane() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = Setup::on(listening).brisk().start();
        let (inode, before) = lane(&master);
        let (_, changed) = get(&master.target(), "/options");
        assert!(!changed[0].ends_with(&before), "{changed:?}");
        match next_tenant_of(&master, &inode) {
            Some(after) => assert_eq!(after, before),
            None => assert!(master.deeds().iter().any(|deed| matches!(deed, Deed::Spoiled { .. }))),
        }
    }
}

fn a_generation_that_never_stops_accepting_answers_nobody(listening: Listening) {
    let setup = Setup::on(listening).brisk().workers(2).option("--drain-grace", "500ms").conduct("stubborn");
    let master = setup.start();
    let load = load(&master, 16);
    let since = reload(&master, 2, "");
    for _ in 0..2 {
        let why = master.wait_for_notice("a killed worker", |notice| match notice {
            Notice::Killing { generation: GenerationId(1), why, .. } => Some(why.clone()),
            _ => None,
        });
        assert!(why.contains("drain_grace"), "{why}");
    }
    master.wait_until_gone(GenerationId(1));
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    everybody_was_answered_by(&load.journal(), since, 2, &master);
}

#[test]
fn workers_that_ignore_every_signal_and_go_on_accepting_on_tcp_answer_nobody_and_are_killed() {
    a_generation_that_never_stops_accepting_answers_nobody(Listening::Tcp);
}

#[test]
fn workers_that_ignore_every_signal_and_go_on_accepting_on_a_unix_socket_answer_nobody_and_are_killed() {
    a_generation_that_never_stops_accepting_answers_nobody(Listening::Unix);
}

/// The child of a worker lives on in the lane of its generation. Then the lane goes round: nobody else may have it.
fn what_a_worker_left_behind_answers_nobody(listening: Listening, conduct: &str) {
    let setup = Setup::on(listening).brisk().option("--drain-grace", "700ms").conduct(conduct);
    let master = setup.start();
    let load = load(&master, 16);
    let since = reload(&master, 2, "");
    for release in 3..=6 {
        reload(&master, release, "");
    }
    master.wait_for_notice("survivors", |notice| match notice {
        Notice::LeftBehind { generation: GenerationId(1), survivors: 1.. } => Some(()),
        _ => None,
    });
    master.wait_until_gone(GenerationId(1));
    load.wait_for(load.tally().answered + 100, LIMIT).expect("it is served");
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    for entry in load.journal().started_from(since) {
        let who = support::who(&entry.answer);
        assert!(who.generation > 1 && who.release != "child", "{entry:?}\n{}", master.log.text());
    }
}

#[test]
fn a_child_that_a_worker_left_behind_on_tcp_answers_nobody_and_is_ended() {
    what_a_worker_left_behind_answers_nobody(Listening::Tcp, "child");
}

#[test]
fn a_daemon_that_a_worker_left_behind_on_tcp_answers_nobody_and_is_ended() {
    what_a_worker_left_behind_answers_nobody(Listening::Tcp, "daemon");
}

#[test]
fn a_child_that_a_worker_left_behind_on_a_unix_socket_answers_nobody_and_is_ended() {
    what_a_worker_left_behind_answers_nobody(Listening::Unix, "child");
}

#[test]
fn a_reload_waits_for_a_lane_says_so_and_goes_on() {
    let setup = Setup::tcp().brisk().option("--lanes", "2").option("--drain-grace", "700ms").conduct("stubborn");
    let master = setup.start();
    let load = load(&master, 16);
    reload(&master, 2, "");
    master.release(3, "");
    master.hup();
    let why = master.wait_for_notice("a reload that waits", |notice| match notice {
        Notice::WaitingForLane { generation: GenerationId(3), why } => Some(why.clone()),
        _ => None,
    });
    assert!(why.contains("http") && why.contains('1'), "{why}");
    let (generation, since) = master.wait_for_promotion();
    assert_eq!(generation, GenerationId(3));
    load.wait_for(load.tally().answered + 100, LIMIT).expect("it is served");
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    everybody_was_answered_by(&load.journal(), since, 3, &master);
}

#[test]
fn late_connections_in_a_lane_where_nobody_accepts_any_more_are_served_elsewhere() {
    // The first generation's only worker dies after the switch, with connections in its queue.
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = Setup::on(listening).option("--settle", "5s").start();
        let [(_, worker)] = master.workers_of(GenerationId(1))[..] else { panic!("it has one worker") };
        let worker = nix::unistd::Pid::from_raw(worker.cast_signed());
        nix::sys::signal::kill(worker, nix::sys::signal::Signal::SIGSTOP).expect("it is there");
        let waiting = support::burst(&master, 100);
        reload(&master, 2, "");
        nix::sys::signal::kill(worker, nix::sys::signal::Signal::SIGKILL).expect("it is there");
        let (tally, journal) = waiting.finish();
        assert_eq!((tally.answered, tally.failures()), (100, 0), "{tally}\n{}", master.log.text());
        assert!(journal.entries.iter().all(|entry| generation_of(entry) == Some(2)), "{tally}");
        let rescued: u32 = master
            .deeds()
            .iter()
            .map(|deed| if let Deed::Rescued { connections, .. } = deed { *connections } else { 0 })
            .sum();
        assert_eq!(rescued, 100);
    }
}
