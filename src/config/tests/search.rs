use std::fs;
use std::path::{Path, PathBuf};

use super::*;

#[test]
fn the_users_file_comes_before_the_systems() {
    let places = |around: Surroundings| around.places();
    let as_paths = |paths: [&str; 3]| paths.map(PathBuf::from).to_vec();
    let home = Surroundings { home: Some("/home/me".into()), ..around() };
    let system = "/etc/heirloom/heirloom.toml";
    let users = "/home/me/.config/heirloom/heirloom.toml";
    assert_eq!(places(home.clone()), as_paths(["heirloom.toml", users, system]));
    let moved = Surroundings { config_home: Some("/conf".into()), ..home.clone() };
    assert_eq!(places(moved), as_paths(["heirloom.toml", "/conf/heirloom/heirloom.toml", system]));
    let relative = Surroundings { config_home: Some("conf".into()), ..home };
    assert_eq!(places(relative), as_paths(["heirloom.toml", users, system]));
    assert_eq!(places(around()), ["heirloom.toml", system].map(PathBuf::from));
}

/// A directory with files, each holding its own name; `read` looks for a config file from there.
fn read(files: &[&str], flag: Option<&str>, named: Option<&str>) -> Result<Option<String>, String> {
    let place = tempfile::tempdir().expect("a directory");
    for file in files {
        let path = place.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, file).expect("a file");
    }
    let home = place.path().join("home");
    let around = Surroundings {
        here: place.path().into(),
        named: named.map(Into::into),
        config_home: Some(home.into()),
        ..around()
    };
    let read = around.read(flag.map(Path::new));
    read.map(|source| source.map(|source| source.text)).map_err(|error| format!("{error}: {}", error.source))
}

const USERS: &str = "home/heirloom/heirloom.toml";

#[test]
fn the_flag_comes_before_the_variable_before_the_search() {
    let files = ["a.toml", "b.toml", "heirloom.toml", USERS];
    assert_eq!(read(&files, Some("a.toml"), Some("b.toml")), Ok(Some("a.toml".into())));
    assert_eq!(read(&files, None, Some("b.toml")), Ok(Some("b.toml".into())));
    assert_eq!(read(&files, None, Some("")), Ok(Some("heirloom.toml".into())));
    assert_eq!(read(&files, None, None), Ok(Some("heirloom.toml".into())));
    assert_eq!(read(&[USERS], None, None), Ok(Some(USERS.into())));
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let missing = "cannot read the config file a.toml: No such file or directory (os error 2)";
    assert_eq!(read(&["heirloom.toml"], Some("a.toml"), None), Err(missing.into()));
    assert_eq!(read(&["heirloom.toml"], None, Some("a.toml")), Err(missing.into()));
}

#[test]
fn a_file_that_is_there_must_be_readable() {
    let error = read(&["heirloom.toml/inside", USERS], None, None).expect_err("it is a directory");
    assert!(error.starts_with("cannot read the config file heirloom.toml: Is a directory"), "{error}");
}

#[test]
fn what_is_no_text_is_told_with_its_line() {
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("heirloom.toml"), b"# fine\nname = \"\xff\"").expect("a file");
    let around = Surroundings { here: place.path().into(), ..around() };
    let error = around.read(None).expect_err("it is no UTF-8");
    assert_eq!(error.source.to_string(), "line 2 is no UTF-8 text");
}

#[test]
fn no_endless_file_is_read() {
    let error = around().read(Some(Path::new("/dev/zero"))).expect_err("it never ends");
    assert_eq!(error.source.to_string(), "it is larger than 256 KiB");
    let nothing = around().read(Some(Path::new("/dev/null"))).expect("it is empty").expect("it is there");
    assert_eq!(nothing.text, "");
}

#[test]
fn paths_are_relative_to_the_file_as_it_was_named() {
    let place = tempfile::tempdir().expect("a directory");
    fs::create_dir(place.path().join("conf")).expect("a directory");
    fs::write(place.path().join("conf/web.toml"), "").expect("a file");
    let around = Surroundings { here: place.path().into(), ..around() };
    let source = around.read(Some(Path::new("./conf/web.toml"))).expect("it is there").expect("it is read");
    assert_eq!(source.directory, place.path().join("conf"));
}
