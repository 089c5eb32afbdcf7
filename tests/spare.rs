//! The promise: the launcher that waits to be needed is nobody's worker, and nothing depends on it.
#![cfg(all(target_os = "linux", feature = "program"))]

mod support;

use std::fs;
use std::time::Instant;

use heirloom::supervision::GenerationId;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use support::{
    LIMIT, Listening, Master, Setup, children_of, descriptors_of, get, has_not_ended, spares_of, zombies_of,
};

fn spare_of(master: &Master) -> u32 {
    let spares = spares_of(master.pid());
    assert_eq!(spares.len(), 1, "{spares:?}; it said:\n{}", master.log.text());
    spares[0]
}

fn worker_of(master: &Master, generation: u32) -> u32 {
    master.workers_of(GenerationId(generation))[0].1
}

fn reload(master: &Master) -> GenerationId {
    let generation = master.reload();
    master.wait_until_gone(GenerationId(generation.0 - 1));
    generation
}

fn end(pid: u32) {
    let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL); // it may have ended by itself
}

/// Whoever dies does so in his own time.
fn wait_until_ended(pid: u32) {
    wait_until(&format!("{pid} has ended"), || !has_not_ended(pid));
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn the_next_worker_is_the_spare_and_another_waits_when_all_is_quiet() {
    let master = Setup::tcp().brisk().start();
    for generation in 2..5 {
        let spare = spare_of(&master);
        assert_eq!(reload(&master), GenerationId(generation));
        assert_eq!(worker_of(&master, generation), spare);
        assert_ne!(spare_of(&master), spare);
    }
}

#[test]
fn the_spare_has_nothing_of_the_master_but_the_socket_that_it_waits_on() {
    let setup = Setup::tcp().through(&["sh", "-c", "exec \"$0\" \"$@\" 7</dev/zero"]);
    let master = setup.start();
    let spare = spare_of(&master);
    let sockets = || descriptors_of(spare).iter().filter(|kind| kind.starts_with("socket:")).count();
    wait_until("it waits, on a descriptor of its own choice", || sockets() == 2);
    let kinds: Vec<String> = descriptors_of(spare);
    let [null, error, socket, the_same] = &kinds[..] else { panic!("{kinds:?}") };
    assert!(null == "/dev/null" && error.starts_with("pipe:"), "{kinds:?}");
    assert!(socket.starts_with("socket:") && socket == the_same, "{kinds:?}");
    assert_eq!(fs::read(format!("/proc/{}/environ", spare_of(&master))).expect("it is there"), b"");
}

#[test]
fn a_worker_that_was_the_spare_finds_what_any_worker_finds() {
    let master = Setup::tcp().brisk().option("--dialect", "query").start();
    let kinds = |what: &str| {
        let (_, found) = get(&master.target(), what);
        let kind = |line: String| line.split([':', '=']).next().unwrap_or_default().to_owned();
        found.into_iter().map(kind).collect::<Vec<_>>()
    };
    let before = ["/descriptors", "/environment"].map(kinds);
    let spare = spare_of(&master);
    reload(&master);
    assert_eq!(worker_of(&master, 2), spare);
    assert_eq!(["/descriptors", "/environment"].map(kinds), before);
}

#[test]
fn a_signal_to_the_masters_whole_group_is_not_for_the_spare() {
    let master = Setup::tcp().brisk().through(&["setsid"]).start();
    let spare = spare_of(&master);
    killpg(Pid::from_raw(master.pid().cast_signed()), Signal::SIGHUP).expect("it leads its group");
    assert_eq!(master.wait_for_promotion().0, GenerationId(2));
    assert_eq!(worker_of(&master, 2), spare);
    let ignored = fs::read_to_string(format!("/proc/{spare}/status")).expect("it is there");
    let ignored = ignored.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a line");
    assert_eq!(u64::from_str_radix(ignored.trim(), 16).expect("a mask") & 1, 0, "but it is for a worker");
}

#[test]
fn a_spare_that_is_killed_is_reaped_and_missed_by_nobody() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = Setup::on(listening).brisk().start();
        let spare = spare_of(&master);
        end(spare);
        wait_until_ended(spare);
        assert_eq!(spares_of(master.pid()), [] as [u32; 0], "there is no need for another yet");
        reload(&master);
        assert_eq!(children_of(master.pid()), [worker_of(&master, 2)]);
        assert_eq!(zombies_of(master.pid()), [] as [u32; 0]);
        spare_of(&master);
    }
}

#[test]
fn a_worker_begins_with_what_the_master_has_now_and_not_with_what_it_had() {
    let master = Setup::tcp().brisk().start();
    let spare = spare_of(&master);
    fs::write(format!("/proc/{}/oom_score_adj", master.pid()), "321").expect("more can always be set");
    reload(&master);
    let worker = worker_of(&master, 2);
    assert_eq!(fs::read_to_string(format!("/proc/{worker}/oom_score_adj")).expect("it is there"), "321\n");
    assert_ne!(worker, spare);
    wait_until_ended(spare);
}

#[test]
fn a_master_that_is_to_end_needs_no_spare() {
    let master = Setup::tcp().conduct("stubborn").start();
    let spare = spare_of(&master);
    master.signal(Signal::SIGTERM);
    wait_until_ended(spare);
    let worker = worker_of(&master, 1);
    wait_until("the spare is reaped", || !children_of(master.pid()).contains(&spare));
    assert_eq!(children_of(master.pid()), [worker], "it does not hear that it is to end");
    end(worker);
    assert_eq!(master.wait().code(), Some(0));
}

#[test]
fn a_spare_ends_when_its_master_is_killed() {
    let master = Setup::tcp().start();
    let (spare, worker) = (spare_of(&master), worker_of(&master, 1));
    master.signal(Signal::SIGKILL);
    wait_until_ended(spare);
    end(worker);
    wait_until_ended(worker);
    assert_eq!(master.wait().code(), None);
}
