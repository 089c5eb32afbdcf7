//! The promise: you are told the truth. Whoever asks for a reload learns what became of it, by the words and by the exit
//! status; whoever looks sees what is.
#![cfg(all(target_os = "linux", feature = "program"))]

#[path = "verbs/call.rs"]
mod call;
#[path = "verbs/faults.rs"]
mod faults;
mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use call::{Told, call, call_at, in_terminal, start};
use heirloom::supervision::GenerationId;
use serde_json::Value;
use support::{Gate, Setup, get, test_worker};

#[test]
fn a_reload_is_told_step_by_step_and_ends_with_what_serves() {
    let master = Setup::tcp().brisk().workers(2).start();
    let told = call(&master, &["reload", "--reason", "release 2"]);
    told.exits_with(0);
    assert!(told.out.starts_with("heirloom: generation 2 serves after "), "{}", told.out);
    let steps: Vec<&str> = told.error.lines().collect();
    assert!(steps[0].starts_with("generation 2 rises  (reload by ") && steps[0].ends_with(": release 2)"), "{steps:?}");
    for (line, step) in steps[1..].iter().zip(["✔ started     2/2", "✔ ready       2/2", "✔ promoted"]) {
        assert!(line.contains(step), "{step} is not in {line}");
    }
    assert_eq!(steps.len(), 4, "{steps:?}");
    assert!(!told.error.contains('\x1b'), "there is no terminal");
}

#[test]
fn every_fault_is_told_with_its_reason_the_last_lines_and_what_serves_now() {
    let setup = Setup::tcp().brisk().workers(2).option("--ready-grace", "500ms").program_at("./program");
    symlink(test_worker(), setup.path("program")).expect("a symlink");
    let master = setup.start();
    for (number, fault) in faults::ALL.into_iter().enumerate() {
        fault.deploy(master.setup.place.path());
        let told = call(&master, &["reload"]);
        told.exits_with(3);
        let generation = number + 2;
        let error = told.line_with("error: ");
        assert!(error.starts_with(&format!("error: generation {generation} is rejected: ")), "{fault:?}: {error}");
        assert!(error.contains(fault.reason()), "{fault:?}: {error}");
        assert!(told.line_with("✘ ").contains(fault.step()), "{fault:?}: {}", told.error);
        if let Some(last) = fault.last_line() {
            let line = told.line_with(last);
            assert!(line.starts_with(&format!("      {generation}.")) && line.contains(" | "), "{fault:?}: {line}");
        }
        assert!(told.line_with(" hint: ").contains("generation 1 never stopped serving"), "{}", told.error);
        assert_eq!(told.out, "", "what failed is no data");
        assert_eq!(get(&master.target(), "/").0.generation, 1);
    }
    let history = call(&master, &["history"]);
    assert_eq!(history.out.matches(" rejected ").count(), faults::ALL.len(), "{}", history.out);
}

#[test]
fn an_answer_in_json_is_the_one_of_the_control_socket() {
    let master = Setup::tcp().brisk().start();
    master.release(2, "crash");
    let told = call(&master, &["reload", "-o", "json"]);
    told.exits_with(3);
    let answer = told.json();
    assert_eq!((&answer["outcome"], &answer["serving"]), (&"rejected".into(), &1.into()));
    assert_eq!(answer["last_lines"][0], "the database of release 2 is not there");
    assert_eq!(call(&master, &["status", "-o", "json"]).json()["serving"], 1);
    assert_eq!(call(&master, &["history", "-o", "json"]).json()["attempts"][1]["outcome"], "rejected");
    assert_eq!(call(&master, &["sockets", "-o", "json"]).json()["listeners"][0]["name"], "http");
}

#[test]
fn a_reload_that_takes_too_long_goes_on_without_whoever_asked() {
    let setup = Setup::tcp().brisk();
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.start();
    master.release(2, "wait");
    let told = call(&master, &["reload", "--timeout", "200ms"]);
    told.exits_with(5);
    assert!(told.line_with("error: ").contains("generation 2 is not ready yet"), "{}", told.error);
    let _open = gate.open();
    assert_eq!(master.wait_for_promotion().0, GenerationId(2));
}

#[test]
fn whoever_does_not_wait_is_told_that_it_is_asked_for() {
    let master = Setup::tcp().brisk().start();
    let told = call(&master, &["reload", "--no-wait"]);
    told.exits_with(0);
    assert!(told.out.contains("is asked for"), "{}", told.out);
    assert_eq!(master.wait_for_promotion().0, GenerationId(2));
}

#[test]
fn whoever_waits_for_the_end_of_the_old_one_finds_it_gone() {
    let master = Setup::tcp().brisk().workers(2).start();
    let old = master.workers_of(GenerationId(1));
    let told = call(&master, &["reload", "--drained"]);
    told.exits_with(0);
    assert!(told.out.contains("generation 2 serves, generation 1 is gone"), "{}", told.out);
    assert!(told.error.contains("✔ drained     2/2"), "{}", told.error);
    assert!(old.iter().all(|(_, pid)| !std::path::Path::new(&format!("/proc/{pid}")).exists()), "{old:?}");
}

#[test]
fn a_hundred_callers_are_each_told_the_outcome_of_the_generation_that_has_their_release() {
    let setup = Setup::tcp().brisk();
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.start();
    master.release(2, "wait");
    let first = start(&master, &["reload", "-o", "json"]);
    master.wait_for_notice("a start", |notice| match notice {
        heirloom::supervision::Notice::Started { generation: GenerationId(2), .. } => Some(()),
        _ => None,
    });
    master.release(3, "crash");
    let others: Vec<_> = (0..100).map(|_| start(&master, &["reload", "-o", "json"])).collect();
    master.wait_for_notice("one that has to wait", |notice| match notice {
        heirloom::supervision::Notice::Remembered { .. } => Some(()),
        _ => None,
    });
    let _open = gate.open();
    let first = Told::of(first);
    first.exits_with(0);
    assert_eq!(first.json()["generation"], 2);
    for other in others {
        let told = Told::of(other);
        told.exits_with(3);
        let answer = told.json();
        assert!(answer["generation"].as_u64() >= Some(3), "it is none of those before: {answer}");
        assert_eq!(answer["serving"], 2);
        assert_eq!(answer["last_lines"][0], "the database of release 3 is not there");
    }
}

#[test]
fn a_rise_can_be_aborted_and_whoever_asked_for_it_is_told() {
    let master = Setup::tcp().brisk().start();
    master.release(2, "hang");
    let reload = start(&master, &["reload"]);
    master.wait_for_notice("a start", |notice| match notice {
        heirloom::supervision::Notice::Started { generation: GenerationId(2), .. } => Some(()),
        _ => None,
    });
    let told = call(&master, &["abort", "--reason", "wrong release"]);
    told.exits_with(0);
    assert_eq!(told.out, "generation 2 is given up\n");
    let told = Told::of(reload);
    told.exits_with(3);
    assert!(told.line_with("error: ").contains("wrong release"), "{}", told.error);
    let told = call(&master, &["abort"]);
    told.exits_with(1);
    assert!(told.error.starts_with("error: there is nothing to abort: "), "{}", told.error);
}

#[test]
fn the_number_of_workers_can_be_changed() {
    let master = Setup::tcp().brisk().start();
    assert_eq!(call(&master, &["scale", "3"]).out, "3 workers wanted now\n");
    assert_eq!(call(&master, &["scale", "-1"]).out, "2 workers wanted now\n");
    assert_eq!(call(&master, &["scale", "+2"]).out, "4 workers wanted now\n");
    call(&master, &["scale", "none"]).exits_with(2);
}

#[test]
fn a_status_shows_generations_workers_and_listeners() {
    let master = Setup::tcp().brisk().workers(2).start();
    let told = call(&master, &["status", "--workers"]);
    told.exits_with(0);
    assert!(told.out.starts_with("heirloom: generation 1 serves   up "), "{}", told.out);
    assert!(told.out.contains(&format!("pid {}", master.pid())), "{}", told.out);
    assert!(told.line_with("  1  serving").contains("2/2"), "{}", told.out);
    for (slot, pid) in master.workers_of(GenerationId(1)) {
        assert!(told.line_with(&format!("1.{slot}  ready")).contains(&format!("pid {pid}")), "{}", told.out);
    }
    assert!(told.line_with("http").contains("in the kernel"), "{}", told.out);
}

#[test]
fn the_sockets_tell_who_holds_each_lane() {
    let master = Setup::tcp().brisk().start();
    let told = call(&master, &["sockets"]);
    let (_, pid) = master.workers_of(GenerationId(1))[0];
    let lane = told.line_with("gets all");
    assert!(lane.contains("1.0 test-worker") && lane.contains(&format!("(pid {pid})")), "{}", told.out);
    assert_eq!(told.out.matches("  free  ").count(), 3, "{}", told.out);
}

#[test]
fn what_happened_and_what_workers_wrote_can_be_read_afterwards() {
    let master = Setup::tcp().brisk().start();
    master.release(2, "crash");
    call(&master, &["reload"]).exits_with(3);
    let logs = call(&master, &["logs", "-g", "2"]);
    assert_eq!(logs.out, "2.0 | the database of release 2 is not there\n");
    let events = call(&master, &["events", "-n", "200"]);
    assert!(events.line_with("generation 2 is given up").contains("exited with status 9"), "{}", events.out);
    let json = call(&master, &["events", "-o", "json"]);
    let ids: Vec<u64> = json
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("it is JSON"))
        .map(|event| event["id"].as_u64().expect("a number"))
        .collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    let later = call(&master, &["events", "--since", &ids[ids.len() - 2].to_string()]);
    assert_eq!(later.out.lines().count(), 1, "{}", later.out);
}

#[test]
fn whoever_follows_hears_it_as_it_happens() {
    use std::io::{BufRead, BufReader};
    let master = Setup::tcp().brisk().start();
    let mut follower = start(&master, &["logs", "-f", "-n", "1"]);
    let mut lines = BufReader::new(follower.stdout.take().expect("it is piped")).lines();
    let mut line = || lines.next().expect("it goes on").expect("it is text");
    assert_eq!(line(), "1.0 | release 1 is here");
    get(&master.target(), "/print?hello");
    let mut heard = [line(), line()];
    heard.sort();
    assert_eq!(heard, ["1.0 | hello", "1.0 | hello again"]);
    follower.kill().and_then(|()| follower.wait()).expect("it is our child");
}

#[test]
fn a_master_can_be_stopped_and_whoever_asked_is_told_when_it_has() {
    let master = Setup::tcp().brisk().start();
    let told = call(&master, &["stop", "--reason", "the end"]);
    told.exits_with(0);
    assert!(told.out.starts_with("stopped after "), "{}", told.out);
    assert_eq!(master.wait().code(), Some(0));
    let master = Setup::tcp().brisk().conduct("stubborn").start();
    let told = call(&master, &["stop", "--timeout", "200ms"]);
    told.exits_with(5);
    assert!(told.line_with(" hint: ").contains("heirloom stop --fast"), "{}", told.error);
    call(&master, &["stop", "--fast"]).exits_with(0);
    assert_eq!(master.wait().code(), Some(0));
}

#[test]
fn where_there_is_no_master_every_verb_says_so_with_4() {
    let place = tempfile::tempdir().expect("a directory");
    let verbs = [
        "reload", "status", "history", "abort", "promote", "rollback", "pause", "resume", "stop", "events", "logs",
        "sockets",
    ];
    for verb in verbs.map(|verb| vec![verb]).into_iter().chain([vec!["scale", "1"]]) {
        let socket = place.path().join("nowhere.sock");
        let told = call_at(place.path(), &verb, &[("HEIRLOOM_SOCKET", socket.as_os_str())]);
        told.exits_with(4);
        assert!(told.error.starts_with("error: no master: there is no control socket at "), "{}", told.error);
    }
    let directory = place.path().join("heirloom");
    fs::create_dir(&directory).expect("a directory");
    let _stale = std::os::unix::net::UnixListener::bind(directory.join("api.sock")).expect("it is free");
    let around = [("XDG_RUNTIME_DIR", place.path().as_os_str())];
    let told = call_at(place.path(), &["status", "--name", "no-such-master"], &around);
    told.exits_with(4);
    assert!(told.error.starts_with("error: no master named no-such-master: "), "{}", told.error);
    assert!(told.line_with(" hint: ").contains("api: try --name"), "{}", told.error);
}

#[test]
fn the_config_file_here_says_which_master_is_meant() {
    let master = Setup::tcp().brisk().start();
    let elsewhere = tempfile::tempdir().expect("a directory");
    let text = format!("command = [\"x\"]\nname = \"other\"\nsocket = {:?}\n", master.socket());
    fs::write(elsewhere.path().join("heirloom.toml"), &text).expect("a file");
    let told = call_at(elsewhere.path(), &["status"], &[]);
    told.exits_with(0);
    assert!(told.out.contains(&format!("pid {}", master.pid())), "{}", told.out);
    fs::write(elsewhere.path().join("heirloom.toml"), format!("{text}worker = 3\nsettle = \n")).expect("a file");
    call_at(elsewhere.path(), &["status"], &[]).exits_with(0);
}

#[test]
fn whoever_reloads_with_a_broken_config_file_is_shown_the_mistakes() {
    let setup = Setup::tcp().brisk();
    let file = setup.path("heirloom.toml");
    fs::write(&file, "name = \"web\"\n").expect("a file");
    let master = setup.start();
    fs::write(&file, "name = \"web\"\nworker = 3\n").expect("a file");
    let told = call(&master, &["reload"]);
    told.exits_with(3);
    assert!(told.line_with("✘ ").contains("release"), "{}", told.error);
    assert!(told.error.contains("      error: there is no setting `worker`\n"), "{}", told.error);
    assert!(told.error.contains("      2 | worker = 3\n"), "{}", told.error);
    assert!(told.line_with(" hint: generation 1").contains("never stopped serving"), "{}", told.error);
}

#[test]
fn on_a_terminal_a_reload_shows_what_is_under_way_and_takes_it_back() {
    let setup = Setup::tcp().brisk();
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.start();
    master.release(2, "wait");
    let mut terminal = in_terminal(&master, "reload");
    terminal.wait_for("⠙ ready");
    let _open = gate.open();
    let (status, shown) = terminal.end();
    assert_eq!(status, Some(0), "{shown}");
    let last = shown.trim_end().lines().last().unwrap_or_default();
    assert!(last.contains("generation 2 serves"), "{shown:?}");
    assert!(shown.contains("\r\x1b[2K  \x1b[32m✔"), "the line is written over: {shown:?}");
}

#[test]
fn a_status_that_is_watched_is_painted_in_place_until_it_is_interrupted() {
    let master = Setup::tcp().brisk().start();
    let mut terminal = in_terminal(&master, "status --watch 100ms");
    terminal.wait_for("generation 1 serves");
    call(&master, &["reload"]).exits_with(0);
    terminal.wait_for("generation 2 serves");
    terminal.interrupt();
    let (status, shown) = terminal.end();
    assert_eq!(status, Some(0), "{shown}");
    let (hidden, given_back) = (shown.find("\x1b[?25l"), shown.rfind("\x1b[?25h"));
    assert!(hidden < given_back && hidden.is_some(), "the cursor is given back: {shown:?}");
    assert!(shown.contains("A\r"), "it is painted over what was there: {shown:?}");
}

#[test]
fn whoever_interrupts_a_reload_is_told_that_it_goes_on() {
    let setup = Setup::tcp().brisk();
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.start();
    master.release(2, "wait");
    let mut terminal = in_terminal(&master, "reload");
    terminal.wait_for("⠙ ready");
    terminal.interrupt();
    let (status, shown) = terminal.end();
    assert_eq!(status, Some(130), "{shown}");
    assert!(shown.contains("the reload goes on without us"), "{shown}");
    let _open = gate.open();
    assert_eq!(master.wait_for_promotion().0, GenerationId(2));
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let master = Setup::tcp().brisk().start();
    let mut terminal = in_terminal(&master, "status");
    terminal.wait_for("\x1b[1m");
    terminal.end();
    let mut command = call::command(master.setup.place.path(), &["reload"]);
    command.env("HEIRLOOM_SOCKET", master.socket()).env("NO_COLOR", "1");
    let told = Told::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts"));
    assert!(!told.error.contains('\x1b') && !told.out.contains('\x1b'));
}
