//! The promise: the old serves until the new has proved itself. A release that crashes, hangs or cannot be started is
//! given up, the reason is told, and no client ever meets it.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use heirloom::supervision::{Exit, GenerationId, Notice, Reason};
use nix::sys::signal::Signal;
use support::{Gate, LIMIT, Listening, Setup, get, load, test_worker, who};

/// Every way in which a release can be bad, and what the reason has to say.
#[derive(Clone, Copy, Debug)]
enum Bad {
    Crashes,
    CrashesLate,
    ExitsWell,
    Hangs,
    HasNoInterpreter,
    IsMissing,
    IsNotExecutable,
    HasBrokenVariables,
}

use Bad::*;

const ALL: [Bad; 8] =
    [Crashes, CrashesLate, ExitsWell, Hangs, HasNoInterpreter, IsMissing, IsNotExecutable, HasBrokenVariables];

impl Bad {
    /// Puts the release in place: `program` and `env`.
    fn deploy(self, place: &Path) {
        let conduct = match self {
            Crashes => "crash",
            CrashesLate => "crash-late",
            ExitsWell => "exit",
            Hangs => "hang",
            HasNoInterpreter | IsMissing | IsNotExecutable | HasBrokenVariables => "",
        };
        fs::write(place.join("env"), format!("RELEASE=bad\nCONDUCT={conduct}\n")).expect("a file");
        let program = place.join("program");
        let _ = fs::remove_file(&program); // unless the last release was without
        match self {
            Crashes | CrashesLate | ExitsWell | Hangs => symlink(test_worker(), &program).expect("a symlink"),
            HasBrokenVariables => {
                symlink(test_worker(), &program).expect("a symlink");
                fs::write(place.join("env"), "RELEASE=bad\nthis is no variable\n").expect("a file");
            }
            HasNoInterpreter => script(&program, "#!/no/such/interpreter\n", 0o755),
            IsNotExecutable => script(&program, "#!/bin/sh\n", 0o644),
            IsMissing => {}
        }
    }

    fn check(self, reason: &Reason, last_lines: &[String]) {
        let text = reason.to_string();
        let as_expected = match (self, reason) {
            (Crashes | CrashesLate, Reason::Exited { exit, .. }) => *exit == Exit::Status(9),
            (ExitsWell, Reason::Exited { exit, .. }) => *exit == Exit::Status(0),
            (Hangs, Reason::NotReady { .. }) => text.contains("ready_grace"),
            (HasNoInterpreter, Reason::Exited { exit: Exit::NotStarted(why), .. }) => why.contains("program"),
            (IsMissing, Reason::Unresolved { .. }) => text.contains("cannot open the program"),
            (IsNotExecutable, Reason::Unresolved { .. }) => text.contains("not executable"),
            (HasBrokenVariables, Reason::Unresolved { .. }) => text.contains("env") && text.contains("no variable"),
            _ => false,
        };
        assert!(as_expected, "{self:?}: {reason:?}");
        let said = match self {
            Crashes => Some("the database of release bad is not there"),
            CrashesLate => Some("the migration of release bad fails"),
            ExitsWell => Some("there is nothing to do"),
            Hangs | HasNoInterpreter | IsMissing | IsNotExecutable | HasBrokenVariables => None,
        };
        assert_eq!(last_lines.last().map(String::as_str), said, "{self:?}");
    }
}

fn script(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
}

fn twenty_bad_releases(listening: Listening) {
    let setup = Setup::on(listening).brisk().workers(2).option("--ready-grace", "300ms").program_at("./program");
    symlink(test_worker(), setup.path("program")).expect("a symlink");
    let master = setup.start();
    let first = master.workers_of(GenerationId(1));
    let load = load(&master, 16);
    for (number, bad) in ALL.into_iter().cycle().take(20).enumerate() {
        bad.deploy(master.setup.place.path());
        master.hup();
        let (generation, reason, last_lines) = master.wait_until_given_up();
        assert_eq!(generation.0, number as u32 + 2);
        bad.check(&reason, &last_lines);
        if !matches!(reason, Reason::Unresolved { .. }) {
            master.wait_until_gone(generation);
        }
        let answered = load.tally().answered;
        load.wait_for(answered + 16, LIMIT).expect("it is served");
    }
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    assert!(tally.by_answer.keys().all(|answer| who(answer).generation == 1), "{tally}");
    assert_eq!(master.workers_of(GenerationId(1)), first, "the serving generation is untouched");
}

#[test]
fn twenty_bad_releases_on_tcp_are_given_up_and_nobody_notices() {
    twenty_bad_releases(Listening::Tcp);
}

#[test]
fn twenty_bad_releases_on_a_unix_socket_are_given_up_and_nobody_notices() {
    twenty_bad_releases(Listening::Unix);
}

#[test]
fn a_good_release_after_a_bad_one_serves() {
    let master = Setup::tcp().brisk().start();
    master.release(2, "crash");
    master.hup();
    master.wait_until_given_up();
    master.release(3, "");
    assert_eq!(master.reload(), GenerationId(3));
    assert_eq!(get(&master.target(), "/").0.release, "3");
}

#[test]
fn a_first_release_that_is_bad_ends_the_master_with_a_failure() {
    for (conduct, said) in [("crash", "the database of release 1 is not there"), ("hang", "")] {
        let setup = Setup::tcp().conduct(conduct).option("--ready-grace", "300ms");
        let master = setup.launch();
        let (_, _, last_lines) = master.wait_until_given_up();
        assert!(last_lines.iter().any(|line| line == said) || said.is_empty(), "{last_lines:?}");
        assert_eq!(master.wait().code(), Some(1));
    }
}

#[test]
fn twenty_hangups_in_a_row_raise_two_generations_at_most_and_the_newest_release_serves() {
    let setup = Setup::tcp().brisk();
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.start();
    let load = load(&master, 16);
    for release in 2..22 {
        master.release(release, "wait");
        master.hup();
    }
    // A command that is answered at once, so that all of the hangups have come in before anybody may be ready.
    master.signal(Signal::SIGTTIN);
    master.wait_for_notice("scaled", |notice| matches!(notice, Notice::Scaled { .. }).then_some(()));
    let _open = gate.open();
    let promoted: Vec<u32> = (0..2).map(|_| master.wait_for_promotion().0.0).collect();
    assert_eq!(promoted, [2, 3]);
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
    let now = get(&master.target(), "/").0;
    assert_eq!((now.generation, now.release.as_str()), (3, "21"));
    // Whatever was remembered would rise before this one does.
    assert_eq!(master.reload(), GenerationId(4));
}

#[test]
fn a_hangup_after_a_flipped_symlink_brings_the_new_program_directory_and_variables() {
    let setup = Setup::tcp().brisk();
    let place = setup.place.path().to_owned();
    for release in ["1", "2"] {
        let directory = place.join("releases").join(release);
        fs::create_dir_all(&directory).expect("a directory");
        symlink(test_worker(), directory.join("web")).expect("a symlink");
        fs::write(directory.join("env"), format!("RELEASE={release}\n")).expect("a file");
    }
    let current = place.join("current");
    symlink("releases/1", &current).expect("a symlink");
    let setup = setup.program_at("./web");
    let mut command = setup.command("json");
    command.current_dir(&current).env("PWD", &current);
    let master = support::Master::start(setup, command);
    master.wait_for_promotion();

    let (first, at) = get(&master.target(), "/where");
    let released = |release: &str| place.canonicalize().expect("a path").join("releases").join(release);
    assert_eq!((first.release.as_str(), at[1].as_str()), ("1", released("1").to_str().expect("text")));

    symlink("releases/2", place.join("next")).expect("a symlink");
    fs::rename(place.join("next"), &current).expect("a rename");
    master.reload();
    let (second, at) = get(&master.target(), "/where");
    assert_eq!((second.release.as_str(), at[1].as_str()), ("2", released("2").to_str().expect("text")));
    assert_eq!(at[2], "./web");
}

#[test]
fn a_crashed_worker_comes_back_from_the_release_that_ran_though_another_was_deployed_meanwhile() {
    let setup = Setup::tcp().brisk().program_at("./program");
    fs::copy(test_worker(), setup.path("program")).expect("a copy");
    let master = setup.start();
    let (first, _) = get(&master.target(), "/");
    script(&master.path("next"), "#!/no/such/interpreter\n", 0o755);
    fs::rename(master.path("next"), master.path("program")).expect("a rename");
    master.release(2, "crash");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first.pid.cast_signed()), Signal::SIGKILL).expect("it is there");
    master.wait_until_ready();
    let (second, _) = get(&master.target(), "/");
    assert_eq!((second.generation, second.release.as_str()), (1, "1"));
    assert_ne!(second.pid, first.pid);
}
