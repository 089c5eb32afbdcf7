//! A project: what belongs to it, and what does not.

use std::fs::{self, File};
use std::time::Duration;

use heirloom::triggers::watch::{Pace, Selection};

use super::watched::{AT_ONCE, Place, Watched};

fn rust_project(place: &Place) {
    place.write("src/main.rs", "1");
    place.write("src/deep/er/mod.rs", "1");
    place.write(".gitignore", "/target\n*.log\n");
    place.write(".heirloomignore", "drafts/\n");
    place.write("target/debug/out.rs", "1");
    place.write("drafts/idea.rs", "1");
    place.write("Cargo.toml", "1");
}

#[test]
fn a_save_is_told_by_the_name_of_its_file() {
    let mut watched = Watched::tree(&[], &[], rust_project);
    watched.place().write("src/deep/er/mod.rs", "2");
    assert_eq!(watched.told(), [["src/deep/er/mod.rs"]]);
}

#[test]
fn what_git_ignores_is_not_even_watched() {
    let mut watched = Watched::tree(&[], &["*.md"], rust_project);
    let place = watched.place();
    let before = watched.extent();
    for name in
        ["target/debug/out.rs", "target/new/x.rs", "a.log", "src/b.log", "drafts/idea.rs", "README.md", ".git/x"]
    {
        place.write(name, "2");
    }
    assert!(watched.told().is_empty());
    assert_eq!(watched.extent().directories, before.directories);
}

#[test]
fn what_editors_leave_behind_is_no_change() {
    let mut watched = Watched::tree(&[], &[], rust_project);
    let place = watched.place();
    for name in ["src/.main.rs.swp", "src/main.rs~", "src/#main.rs#"] {
        place.write(name, "2");
    }
    place.link("nobody@nowhere.1", "src/.#main.rs");
    assert!(watched.told().is_empty());
}

#[test]
fn only_the_extensions_that_were_asked_for_count() {
    let mut watched = Watched::tree(&["rs", ".toml"], &[], rust_project);
    let place = watched.place();
    place.write("src/notes.txt", "2");
    place.write("Cargo.toml", "2");
    assert_eq!(watched.told(), [["Cargo.toml"]]);
}

#[test]
fn files_in_new_directories_are_seen_and_watched() {
    let mut watched = Watched::tree(&[], &[], rust_project);
    let place = watched.place();
    place.write("src/new/deep/a.rs", "1");
    assert_eq!(watched.told(), [["src/new/deep/a.rs"]]);
    place.write("src/new/deep/a.rs", "2");
    assert_eq!(watched.told(), [["src/new/deep/a.rs"]]);
}

#[test]
fn a_file_that_is_gone_is_a_change_and_so_is_a_directory() {
    let mut watched = Watched::tree(&[], &[], rust_project);
    let place = watched.place();
    place.remove("Cargo.toml");
    fs::remove_dir_all(place.at("src/deep")).expect("it is there");
    assert_eq!(watched.told().concat(), ["Cargo.toml", "src/deep/er/mod.rs"]);
}

#[test]
fn a_directory_that_is_renamed_is_both() {
    let mut watched = Watched::tree(&[], &[], rust_project);
    let place = watched.place();
    place.rename("src/deep", "src/deeper");
    let mut told = watched.told().concat();
    told.sort();
    assert_eq!(told, ["src/deep/er/mod.rs", "src/deeper/er/mod.rs"]);
    place.write("src/deeper/er/mod.rs", "2");
    assert_eq!(watched.told(), [["src/deeper/er/mod.rs"]]);
}

#[test]
fn rules_that_change_hold_at_once() {
    let mut watched = Watched::tree(&["rs"], &[], rust_project);
    let place = watched.place();
    place.write(".gitignore", "/src/deep\n");
    assert_eq!(watched.told(), [["target/debug/out.rs"]], "it belongs to the project now");
    place.write("src/deep/er/mod.rs", "2");
    assert!(watched.told().is_empty());
    place.write("target/debug/out.rs", "2");
    assert_eq!(watched.told(), [["target/debug/out.rs"]]);
}

#[test]
fn ten_thousand_files_at_once_are_one_change() {
    let patient = Pace { quiet: Duration::from_millis(250), ..AT_ONCE };
    let mut watched = Watched::with(patient, rust_project, |place| Selection::Tree(place.tree(&[], &[])));
    let place = watched.place();
    fs::create_dir(place.at("many")).expect("a directory");
    for number in 0..10_000 {
        fs::write(place.at(&format!("many/{number}.rs")), number.to_string()).expect("a file");
    }
    let told = watched.told();
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [10_000]);
}

#[test]
fn a_symlink_to_a_file_outside_is_followed() {
    let outside = tempfile::tempdir().expect("a directory");
    let file = outside.path().join("shared.rs");
    fs::write(&file, "1").expect("a file");
    let mut watched = Watched::tree(&[], &[], |place| {
        rust_project(place);
        place.link(file.to_str().expect("text"), "src/shared.rs");
    });
    fs::write(&file, "2").expect("a file");
    assert_eq!(watched.told(), [["src/shared.rs"]]);
}

#[test]
fn a_hundred_thousand_ignored_files_cost_nothing() {
    let mut watched = Watched::tree(&[], &[], |place| {
        rust_project(place);
        for directory in 0..100 {
            let directory = place.at(&format!("target/{directory}"));
            fs::create_dir(&directory).expect("a directory");
            (0..1000).for_each(|number| drop(File::create(directory.join(number.to_string())).expect("a file")));
        }
    });
    let extent = watched.extent();
    assert!(extent.directories < 12 && extent.files == 6, "{extent:?}");
    watched.place().write("src/main.rs", "2");
    assert_eq!(watched.told(), [["src/main.rs"]]);
}
