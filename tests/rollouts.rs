//! The promise: whatever goes wrong with a newcomer while it is checked, held, or has a share, the old generation serves on,
//! the reason is told, and the only requests that suffer are those that the strategy itself has shown to it.

mod support;

use std::fs;

use heirloom::load::{Load, Tally};
use heirloom::supervision::{GenerationId, Notice, Reason};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{LIMIT, Master, Setup, generation_of, get, load};

const OLD: GenerationId = GenerationId(1);
const NEW: GenerationId = GenerationId(2);
const CLIENTS: usize = 16;

/// How far a newcomer has come when it happens.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Checked,
    Held,
    Shared,
}

const PHASES: [Phase; 3] = [Phase::Checked, Phase::Held, Phase::Shared];

impl Phase {
    /// A master whose next generations come that far, and no further.
    fn start(self) -> Master {
        let (healthy, rollout) = match self {
            Phase::Checked => ("min_healthy_time = \"1h\"", "strategy = \"all\""),
            Phase::Held => ("", "strategy = \"blue-green\""),
            Phase::Shared => ("", "strategy = \"canary\"\nsteps = [\"30%\"]"),
        };
        let setup = Setup::tcp().brisk().option("--drain-grace", "500ms");
        let file = format!(
            "[health]\nhttp = \"/healthz\"\ninterval = \"50ms\"\ntimeout = \"2s\"\n{healthy}\n\n[rollout]\n{rollout}\n"
        );
        fs::write(setup.path("heirloom.toml"), file).expect("a file");
        let setup = setup.option("--config", "heirloom.toml");
        match self {
            Phase::Checked => first_without_checks(setup),
            Phase::Held | Phase::Shared => setup.start(),
        }
    }

    /// Waits until a newcomer has come that far.
    fn reached(self, master: &Master, wanted: GenerationId) {
        master.wait_for_notice(&format!("generation {wanted} to be {self:?}"), |notice| {
            let generation = match (self, notice) {
                (Phase::Checked, Notice::Checking { generation })
                | (Phase::Held, Notice::Held { generation, .. })
                | (Phase::Shared, Notice::Sharing { generation, .. }) => *generation,
                _ => return None,
            };
            (generation == wanted).then_some(())
        });
    }

    /// How many requests the strategy may show to a newcomer that fails: whoever is there at that moment.
    fn exposed(self) -> u64 {
        match self {
            Phase::Checked | Phase::Held => 0,
            Phase::Shared => CLIENTS as u64,
        }
    }
}

/// The first generation serves at once; those after it are checked as the file says then.
fn first_without_checks(setup: Setup) -> Master {
    let file = setup.path("heirloom.toml");
    let checked = fs::read_to_string(&file).expect("it was written");
    fs::write(&file, "[rollout]\nstrategy = \"all\"\n").expect("a file");
    let master = setup.start();
    fs::write(&file, checked).expect("a file");
    master
}

/// A newcomer has come that far, under load.
fn under_load(phase: Phase) -> (Master, Load) {
    let master = phase.start();
    let load = load(&master, CLIENTS);
    master.release(2, "");
    master.hup();
    phase.reached(&master, NEW);
    load.wait_for(load.tally().answered + 10 * CLIENTS as u64, LIMIT).expect("it is served");
    (master, load)
}

fn signal_newcomer(master: &Master, signal: Signal) {
    let [(_, worker)] = master.workers_of(NEW)[..] else { panic!("it has one worker") };
    kill(Pid::from_raw(worker.cast_signed()), signal).expect("it is there");
}

/// The old one serves alone again, and has lost no more than was shown to the newcomer.
fn only_the_old_one_serves(phase: Phase, master: &Master, load: Load) -> Tally {
    master.wait_until_gone(NEW);
    load.wait_for(load.tally().answered + 10 * CLIENTS as u64, LIMIT).expect("it is served");
    let tally = load.stop();
    assert!(tally.failures() <= phase.exposed(), "{phase:?}: {tally}\n{}", master.log.text());
    let met = load.journal().entries.iter().filter(|entry| generation_of(entry) == Some(NEW.0)).count();
    assert_eq!(met > 0, phase == Phase::Shared, "{phase:?}: {met} met the newcomer");
    assert_eq!(get(&master.target(), "/").0.generation, OLD.0);
    tally
}

#[test]
fn a_newcomer_that_dies_is_given_up() {
    for phase in PHASES {
        let (master, load) = under_load(phase);
        signal_newcomer(&master, Signal::SIGKILL);
        let (generation, reason, _) = master.wait_until_given_up();
        assert_eq!(generation, NEW);
        assert!(matches!(reason, Reason::Exited { .. }), "{phase:?}: {reason}");
        only_the_old_one_serves(phase, &master, load);
    }
}

#[test]
fn a_newcomer_that_hangs_is_given_up_by_its_checks() {
    for phase in PHASES {
        let master = phase.start();
        let file = master.path("heirloom.toml");
        let text =
            fs::read_to_string(&file).expect("it was written").replace("timeout = \"2s\"", "timeout = \"100ms\"");
        fs::write(&file, text).expect("a file");
        let load = load(&master, CLIENTS);
        master.hup();
        phase.reached(&master, NEW);
        load.wait_for(load.tally().answered + 10 * CLIENTS as u64, LIMIT).expect("it is served");
        signal_newcomer(&master, Signal::SIGSTOP);
        let (_, reason, _) = master.wait_until_given_up();
        assert!(matches!(reason, Reason::Unhealthy { .. }), "{phase:?}: {reason}");
        only_the_old_one_serves(phase, &master, load);
    }
}

#[test]
fn a_newcomer_that_is_well_at_first_and_then_not_is_given_up_and_nobody_loses_anything() {
    for phase in PHASES {
        let (master, load) = under_load(phase);
        fs::write(master.path("unwell"), "").expect("a file");
        let (_, reason, _) = master.wait_until_given_up();
        assert!(reason.to_string().contains("GET /healthz answered 500"), "{phase:?}: {reason}");
        let tally = only_the_old_one_serves(phase, &master, load);
        assert_eq!(tally.failures(), 0, "{phase:?}: {tally}");
    }
}

#[test]
fn term_in_any_phase_ends_everybody() {
    for phase in PHASES {
        let (master, load) = under_load(phase);
        load.stop();
        assert_eq!(master.finish().code(), Some(0), "{phase:?}");
    }
}

#[test]
fn a_hundred_reloads_in_any_phase_are_one_that_is_remembered() {
    for phase in PHASES {
        let (master, load) = under_load(phase);
        for _ in 0..100 {
            master.hup();
        }
        master.wait_for_notice("a reload that is remembered", |notice| match notice {
            Notice::Remembered { generation: NEW, .. } => Some(()),
            _ => None,
        });
        signal_newcomer(&master, Signal::SIGKILL);
        assert_eq!(master.wait_until_given_up().0, NEW);
        phase.reached(&master, GenerationId(3));
        load.wait_for(load.tally().answered + 10 * CLIENTS as u64, LIMIT).expect("it is served");
        let tally = load.stop();
        assert!(tally.failures() <= phase.exposed(), "{phase:?}: {tally}");
        assert_eq!(master.finish().code(), Some(0), "{phase:?}");
    }
}

#[test]
fn a_green_generation_is_promoted_by_itself_when_its_time_has_come() {
    let setup = Setup::tcp().brisk();
    let file = "[rollout]\nstrategy = \"blue-green\"\nauto_promote = \"200ms\"\n";
    fs::write(setup.path("heirloom.toml"), file).expect("a file");
    let master = setup.option("--config", "heirloom.toml").start();
    let load = load(&master, CLIENTS);
    for number in 2..=5 {
        master.release(number, "");
        assert_eq!(master.reload(), GenerationId(number));
    }
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
}

#[test]
fn a_green_generation_that_crashes_once_it_serves_is_rolled_back() {
    let setup = Setup::tcp().option("--settle", "100ms").option("--warm", "5m");
    let file = "[rollout]\nstrategy = \"blue-green\"\nauto_promote = \"0s\"\n";
    fs::write(setup.path("heirloom.toml"), file).expect("a file");
    let master = setup.option("--config", "heirloom.toml").start();
    master.release(2, "crash-when-promoted");
    assert_eq!(master.reload(), NEW);
    master.wait_for_notice("a way back", |notice| match notice {
        Notice::RolledBack { generation: NEW, to: OLD, .. } => Some(()),
        _ => None,
    });
    master.wait_until_gone(NEW);
    assert_eq!(get(&master.target(), "/").0.generation, OLD.0);
}
