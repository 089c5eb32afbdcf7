//! The promise: signals mean what docs/signals.md says.

mod support;

use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use heirloom::load::Held;
use heirloom::supervision::{GenerationId, Notice};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::openpty;
use nix::sys::signal::Signal;
use support::{Listening, Master, Setup, burst, generation_of, get, load};

fn wait_until_it_stops(master: &Master, wanted: bool) {
    master.wait_for_notice("stopping", |notice| match notice {
        Notice::Stopping { fast, .. } if *fast == wanted => Some(()),
        _ => None,
    });
}

#[test]
fn term_int_and_quit_let_workers_finish_what_they_hold() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        for listening in [Listening::Tcp, Listening::Unix] {
            let master = Setup::on(listening).start();
            let held = Held::open(master.target(), "/").expect("it is held");
            // Its only worker has accepted whatever came before this one.
            get(&master.target(), "/");
            master.signal(signal);
            master.wait_for_notice("draining", |notice| matches!(notice, Notice::Draining { .. }).then_some(()));
            let held = held.finish();
            assert_eq!(generation_of(&held), Some(1), "{signal}: {held:?}\n{}", master.log.text());
            assert_eq!(master.wait().code(), Some(0));
        }
    }
}

#[test]
fn a_second_term_does_not_wait_for_anybody() {
    let master = Setup::tcp().conduct("stubborn child").start();
    master.signal(Signal::SIGTERM);
    wait_until_it_stops(&master, false);
    master.signal(Signal::SIGINT);
    wait_until_it_stops(&master, true);
    // Its drain_grace of 30 s would be over long after the tests' patience with a notice.
    let text = master.log.clone();
    assert_eq!(master.wait().code(), Some(0));
    assert!(!text.text().contains("drain_grace"), "{}", text.text());
}

#[test]
fn term_in_the_middle_of_a_reload_ends_the_newcomer_too() {
    let setup = Setup::tcp();
    let _gate = support::Gate::in_directory(setup.place.path());
    let master = setup.start();
    master.release(2, "wait");
    master.hup();
    master.wait_for_notice("a newcomer", |notice| {
        matches!(notice, Notice::Started { generation: GenerationId(2), .. }).then_some(())
    });
    assert_eq!(master.finish().code(), Some(0));
}

#[test]
fn term_before_the_first_generation_is_ready_ends_it_all() {
    let setup = Setup::unix().conduct("hang");
    let master = setup.launch();
    master.wait_for_notice("a start", |notice| matches!(notice, Notice::Started { .. }).then_some(()));
    assert_eq!(master.finish().code(), Some(0));
}

/// A terminal, of which the master has the one end as its standard input and the test the other.
fn terminal() -> (OwnedFd, OwnedFd) {
    let ends = openpty(None, None).expect("a terminal");
    // The terminal is closed when nobody has our end any more.
    fcntl(&ends.master, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("it is open");
    (ends.master, ends.slave)
}

/// Starts a master whose controlling terminal this is.
fn on_a_terminal(through: &[&str]) -> (Master, OwnedFd) {
    let (ours, theirs) = terminal();
    let through: Vec<&str> = ["setsid", "--ctty"].iter().chain(through).copied().collect();
    let setup = Setup::tcp().brisk().through(&through);
    let mut command = setup.command("json");
    command.stdin(Stdio::from(File::from(theirs)));
    let master = Master::start(setup, command);
    master.wait_for_promotion();
    (master, ours)
}

#[test]
fn a_hangup_reloads_also_on_a_terminal() {
    let (master, _terminal) = on_a_terminal(&[]);
    assert_eq!(master.reload(), GenerationId(2));
}

#[test]
fn a_closed_terminal_stops_the_master() {
    let (master, terminal) = on_a_terminal(&[]);
    drop(terminal);
    wait_until_it_stops(&master, false);
    assert_eq!(master.wait().code(), Some(0));
}

#[test]
fn a_closed_terminal_does_not_stop_a_master_that_was_started_under_nohup() {
    let (master, terminal) = on_a_terminal(&["nohup"]);
    drop(terminal);
    // The kernel's own hangup is a reload like any other then, and so is the next one.
    assert_eq!(master.wait_for_promotion().0, GenerationId(2));
    assert_eq!(master.reload(), GenerationId(3));
    assert_eq!(get(&master.target(), "/").0.generation, 3);
}

#[test]
fn winch_without_a_terminal_dismisses_the_workers_and_clients_wait_for_the_next_reload() {
    for listening in [Listening::Tcp, Listening::Unix] {
        let master = Setup::on(listening).brisk().workers(2).through(&["setsid"]).start();
        master.signal(Signal::SIGWINCH);
        let ended = |notice: &Notice| matches!(notice, Notice::Exited { wanted: true, .. }).then_some(());
        (0..2).for_each(|_| master.wait_for_notice("a worker to end", ended));
        let burst = burst(&master, 100);
        assert_eq!(burst.tally().ended(), 0);
        master.release(2, "");
        assert_eq!(master.reload(), GenerationId(2));
        let (tally, journal) = burst.finish();
        assert_eq!((tally.answered, tally.failures()), (100, 0), "{tally}\n{}", master.log.text());
        assert!(journal.entries.iter().all(|entry| generation_of(entry) == Some(2)), "{tally}");
    }
}

#[test]
fn winch_on_a_terminal_is_a_resized_window_and_means_nothing() {
    let (master, _terminal) = on_a_terminal(&[]);
    master.signal(Signal::SIGWINCH);
    assert_eq!(master.reload(), GenerationId(2));
    assert!(!master.notices().iter().any(|(notice, _)| matches!(notice, Notice::Scaled { .. })));
}

#[test]
fn ttin_adds_a_worker_and_ttou_takes_one_away_and_nobody_notices() {
    let master = Setup::tcp().workers(2).start();
    let load = load(&master, 16);
    let scaled = |wanted: u32| {
        master.wait_for_notice("scaled", |notice| match notice {
            Notice::Scaled { workers, .. } if *workers == wanted => Some(()),
            _ => None,
        });
    };
    master.signal(Signal::SIGTTIN);
    scaled(3);
    master.wait_until_ready();
    assert_eq!(master.workers_of(GenerationId(1)).len(), 3);
    for wanted in [2, 1] {
        master.signal(Signal::SIGTTOU);
        scaled(wanted);
        master.wait_for_notice("a worker to end", |notice| match notice {
            Notice::Exited { wanted: true, .. } => Some(()),
            _ => None,
        });
    }
    assert_eq!(master.workers_of(GenerationId(1)).len(), 1);
    // The last one stays; the next generation has as many as were asked for.
    master.signal(Signal::SIGTTOU);
    assert_eq!(master.reload(), GenerationId(2));
    assert_eq!(master.workers_of(GenerationId(2)).len(), 2);
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
}

#[test]
fn signals_for_which_there_is_nothing_to_do_yet_are_said_and_ignored() {
    let master = Setup::tcp().start();
    master.signal(Signal::SIGUSR1);
    master.log.wait_for_line("SIGUSR1");
    master.signal(Signal::SIGUSR2);
    master.log.wait_for_line("SIGUSR2");
    assert_eq!(get(&master.target(), "/").0.generation, 1);
}

#[test]
fn a_notice_says_who_asked() {
    let master = Setup::tcp().brisk().start();
    master.hup();
    let origin = master.wait_for_notice("rising", |notice| match notice {
        Notice::Rising { generation: GenerationId(2), origin } => Some(origin.by.clone()),
        _ => None,
    });
    let uid = nix::unistd::getuid();
    assert_eq!(origin, format!("SIGHUP from pid {}, uid {uid}", std::process::id()));
    master.wait_for_promotion();
}
