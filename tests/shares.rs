//! The promise: a newcomer gets the share of new connections that it was given and no more, and before that nobody meets
//! it but who was let in by its own door.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;

use heirloom::control::model::Abort;
use heirloom::load::{Load, Plan, Tally, Target};
use heirloom::master::Deed;
use heirloom::supervision::{GenerationId, Notice, Reason};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use support::{LIMIT, Listening, Master, Setup, generation_of, get, load, who};

const OLD: u32 = 1;
const NEW: u32 = 2;

/// A master with a file that says how it rolls out.
fn with(setup: Setup, rollout: &str) -> Setup {
    fs::write(setup.path("heirloom.toml"), format!("[rollout]\n{rollout}\n")).expect("a file");
    setup.option("--config", "heirloom.toml")
}

/// Asks for a second generation, and waits until it has a share.
fn share(master: &Master) {
    master.release(NEW, "");
    master.hup();
    master.wait_for_notice("a share", |notice| match notice {
        Notice::Sharing { generation: GenerationId(NEW), .. } => Some(()),
        _ => None,
    });
}

/// Asks for a second generation, and waits until it is held: where it can be looked at, if that is possible.
fn hold(master: &Master, doors: usize) -> Vec<SocketAddr> {
    master.release(NEW, "");
    master.hup();
    master.wait_for_notice("a generation that is held", |notice| match notice {
        Notice::Held { generation: GenerationId(NEW), .. } => Some(()),
        _ => None,
    });
    let door = |deed: &Deed| match deed {
        Deed::Door { generation: GenerationId(NEW), address, .. } => Some(address.parse().expect("it is an address")),
        _ => None,
    };
    (0..doors).map(|_| master.wait_for_deed("a door", door)).collect()
}

fn abort(master: &Master) {
    master.ask(async |client| client.abort(&Abort::default()).await).expect("it is given up");
    assert!(matches!(master.wait_until_given_up().1, Reason::Aborted { .. }));
}

fn one_shots(master: &Master, count: u64) -> Tally {
    let plan = Plan { clients: 16, most: Some(count), patience: LIMIT, ..Plan::on(master.target()) };
    Load::start(plan).expect("a load starts").wait_for_the_end(LIMIT).expect("it ends")
}

/// How many answers came from each generation.
fn by_generation(tally: &Tally) -> BTreeMap<u32, u64> {
    let mut found = BTreeMap::new();
    for (answer, count) in &tally.by_answer {
        *found.entry(who(answer).generation).or_default() += *count;
    }
    found
}

#[test]
fn of_ten_thousand_connections_a_canary_of_five_per_cent_gets_five_per_cent_and_nothing_once_it_is_aborted() {
    let master = with(Setup::tcp().brisk(), "strategy = \"canary\"\nsteps = [\"5%\"]").start();
    share(&master);
    let tally = one_shots(&master, 10_000);
    assert_eq!((tally.answered, tally.failures()), (10_000, 0), "{tally}\n{}", master.log.text());
    let met = by_generation(&tally);
    assert!((400..=600).contains(&met[&NEW]), "{met:?}");
    let around = load(&master, 8);
    abort(&master);
    around.wait_for(around.tally().answered + 500, LIMIT).expect("it is served");
    let tally = around.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    assert_eq!(by_generation(&one_shots(&master, 1000)), BTreeMap::from([(OLD, 1000)]));
    master.wait_until_gone(GenerationId(NEW));
}

/// Asks from an address of its own, as there are many in 127/8; the generation that answers.
fn asked_from(source: Ipv4Addr, target: SocketAddr) -> u32 {
    let SocketAddr::V4(target) = target else { panic!("it is IPv4") };
    let client = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).expect("a socket");
    bind(client.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(source, 0))).expect("it is an address of ours");
    connect(client.as_raw_fd(), &SockaddrIn::from(target)).expect("it listens");
    answer(client.into(), "/").expect("it is answered")
}

/// One request; the generation that answers, if one does.
fn answer(mut stream: TcpStream, path: &str) -> Option<u32> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(who(text.split_once("\r\n\r\n")?.1.lines().next()?).generation)
}

#[test]
fn a_sticky_client_meets_the_same_generation_each_time() {
    let master = with(Setup::tcp().brisk(), "strategy = \"canary\"\nsteps = [\"30%\"]\nsticky = true").start();
    let target = master.address_of("http");
    share(&master);
    let sides = || -> BTreeMap<Ipv4Addr, u32> {
        let client = |number: u32| Ipv4Addr::from_bits(0x7f00_0101 + number * 257);
        (0..300).map(client).map(|client| (client, asked_from(client, target))).collect()
    };
    let first = sides();
    let newcomers = first.values().filter(|generation| **generation == NEW).count();
    assert!((40..=140).contains(&newcomers), "{newcomers} of 300 at 30 %");
    assert_eq!(sides(), first);
}

#[test]
fn shares_grow_step_by_step_and_nobody_notices() {
    let steps = "strategy = \"canary\"\nsteps = [\"5% for 300ms\", \"50% for 300ms\", \"100%\"]";
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = with(Setup::on(listening).brisk().workers(2), steps).start();
        let load = load(&master, 16);
        for generation in NEW..=4 {
            master.release(generation, "");
            assert_eq!(master.reload(), GenerationId(generation));
        }
        load.wait_for(load.tally().answered + 200, LIMIT).expect("it is served");
        let tally = load.stop();
        assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    }
}

#[test]
fn a_lane_that_a_worker_shuts_in_the_middle_of_a_canary_ends_it_and_nobody_is_refused_afterwards() {
    for broken in [NEW, OLD] {
        let master = with(Setup::tcp().brisk(), "strategy = \"canary\"\nsteps = [\"50%\"]").start();
        share(&master);
        // Who shuts its listener may lose its answer by that.
        let target = master.address_of("http");
        let is_harmless = |_: &i32| {
            let stream = TcpStream::connect(target).expect("it listens");
            answer(stream, &format!("/shut?{broken}")).is_some_and(|generation| generation != broken)
        };
        assert!((0..100).take_while(is_harmless).count() < 100, "every second comes to the one who minds");
        master.wait_for_deed("a mended lane", |deed| matches!(deed, Deed::Mended { .. }).then_some(()));
        if broken == NEW {
            assert!(matches!(master.wait_until_given_up().1, Reason::Misbehaved { .. }));
        } else {
            master.wait_until_ready(); // the old one's worker is replaced
        }
        let load = load(&master, 16);
        load.wait_for(1000, LIMIT).expect("it is served");
        let tally = load.stop();
        assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
        let met: BTreeSet<u32> = by_generation(&tally).into_keys().collect();
        assert!(broken == OLD || met == BTreeSet::from([OLD]), "{met:?}");
    }
}

#[test]
fn a_generation_that_is_held_is_met_at_its_door_and_nowhere_else() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = with(Setup::on(listening).brisk().workers(2), "strategy = \"blue-green\"").start();
        let load = load(&master, 8);
        let [door] = hold(&master, 1)[..] else { panic!("there is one door") };
        for _ in 0..100 {
            assert_eq!(get(&Target::Tcp(door), "/").0.generation, NEW);
        }
        // More at a time than there is room for.
        let plan = Plan { clients: 50, most: Some(500), patience: LIMIT, ..Plan::on(door) };
        let crowd = Load::start(plan).expect("a load starts").wait_for_the_end(LIMIT).expect("it ends");
        assert_eq!((by_generation(&crowd), crowd.failures()), (BTreeMap::from([(NEW, 500)]), 0), "{crowd}");
        load.wait_for(load.tally().answered + 200, LIMIT).expect("it is served");
        let (tally, journal) = (load.stop(), load.journal());
        assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
        assert!(journal.entries.iter().all(|entry| generation_of(entry) == Some(OLD)), "{tally}");
        abort(&master);
        assert!(TcpStream::connect(door).is_err(), "the door is closed");
        assert_eq!(get(&master.target(), "/").0.generation, OLD);
    }
}

#[test]
fn a_door_is_closed_when_its_generation_serves() {
    let master = with(Setup::tcp().brisk(), "strategy = \"blue-green\"\nauto_promote = \"300ms\"").start();
    let [door] = hold(&master, 1)[..] else { panic!("there is one door") };
    assert_eq!(master.wait_for_promotion().0, GenerationId(NEW));
    assert!(TcpStream::connect(door).is_err(), "the door is closed");
    assert_eq!(get(&master.target(), "/").0.generation, NEW);
}

#[test]
fn what_a_listener_cannot_do_is_said_once_at_the_start() {
    let canary = "strategy = \"canary\"\nsteps = [\"5% for 100ms\"]";
    let shared = Setup::tcp().option("--lanes", "1");
    for (setup, what) in
        [(Setup::unix(), "a path leads to one generation"), (shared, "all generations share its one lane")]
    {
        let master = with(setup.brisk(), canary).launch();
        let limited = |deed: &Deed| match deed {
            Deed::Limited { listener, what } => Some((listener.clone(), what.clone())),
            _ => None,
        };
        let (listener, said) = master.wait_for_deed("what cannot be done", limited);
        assert!(listener == "http" && said.contains(what), "{said}");
        master.wait_for_promotion();
        let before = master.deeds().iter().filter_map(limited).count();
        master.reload();
        master.reload();
        assert_eq!(master.deeds().iter().filter_map(limited).count(), before, "it is said once");
    }
}

#[test]
fn a_probe_that_waits_in_the_lane_of_a_generation_that_is_given_up_is_not_served_to_anybody() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let setup = Setup::on(listening).brisk().option("--ready-grace", "500ms").program_at("./program");
        std::os::unix::fs::symlink(support::test_worker(), setup.path("program")).expect("a symlink");
        let master = setup.start();
        fs::remove_file(master.path("program")).expect("it is there");
        // It accepts nothing and says nothing, whatever its arguments are.
        fs::write(master.path("program"), "#!/bin/sh\nexec tail -f /dev/null\n").expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(master.path("program"), mode).expect("a mode");
        master.hup();
        assert!(matches!(master.wait_until_given_up().1, Reason::NotReady { .. }));
        master.wait_until_gone(GenerationId(NEW));
        assert_eq!(get(&master.target(), "/").0.generation, OLD);
        let rescued = |deed: &Deed| matches!(deed, Deed::Rescued { .. });
        assert!(!master.deeds().iter().any(rescued), "{}", master.log.text());
    }
}

/// How often each worker was asked for its health, by its generation and slot.
fn checks(master: &Master) -> BTreeMap<(u32, u32), usize> {
    let mut found = BTreeMap::new();
    for deed in master.deeds() {
        if let Deed::Line { generation, slot, line, .. } = deed
            && line == "asked for its health"
        {
            *found.entry((generation.0, slot.0)).or_default() += 1;
        }
    }
    found
}

/// Good releases, sick ones and such as crash, one after the other. RELOADS says how many.
fn checks_and_clients_are_kept_apart(listening: Listening) {
    const FALL: usize = 2;
    let reloads: u32 = std::env::var("RELOADS").ok().and_then(|count| count.parse().ok()).unwrap_or(16);
    let setup = Setup::on(listening).brisk().workers(2).option("--ready-grace", "20s").conduct("takes");
    let health = format!("[health]\nhttp = \"/healthz\"\ninterval = \"10ms\"\nfall = {FALL}\ntimeout = \"20s\"\n");
    fs::write(setup.path("heirloom.toml"), health).expect("a file");
    let master = setup.option("--config", "heirloom.toml").start();
    let load = load(&master, 8);
    let (mut expected, mut promoted) = (BTreeMap::from([((1, 0), 1), ((1, 1), 1)]), BTreeSet::from([1]));
    for generation in 2..2 + reloads {
        let (conduct, each) = match generation % 4 {
            0 => ("takes sick", FALL),
            1 => ("takes crash-late", 0),
            _ => ("takes", 1),
        };
        master.release(generation, conduct);
        if conduct == "takes" {
            assert_eq!(master.reload(), GenerationId(generation));
            promoted.insert(generation);
        } else {
            master.hup();
            assert_eq!(master.wait_until_given_up().0, GenerationId(generation));
        }
        expected.extend((0..2).filter(|_| each > 0).map(|slot| ((generation, slot), each)));
    }
    load.wait_for(load.tally().answered + 200, LIMIT).expect("it is served");
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    let met: BTreeSet<u32> = by_generation(&tally).into_keys().collect();
    assert!(met.is_subset(&promoted), "clients met {met:?}, of which only {promoted:?} were promoted");
    // What those have written that are gone has been read.
    master.release(0, "takes");
    let last = master.reload();
    master.wait_until_gone(GenerationId(*promoted.last().expect("there are some")));
    let mut checks = checks(&master);
    checks.retain(|(generation, _), _| *generation != last.0);
    assert_eq!(checks, expected, "each worker was asked so often and no other instead");
}

#[test]
fn no_check_over_tcp_meets_another_worker_and_no_client_one_that_was_not_promoted() {
    checks_and_clients_are_kept_apart(Listening::Tcp);
}

#[test]
fn no_check_over_a_path_meets_another_worker_and_no_client_one_that_was_not_promoted() {
    checks_and_clients_are_kept_apart(Listening::Unix);
}
