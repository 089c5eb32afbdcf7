//! What the program does without a running master: its settings, its checks, its manual, the forms of its log.
#![cfg(all(target_os = "linux", feature = "program"))]

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program in a directory, knowing no other config file than what is there.
fn heirloom(place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heirloom"));
    command
        .current_dir(place)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", place)
        .env("HEIRLOOM_SOCKET", place.join("control.sock"))
        .env("PWD", place)
        .stdin(Stdio::null());
    command
}

struct Told {
    code: Option<i32>,
    out: String,
    error: String,
}

fn told(mut command: Command) -> Told {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
    Told { code: status.code(), out: text(stdout), error: text(stderr) }
}

fn tell(place: &Path, arguments: &[&str]) -> Told {
    let mut command = heirloom(place);
    command.args(arguments);
    told(command)
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let place = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = place.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    place
}

#[test]
fn alone_it_prints_its_help_with_the_exit_statuses() {
    let place = directory(&[]);
    let told = tell(place.path(), &[]);
    assert_eq!(told.code, Some(2));
    for wanted in ["reload ", "status ", "check ", "Exit status:", "78  the config file has mistakes"] {
        assert!(told.error.contains(wanted), "{wanted} is not in\n{}", told.error);
    }
}

#[test]
fn each_verb_shows_an_example() {
    let place = directory(&[]);
    let verbs =
        ["run", "dev", "reload", "status", "history", "scale", "abort", "stop", "events", "logs", "sockets", "check"];
    for verb in verbs {
        let told = tell(place.path(), &[verb, "--help"]);
        assert_eq!(told.code, Some(0));
        assert!(told.out.contains("Example") && told.out.contains(&format!("heirloom {verb}")), "{}", told.out);
    }
}

#[test]
fn the_committed_manual_is_what_the_program_prints() {
    let place = directory(&[]);
    assert_eq!(tell(place.path(), &["man", "--directory", "."]).code, Some(0));
    let pages = |directory: &Path| -> Vec<(String, String)> {
        let entries = fs::read_dir(directory).expect("it is there").flatten();
        let page = |entry: fs::DirEntry| {
            let text = fs::read_to_string(entry.path()).expect("it is text");
            (entry.file_name().to_string_lossy().into_owned(), text)
        };
        let mut pages: Vec<_> = entries.map(page).collect();
        pages.sort();
        pages
    };
    let committed = pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("man"));
    let printed = pages(place.path());
    let name = |(name, _): &(String, String)| name.clone();
    let differ: Vec<String> = printed.iter().filter(|page| !committed.contains(page)).map(name).collect();
    let how = "cargo run -- man --directory man";
    assert_eq!(differ, [] as [String; 0], "these pages are out of date: {how}");
    assert_eq!(committed.len(), printed.len(), "there are pages of verbs that are no more: rm man/*; {how}");
}

#[test]
fn a_single_page_can_be_read() {
    let place = directory(&[]);
    let page = tell(place.path(), &["man", "config", "show"]);
    assert!(
        page.out.contains(".TH heirloom-config-show 1") && page.out.contains(".SH \"EXIT STATUS\""),
        "{}",
        page.out
    );
    assert_eq!(tell(place.path(), &["man", "dance"]).code, Some(2));
}

#[test]
fn a_first_config_file_is_written_once() {
    let place = directory(&[]);
    assert_eq!(tell(place.path(), &["config", "init"]).code, Some(0));
    fs::write(place.path().join("heirloom.toml"), "mine").expect("a file");
    let again = tell(place.path(), &["config", "init"]);
    assert_eq!(again.code, Some(1));
    assert!(again.error.contains("--force"), "{}", again.error);
    assert_eq!(fs::read_to_string(place.path().join("heirloom.toml")).expect("a file"), "mine");
    assert_eq!(tell(place.path(), &["config", "init", "--force"]).code, Some(0));
    let printed = tell(place.path(), &["config", "init", "-"]).out;
    assert_eq!(fs::read_to_string(place.path().join("heirloom.toml")).expect("a file"), printed);
}

#[test]
fn what_is_in_force_is_a_config_file_that_says_the_same() {
    let text = "command = [\"./web\"]\nworkers = 2\n[listen]\nhttp = 8080\n[environment]\nA = \"b\"\n";
    let place = directory(&[("heirloom.toml", text)]);
    let first = tell(place.path(), &["config", "show", "--settle", "3s"]);
    assert!(first.out.contains("workers = 2") && first.out.contains("# heirloom.toml:2"), "{}", first.out);
    assert!(first.out.contains("settle = \"3s\"") && first.out.contains("# --settle"), "{}", first.out);
    fs::write(place.path().join("again.toml"), &first.out).expect("a file");
    let json = |arguments: &[&str]| -> Vec<(Value, Value)> {
        let all: Value = serde_json::from_str(&tell(place.path(), arguments).out).expect("it is JSON");
        all.as_array().expect("a list").iter().map(|it| (it["key"].clone(), it["value"].clone())).collect()
    };
    let again = json(&["config", "show", "-o", "json", "-c", "again.toml"]);
    assert_eq!(again, json(&["config", "show", "-o", "json", "--settle", "3s"]));
}

#[test]
fn the_schema_is_json_and_knows_the_settings() {
    let place = directory(&[]);
    let schema: Value = serde_json::from_str(&tell(place.path(), &["config", "schema"]).out).expect("it is JSON");
    assert_eq!(schema["properties"]["workers"]["default"], 1);
}

#[test]
fn a_check_tells_everything_that_is_wrong_at_once_and_where_it_was_written() {
    let text = "command = [\"./plain\"]\nenv_file = \"no.env\"\npid_file = \"no/pid\"\n\
                [listen]\na = \"unix:no/a.sock\"\nb = \"unix:plain\"\n";
    let place = directory(&[("heirloom.toml", text), ("plain", "")]);
    fs::set_permissions(place.path().join("plain"), fs::Permissions::from_mode(0o644)).expect("a mode");
    let told = tell(place.path(), &["check"]);
    assert_eq!(told.code, Some(78), "{}", told.error);
    for (what, at) in [
        ("no.env: No such file", "heirloom.toml:2"),
        ("is not executable: chmod +x it", "heirloom.toml:1"),
        ("pid: its directory does not exist", "heirloom.toml:3"),
        ("a.sock: its directory does not exist", "heirloom.toml:5"),
        ("plain: it is a file, not a socket", "heirloom.toml:6"),
    ] {
        let found = told.error.lines().position(|line| line.contains(what)).expect(what);
        assert!(told.error.lines().nth(found + 1).is_some_and(|line| line.ends_with(at)), "{what}:\n{}", told.error);
    }
    assert!(told.out.is_empty());
}

#[test]
fn a_check_says_that_all_is_fine_and_warns_of_who_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let place = directory(&[("web", "#!/bin/sh\n")]);
    let told = tell(place.path(), &["check", "--listen", &address, "--", "./web"]);
    assert_eq!(told.code, Some(0), "{}", told.error);
    assert_eq!(told.out, format!("the command line is fine: 1 worker of ./web on {address}\n"));
    assert!(told.error.starts_with(&format!("warning: cannot listen on {address}: ")), "{}", told.error);
    assert!(told.error.contains(&format!("(pid {}) listens there", std::process::id())), "{}", told.error);
}

/// Says READY=1, and writes down where it was to listen.
const NOTIFIES: &str = "#!/usr/bin/env python3
import os, select, socket, sys
print('the database is not there' if len(sys.argv) > 2 else sys.argv[1], flush=True)
open('seen', 'w').write(sys.argv[1] + ' ' + os.environ['LISTEN_FDNAMES'])
if len(sys.argv) > 2: sys.exit(3)
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', os.environ['NOTIFY_SOCKET'].replace('@', '\\0', 1))
server = socket.socket(fileno=3)
while select.select([server], [], []):
    server.accept()[0].close()
";

#[test]
fn a_rehearsal_raises_one_worker_that_no_client_meets() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let place = directory(&[("web", NOTIFIES)]);
    let listen = format!("http={address}");
    let arguments = ["check", "--start", "--workers", "3", "--dialect", "systemd", "--listen", &listen, "--", "./web"];
    let told = tell(place.path(), &[&arguments[..], &["{addr:http}"]].concat());
    assert_eq!(told.code, Some(0), "{}\n{}", told.out, told.error);
    assert!(told.out.starts_with("fine: a worker was ready after "), "{}", told.out);
    assert!(told.error.contains("✔ ready") && told.error.contains("READY=1"), "{}", told.error);
    let seen = fs::read_to_string(place.path().join("seen")).expect("it ran");
    let (where_it_was, names) = seen.split_once(' ').expect("two words");
    assert!(where_it_was.starts_with("127.0.0.1:") && where_it_was != address && names == "http", "{seen}");
}

#[test]
fn a_rehearsal_of_a_unix_socket_leaves_the_real_path_alone() {
    let place = directory(&[("web", NOTIFIES)]);
    let listen = "http=unix:web.sock";
    let arguments = ["check", "--start", "--dialect", "systemd", "--listen", listen, "--", "./web", "{addr:http}"];
    let told = tell(place.path(), &arguments);
    assert_eq!(told.code, Some(0), "{}\n{}", told.out, told.error);
    let seen = fs::read_to_string(place.path().join("seen")).expect("it ran");
    let (path, _) = seen.split_once(' ').expect("two words");
    assert!(path.starts_with('/') && !Path::new(path).starts_with(place.path()), "{seen}");
    assert!(!Path::new(path).parent().expect("a directory").exists(), "its directory is left behind");
    let left: Vec<String> = fs::read_dir(place.path())
        .expect("it is there")
        .flatten()
        .map(|it| it.file_name().display().to_string())
        .collect();
    assert!(!left.iter().any(|name| name.contains("sock")), "{left:?}");
}

#[test]
fn a_rehearsal_that_fails_shows_the_last_lines() {
    let place = directory(&[("web", NOTIFIES)]);
    let arguments = ["check", "--start", "--dialect", "systemd", "--listen", "127.0.0.1:0", "--", "./web", "x", "y"];
    let told = tell(place.path(), &arguments);
    assert_eq!(told.code, Some(1), "{}", told.error);
    assert!(told.error.contains("      | the database is not there\n"), "{}", told.error);
    assert!(told.error.contains("error: the worker in slot 0 exited with status 3"), "{}", told.error);
}

/// `heirloom run` of a program that writes a line to each stream and fails.
fn run(place: &Path, arguments: &[&str]) -> Command {
    let mut command = heirloom(place);
    command.args(["run", "--name", "web", "--listen", "127.0.0.1:0"]).args(arguments);
    command.args(["--", "sh", "-c", "echo plain; echo '<3>bad' >&2; exit 3"]);
    command
}

#[test]
fn the_log_is_one_json_object_a_line_if_that_is_asked_for() {
    let place = directory(&[]);
    let told = told(run(place.path(), &["--log", "json"]));
    let lines: Vec<Value> = told.error.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    assert!(lines.iter().all(|line| line["name"] == "web" && line["time"].is_string() && line["level"].is_string()));
    let of = |notice: &str| lines.iter().find(|line| line["notice"] == notice).unwrap_or_else(|| panic!("{notice}"));
    assert_eq!(of("rising")["message"], "generation 1 rises (start)");
    assert_eq!(of("given_up")["level"], "warning");
    let bad = lines.iter().find(|line| line["stream"] == "error").expect("the worker's line");
    assert_eq!((&bad["level"], &bad["message"]), (&"error".into(), &"1.0 | bad".into()));
    assert_eq!(told.out, "");
}

#[test]
fn entries_for_the_journal_have_priorities_where_its_socket_is_not_there() {
    let place = directory(&[]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let pipe = fs::File::from(OwnedFd::from(writer.try_clone().expect("a copy"))).metadata().expect("its number");
    let mut command = run(place.path(), &[]);
    command.env("JOURNAL_STREAM", format!("{}:{}", pipe.dev(), pipe.ino())).stderr(writer).stdout(Stdio::piped());
    let child = command.spawn().expect("it starts");
    drop(command);
    let error = std::io::read_to_string(reader).expect("it is text");
    let out = child.wait_with_output().expect("it ends").stdout;
    if Path::new("/run/systemd/journal/socket").exists() {
        assert_eq!((error.as_str(), out.as_slice()), ("", &b""[..]), "the journal has them");
        return;
    }
    assert!(error.lines().all(|line| line.starts_with('<')), "{error}");
    assert!(error.contains("<5>web | generation 1 rises (start)\n") && error.contains("<3>1.0 | bad\n"), "{error}");
    assert_eq!(out, b"1.0 | plain\n", "a file gets the line and nothing else");
}

#[test]
fn elsewhere_the_log_is_for_people() {
    let place = directory(&[]);
    let mut command = run(place.path(), &[]);
    command.env("JOURNAL_STREAM", "1:1");
    let told = told(command);
    assert!(told.error.contains("\nweb | generation 1 rises (start)\n"), "{}", told.error);
}
