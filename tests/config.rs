//! The config file, as whoever starts the program meets it.
#![cfg(all(target_os = "linux", feature = "program"))]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// `heirloom run` with these arguments, in a directory that holds these files.
fn run(files: &[(&str, &str)], arguments: &[&str]) -> (Output, String) {
    let place = directory(files);
    let output = heirloom(place.path()).arg("run").args(arguments).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, told)
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let place = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    place
}

/// The program in a directory, knowing no other config file than what is there.
fn heirloom(place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heirloom"));
    command
        .current_dir(place)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", place)
        .env("HEIRLOOM_SOCKET", place.join("control.sock"))
        .stdin(std::process::Stdio::null());
    command
}

#[test]
fn a_broken_file_is_shown_with_its_mistakes_and_exits_with_78() {
    let (output, told) = run(&[("heirloom.toml", "command = [\"false\"]\nworker = 4\nsettle = 5\n")], &[]);
    let expected = "\
error: there is no setting `worker`
 --> heirloom.toml:2:1
  |
2 | worker = 4
  | ^^^^^^ unknown
  |
  = hint: did you mean `workers`?

error: `settle` has a bad value
 --> heirloom.toml:3:10
  |
3 | settle = 5
  |          ^ a time needs its unit
  |
  = hint: write \"5s\", or \"5ms\"
";
    assert_eq!((output.status.code(), told.as_str()), (Some(78), expected));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_file_that_is_not_there_is_a_bad_configuration() {
    let (output, told) = run(&[], &["-c", "nowhere.toml", "--", "false"]);
    assert_eq!(output.status.code(), Some(78), "{told}");
    assert!(told.starts_with("error: cannot read the config file nowhere.toml: No such file or directory"), "{told}");
}

#[test]
fn the_smallest_file_runs_its_program() {
    let (output, told) =
        run(&[("heirloom.toml", "command = [\"false\"]\nlisten = \"127.0.0.1:0\"\nready_grace = \"20s\"\n")], &[]);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.starts_with("heirloom | settings from heirloom.toml\n"), "{told}");
    assert!(told.contains("exit"), "the reason is told: {told}");
}

#[test]
fn flags_win_over_the_file() {
    let file = "name = \"file\"\ncommand = [\"./no-such-program\"]\n";
    let (output, told) = run(&[("heirloom.toml", file)], &["--name", "flag", "--listen", "127.0.0.1:0", "--", "false"]);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.starts_with("flag | settings from heirloom.toml\n") && !told.contains("no-such-program"), "{told}");
}

#[test]
fn without_a_program_and_without_a_file_it_is_misuse() {
    let (output, told) = run(&[], &["--config", "/dev/null"]);
    assert_eq!(output.status.code(), Some(78), "{told}");
    if Path::new("/etc/heirloom/heirloom.toml").exists() {
        return;
    }
    let (output, told) = run(&[], &[]);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("there is no program to run") && told.contains("hint: name it"), "{told}");
}

#[test]
fn paths_are_relative_to_the_file_and_the_program_to_its_directory() {
    let files = [
        (
            "conf/web.toml",
            "command = [\"./show.sh\"]\ndirectory = \"../app\"\nenv_file = \"web.env\"\nlisten = \"127.0.0.1:0\"\n[environment]\nSHAPE = \"round\"\n",
        ),
        ("conf/web.env", "COLOUR=blue\nSHAPE=square\n"),
        ("app/show.sh", "#!/bin/sh\necho \"$COLOUR and $SHAPE in $(basename \"$PWD\")\"\nexit 1\n"),
    ];
    let place = directory(&files);
    use std::os::unix::fs::PermissionsExt;
    let script = place.path().join("app/show.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a mode");
    let output = heirloom(place.path()).args(["run", "--config", "conf/web.toml"]).output().expect("it starts");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("blue and round in app"), "{shown}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_variable_may_name_the_file() {
    let place = directory(&[("other.toml", "oops = 1\n"), ("heirloom.toml", "command = [\"false\"]\n")]);
    let output = heirloom(place.path()).arg("run").env("HEIRLOOM_CONFIG", "other.toml").output().expect("it starts");
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains(" --> other.toml:1:1\n"));
}
