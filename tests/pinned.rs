//! What ran keeps running: what a killed worker comes back as, when the files that its generation was started from have
//! moved, changed or gone meanwhile.
#![cfg(target_os = "linux")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use heirloom::master::Deed;
use heirloom::supervision::{Exit, GenerationId, Notice};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{LIMIT, Master, Setup, get, load, test_worker};

/// A release: a directory with a program in it.
fn release(place: &Path, number: u32) {
    let directory = place.join("releases").join(number.to_string());
    fs::create_dir_all(&directory).expect("a directory");
    fs::copy(test_worker(), directory.join("web")).expect("a copy");
}

/// A master that runs `current/web` with two workers, `current` being a symlink to the first of two releases.
fn two_workers_of_the_first_release() -> Master {
    let setup = Setup::tcp().brisk().workers(2).program_at("./current/web");
    let place = setup.place.path();
    release(place, 1);
    release(place, 2);
    symlink("releases/1", place.join("current")).expect("a symlink");
    setup.start()
}

fn inode(path: impl AsRef<Path>) -> u64 {
    fs::metadata(path).expect("it is there").ino()
}

/// The file that a process executes, wherever it is by now.
fn executes(pid: u32) -> u64 {
    inode(format!("/proc/{pid}/exe"))
}

fn end(pid: u32) {
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).expect("it is there");
}

/// Kills the worker in each slot, and waits until the next ones serve.
fn replace_everybody(master: &Master, generation: GenerationId) {
    let former = master.workers_of(generation);
    for (_, pid) in &former {
        end(*pid);
        master.wait_until_ready();
    }
    let latter = master.workers_of(generation);
    assert_eq!(latter.len(), former.len());
    assert!(former.iter().all(|seat| !latter.contains(seat)), "{former:?} {latter:?}");
}

/// The files that the generation's workers execute.
fn executed(master: &Master, generation: GenerationId) -> Vec<u64> {
    let mut executed: Vec<u64> = master.workers_of(generation).into_iter().map(|(_, pid)| executes(pid)).collect();
    executed.dedup();
    executed
}

/// What was said to have changed.
fn changes(master: &Master) -> Vec<String> {
    let changed = |deed| match deed {
        Deed::Changed { what, .. } => Some(what),
        _ => None,
    };
    master.deeds().into_iter().filter_map(changed).collect()
}

fn wait_for_change(master: &Master) -> String {
    master.wait_for_deed("what has changed", |deed| match deed {
        Deed::Changed { what, .. } => Some(what.clone()),
        _ => None,
    })
}

/// Kills the worker in slot 1, and waits until another one is to be started.
fn fail(master: &Master) {
    end(master.workers_of(GenerationId(1))[1].1);
    wait_for_respawn(master);
}

fn wait_for_respawn(master: &Master) -> Duration {
    master.wait_for_notice("a respawn", |notice| match notice {
        Notice::Respawning { after, .. } => Some(*after),
        _ => None,
    })
}

/// Why the next worker could not be started.
fn wait_until_not_started(master: &Master) -> String {
    master.wait_for_notice("a worker that cannot be started", |notice| match notice {
        Notice::Exited { exit: Exit::NotStarted(why), .. } => Some(why.clone()),
        _ => None,
    })
}

/// Three attempts to start a worker fail, one later than the other, while the others serve.
fn three_attempts_fail_and_the_others_serve(master: &Master, why: &str) {
    let load = load(master, 4);
    let mut former = Duration::ZERO;
    for _ in 0..3 {
        let said = wait_until_not_started(master);
        assert!(said.contains(why), "{said}");
        let after = wait_for_respawn(master);
        assert!(after >= former && !after.is_zero(), "{former:?} {after:?}");
        former = after;
    }
    let answered = load.tally().answered;
    load.wait_for(answered + 20, LIMIT).expect("it is served");
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}\n{}", master.log.text());
}

#[test]
fn a_program_that_was_renamed_over_goes_on_until_the_next_reload() {
    let master = two_workers_of_the_first_release();
    let first = executed(&master, GenerationId(1));
    let web = master.path("releases/1/web");
    fs::rename(master.path("releases/2/web"), &web).expect("a rename");
    replace_everybody(&master, GenerationId(1));
    assert_eq!(executed(&master, GenerationId(1)), first);
    assert_eq!(changes(&master).len(), 1, "{:?}", changes(&master));
    assert!(changes(&master)[0].contains("another file now"));
    assert_eq!(master.reload(), GenerationId(2));
    assert_eq!(executed(&master, GenerationId(2)), [inode(web)]);
    assert_eq!(get(&master.target(), "/").0.generation, 2);
}

#[test]
fn a_program_that_was_deleted_goes_on() {
    let master = two_workers_of_the_first_release();
    let first = executed(&master, GenerationId(1));
    fs::remove_file(master.path("releases/1/web")).expect("it is ours");
    replace_everybody(&master, GenerationId(1));
    assert_eq!(executed(&master, GenerationId(1)), first);
    let said = changes(&master);
    assert!(said.len() == 1 && said[0].contains("web is gone") && said[0].contains("the former one"), "{said:?}");
    assert_eq!(get(&master.target(), "/").0.generation, 1);
}

#[test]
fn a_program_whose_whole_release_was_deleted_goes_on() {
    let master = two_workers_of_the_first_release();
    let first = executed(&master, GenerationId(1));
    fs::remove_dir_all(master.path("releases/1")).expect("it is ours");
    replace_everybody(&master, GenerationId(1));
    assert_eq!(executed(&master, GenerationId(1)), first);
}

#[test]
fn a_program_whose_symlink_has_moved_goes_on_until_the_next_reload() {
    let master = two_workers_of_the_first_release();
    symlink("releases/2", master.path("next")).expect("a symlink");
    fs::rename(master.path("next"), master.path("current")).expect("a rename");
    replace_everybody(&master, GenerationId(1));
    assert_eq!(executed(&master, GenerationId(1)), [inode(master.path("releases/1/web"))]);
    assert_eq!(changes(&master), [] as [String; 0], "nothing that it was started from has changed");
    assert_eq!(master.reload(), GenerationId(2));
    assert_eq!(executed(&master, GenerationId(2)), [inode(master.path("releases/2/web"))]);
}

#[test]
fn a_program_whose_mode_was_touched_is_still_the_same_and_nothing_is_said() {
    let master = two_workers_of_the_first_release();
    let web = master.path("releases/1/web");
    fs::set_permissions(&web, fs::Permissions::from_mode(0o700)).expect("its mode");
    fs::hard_link(&web, master.path("releases/1/kept")).expect("a link");
    replace_everybody(&master, GenerationId(1));
    assert_eq!(executed(&master, GenerationId(1)), [inode(&web)]);
    assert_eq!(changes(&master), [] as [String; 0]);
}

/// A script that is a release of its own: it says so, whatever the environment file says.
fn write_script(path: &Path, release: &str) {
    let worker = test_worker();
    let text = format!("#!/bin/sh\nRELEASE={release} exec {} --listen 127.0.0.1:0\n", worker.display());
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode");
}

fn two_workers_of_a_script(program: &[&str]) -> Master {
    let setup = Setup::tcp().brisk().workers(2).program(program);
    write_script(&setup.path("web.sh"), "old");
    setup.start()
}

fn releases(master: &Master) -> Vec<String> {
    let mut releases = Vec::new();
    for _ in 0..2 {
        let (at, _) = get(&master.target(), "/");
        assert_eq!(at.generation, 1);
        releases.push(at.release);
    }
    releases
}

#[test]
fn a_script_that_was_rewritten_in_place_is_read_anew_and_that_is_said() {
    let master = two_workers_of_a_script(&["./web.sh"]);
    assert_eq!(releases(&master), ["old", "old"]);
    write_script(&master.path("web.sh"), "new");
    replace_everybody(&master, GenerationId(1));
    assert_eq!(releases(&master), ["new", "new"]);
    let said = changes(&master);
    assert!(said.len() == 1 && said[0].contains("web.sh has changed") && said[0].contains("new text"), "{said:?}");
}

#[test]
fn a_script_that_an_interpreter_was_given_is_read_anew_and_that_is_said() {
    let master = two_workers_of_a_script(&["sh", "web.sh"]);
    write_script(&master.path("next.sh"), "new");
    fs::rename(master.path("next.sh"), master.path("web.sh")).expect("a rename");
    replace_everybody(&master, GenerationId(1));
    assert_eq!(releases(&master), ["new", "new"]);
    let said = changes(&master);
    assert!(said.len() == 1 && said[0].contains("web.sh has changed"), "{said:?}");
}

/// Two releases of a script, the first of which an interpreter was given; then the symlink is moved.
fn release_read_after_a_moved_symlink(directory: Option<&str>, script: &str) -> (Vec<String>, usize) {
    let mut setup = Setup::tcp().brisk().workers(2).program(&["sh", script]);
    for release in ["old", "new"] {
        fs::create_dir_all(setup.path("releases").join(release)).expect("a directory");
        write_script(&setup.path("releases").join(release).join("web.sh"), release);
        fs::copy(setup.path("env"), setup.path("releases").join(release).join("env")).expect("a copy");
    }
    symlink("releases/old", setup.path("current")).expect("a symlink");
    if let Some(directory) = directory {
        setup = setup.option("--directory", directory);
    }
    let master = setup.start();
    symlink("releases/new", master.path("next")).expect("a symlink");
    fs::rename(master.path("next"), master.path("current")).expect("a rename");
    replace_everybody(&master, GenerationId(1));
    (releases(&master), changes(&master).len())
}

#[test]
fn a_moved_symlink_is_followed_in_an_argument_but_not_in_the_directory() {
    let followed = release_read_after_a_moved_symlink(None, "current/web.sh");
    assert_eq!(followed, (vec!["new".to_owned(); 2], 1));
    let pinned = release_read_after_a_moved_symlink(Some("current"), "web.sh");
    assert_eq!(pinned, (vec!["old".to_owned(); 2], 0));
}

#[test]
fn a_script_that_is_gone_is_tried_again_and_again_while_the_other_workers_serve() {
    let master = two_workers_of_a_script(&["./web.sh"]);
    fs::rename(master.path("web.sh"), master.path("away.sh")).expect("a rename");
    fail(&master);
    let said = wait_for_change(&master);
    assert!(said.contains("web.sh is gone"), "{said}");
    three_attempts_fail_and_the_others_serve(&master, "No such file");
    fs::rename(master.path("away.sh"), master.path("web.sh")).expect("a rename");
    master.wait_until_ready();
}

#[test]
fn a_directory_that_is_gone_is_tried_again_and_again_while_the_other_workers_serve() {
    let setup = Setup::tcp().brisk().workers(2).option("--directory", "current").program_at("./web");
    let place = setup.place.path();
    release(place, 1);
    fs::copy(place.join("env"), place.join("releases/1/env")).expect("a copy");
    symlink("releases/1", place.join("current")).expect("a symlink");
    let master = setup.start();
    fs::rename(master.path("releases/1"), master.path("releases/away")).expect("a rename");
    fail(&master);
    three_attempts_fail_and_the_others_serve(&master, "cannot enter");
    fs::rename(master.path("releases/away"), master.path("releases/1")).expect("a rename");
    master.wait_until_ready();
    assert_eq!(master.workers_of(GenerationId(1)).len(), 2);
}
