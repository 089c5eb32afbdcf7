//! A worker that has notified us must go on saying that it lives, if it is held to that.

use heirloom::master::Deed;
use heirloom::supervision::{Exit, GenerationId, Notice};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::servers::{script, wait_for_word};
use crate::support::{Gate, Master, get};

#[test]
fn a_worker_that_triggers_its_watchdog_while_it_rises_is_given_up() {
    let master = script("notifies.py", &["WATCHDOG=trigger"]).launch();
    let (_, reason, _) = master.wait_until_given_up();
    assert!(reason.to_string().contains("watchdog"), "{reason}");
    master.signal(Signal::SIGTERM);
    master.wait();
}

fn tell(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).expect("it is there");
}

/// Waits until it has spoken for longer than it may be silent.
fn wait_until_it_has_lived(master: &Master) {
    while wait_for_word(master, "it has said that it lives:") != "6" {}
}

fn the_worker(master: &Master) -> u32 {
    master.workers_of(GenerationId(1))[0].1
}

fn wait_until_replaced(master: &Master, former: u32) {
    master.wait_for_notice("a replacement", |notice| matches!(notice, Notice::Ready { .. }).then_some(()));
    let (who, _) = get(&master.target(), "/");
    assert_ne!(who.pid, former);
}

#[test]
fn a_worker_that_falls_silent_is_replaced() {
    let master = script("lives.py", &[]).option("--watchdog", "2s").start();
    wait_until_it_has_lived(&master);
    let former = the_worker(&master);
    tell(former, Signal::SIGUSR1);
    let what = master.wait_for_notice("what it did", |notice| match notice {
        Notice::Misbehaved { what, .. } => Some(what.clone()),
        _ => None,
    });
    assert_eq!(what, "it has not said for 2 s that it lives (watchdog)");
    wait_until_replaced(&master, former);
}

#[test]
fn a_worker_that_hangs_before_its_generation_serves_has_it_given_up() {
    let setup = script("lives.py", &["--silent"]).option("--watchdog", "1s").workers(2);
    let _gate = Gate::in_directory(setup.place.path());
    let master = setup.launch();
    let (_, reason, _) = master.wait_until_given_up();
    assert!(
        reason.to_string().ends_with("slot 0 misbehaved: it has not said for 1 s that it lives (watchdog)"),
        "{reason}"
    );
    assert_eq!(master.wait().code(), Some(1));
}

#[test]
fn a_program_that_never_notifies_is_not_held_to_the_watchdog() {
    let master = script("listen_fds.py", &[]).option("--watchdog", "1ms").start();
    master.reload();
    let alive = |notice: Notice| !matches!(notice, Notice::Misbehaved { .. });
    assert!(master.notices().into_iter().all(|(notice, _)| alive(notice)));
}

#[test]
fn a_worker_that_stops_of_itself_is_noticed_and_followed_by_another() {
    let master = script("lives.py", &[]).option("--watchdog", "2s").start();
    wait_until_it_has_lived(&master);
    let former = the_worker(&master);
    tell(former, Signal::SIGTERM);
    master.wait_for_deed("that it stops", |deed| matches!(deed, Deed::WorkerStops { .. }).then_some(()));
    master.wait_for_notice("its end", |notice| match notice {
        Notice::Exited { exit: Exit::Status(0), wanted: false, .. } => Some(()),
        _ => None,
    });
    wait_until_replaced(&master, former);
}
