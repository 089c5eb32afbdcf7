//! What people save and deploy with: whatever it does to the files, one save is one change.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use heirloom::triggers::watch::{Pace, Selection};

use super::watched::{AT_ONCE, Place, Watched};

/// Runs a tool in this place, which must succeed.
fn run(place: &Place, program: impl AsRef<OsStr>, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&place.0).env("HOME", &place.0).env_remove("CARGO_TARGET_DIR");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GIT_")) {
        command.env_remove(name);
    }
    let output = command.output().expect("it is installed");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {}\n{told}", output.status);
}

fn project(place: &Place) {
    place.write("main.rs", "one\n");
    place.write("other.rs", "one\n");
}

fn tree() -> Watched {
    Watched::tree(&[], &[], project)
}

#[test]
fn vim_saves_once() {
    let mut watched = tree();
    for (text, settings) in
        [("two", "set nocompatible"), ("three", "set backup writebackup backupcopy=no"), ("four", "set backupcopy=yes")]
    {
        let substitute = format!("%s/.*/{text}/");
        run(
            &watched.place(),
            "vim",
            &["-u", "NONE", "-i", "NONE", "-es", "-c", settings, "-c", &substitute, "-c", "wq", "main.rs"],
        );
        assert_eq!(watched.told(), [["main.rs"]], "{settings}");
    }
}

#[test]
fn vim_that_only_looks_changes_nothing() {
    let mut watched = tree();
    run(
        &watched.place(),
        "vim",
        &["-u", "NONE", "-i", "NONE", "-es", "-c", "set swapfile", "-c", "w", "-c", "q", "main.rs"],
    );
    assert!(watched.told().is_empty());
}

#[test]
fn sed_in_place_saves_once() {
    let mut watched = tree();
    run(&watched.place(), "sed", &["-i", "s/one/two/", "main.rs"]);
    assert_eq!(watched.told(), [["main.rs"]]);
}

#[test]
fn an_atomic_save_is_one_change() {
    let mut watched = tree();
    let script = "echo two > .main.rs.tmp && sync .main.rs.tmp && mv .main.rs.tmp main.rs";
    run(&watched.place(), "sh", &["-c", script]);
    assert_eq!(watched.told(), [["main.rs"]]);
}

#[test]
fn git_checkout_is_one_change_of_all_that_it_changes() {
    let git = |place: &Place, arguments: &[&str]| {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"];
        run(place, "git", &[&who[..], arguments].concat());
    };
    let patient = Pace { quiet: Duration::from_millis(500), ..AT_ONCE };
    let repository = |place: &Place| {
        project(place);
        place.write(".gitignore", "marker.txt\n");
        git(place, &["init", "--quiet"]);
        for (branch, text) in [("first", "one\n"), ("second", "two\n")] {
            git(place, &["checkout", "--quiet", "-b", branch]);
            place.write("main.rs", text);
            place.write("other.rs", text);
            git(place, &["add", "."]);
            git(place, &["commit", "--quiet", "--message", branch]);
        }
    };
    let mut watched = Watched::with(patient, repository, |place| Selection::Tree(place.tree(&[], &[])));
    git(&watched.place(), &["checkout", "--quiet", "first"]);
    assert_eq!(watched.told(), [["main.rs", "other.rs"]]);
    git(&watched.place(), &["status"]);
    assert!(watched.told().is_empty(), "the index is git's own");
}

#[test]
fn rsync_is_one_change() {
    let mut watched = Watched::files(&["server"], &[], |place| {
        place.program("server", "one");
        place.program("new/server", "two");
        place.program("newer/server", "three");
    });
    run(&watched.place(), "rsync", &["--archive", "--ignore-times", "new/server", "server"]);
    assert_eq!(watched.told(), [["server"]]);
    run(&watched.place(), "rsync", &["--archive", "--ignore-times", "new/server", "server"]);
    assert!(watched.told().is_empty(), "it is the same");
    run(&watched.place(), "rsync", &["--archive", "--ignore-times", "--inplace", "newer/server", "server"]);
    assert_eq!(watched.told(), [["server"]]);
}

#[test]
fn cargo_build_is_one_change_of_the_program() {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let build =
        |place: &Place| run(place, cargo, &["build", "--quiet", "--offline", "--manifest-path", "app/Cargo.toml"]);
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    let mut watched = Watched::files(&["app/target/debug/app"], &[], |place| {
        place.write("app/Cargo.toml", manifest);
        place.write("app/src/main.rs", "fn main() { println!(\"one\"); }\n");
        build(place);
        assert!(Path::new(&place.at("app/target/debug/app")).exists());
    });
    build(&watched.place());
    assert!(watched.told().is_empty(), "there is nothing to be built");
    watched.place().write("app/src/main.rs", "fn main() { println!(\"two\"); }\n");
    build(&watched.place());
    assert_eq!(watched.told(), [["app/target/debug/app"]]);
}
