//! What a program is born with: these descriptors, these variables, and nothing else.

use std::process::Command;

use heirloom::master::{Deed, What};

use crate::servers::{script, wait_for_word};
use crate::support::{Master, Setup};

/// What it told of itself.
struct Scene {
    descriptors: Vec<(u32, String)>,
    variables: Vec<(String, String)>,
    pid: String,
}

fn scene_of(setup: Setup) -> Scene {
    let command = setup.command("json");
    scene_under(setup, command)
}

fn scene_under(setup: Setup, command: Command) -> Scene {
    let master = Master::start(setup, command);
    wait_for_word(&master, "that is all");
    let lines = master.log.said().into_iter().filter_map(|said| match said.report.what {
        What::Deeds(Deed::Line { line, .. }) => Some(line),
        _ => None,
    });
    let mut scene = Scene { descriptors: Vec::new(), variables: Vec::new(), pid: String::new() };
    for line in lines {
        if let Some((number, what)) = line.strip_prefix("descriptor ").and_then(|rest| rest.split_once(' ')) {
            let kind = what.split_once(':').map_or(what, |(kind, _)| kind);
            scene.descriptors.push((number.parse().expect("a number"), kind.to_owned()));
        } else if let Some((name, value)) = line.strip_prefix("variable ").and_then(|rest| rest.split_once('=')) {
            scene.variables.push((name.to_owned(), value.to_owned()));
        } else if let Some(pid) = line.strip_prefix("pid ") {
            pid.clone_into(&mut scene.pid);
        }
    }
    master.finish();
    scene
}

impl Scene {
    fn check(&self, sockets: u32, variables: &[&str]) {
        let standard = [(0, "/dev/null"), (1, "pipe"), (2, "pipe")].map(|(number, kind)| (number, kind.to_owned()));
        let sockets = (3..3 + sockets).map(|number| (number, "socket".to_owned()));
        assert_eq!(self.descriptors, standard.into_iter().chain(sockets).collect::<Vec<_>>());
        let names: Vec<&str> = self.variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, variables);
    }

    fn value(&self, wanted: &str) -> &str {
        let found = self.variables.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str()).expect("it is there")
    }
}

const AUTO: [&str; 8] = [
    "HEIRLOOM_CHANNEL",
    "HEIRLOOM_GENERATION",
    "HEIRLOOM_SLOT",
    "HEIRLOOM_WORKER",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "NOTIFY_SOCKET",
];

/// Its listeners are `http` and `admin`.
fn teller(arguments: &[&str]) -> Setup {
    let mut setup = script("scene.py", arguments);
    setup.listen("admin=127.0.0.1:0");
    setup
}

#[test]
fn a_program_of_unknown_dialect_is_offered_all_ways_and_nothing_else() {
    let scene = scene_of(teller(&[]));
    scene.check(3, &AUTO);
    assert_eq!((scene.value("LISTEN_FDS"), scene.value("LISTEN_FDNAMES")), ("2", "http:admin"));
    assert_eq!(scene.value("LISTEN_PID"), scene.pid);
    assert!(scene.value("HEIRLOOM_CHANNEL").starts_with("5:"));
    assert_eq!((scene.value("HEIRLOOM_GENERATION"), scene.value("HEIRLOOM_SLOT")), ("1", "0"));
    assert!(scene.value("NOTIFY_SOCKET").starts_with('@'));
}

#[test]
fn a_program_that_speaks_the_query_protocol_has_a_channel_and_nothing_else() {
    let scene = scene_of(teller(&[]).option("--dialect", "query"));
    scene.check(1, &["HEIRLOOM_CHANNEL", "HEIRLOOM_GENERATION", "HEIRLOOM_SLOT", "HEIRLOOM_WORKER"]);
    assert!(scene.value("HEIRLOOM_CHANNEL").starts_with("3:"));
}

#[test]
fn a_program_for_systemd_has_its_sockets_and_no_channel() {
    let scene = scene_of(teller(&[]).option("--dialect", "systemd"));
    scene.check(2, &AUTO[1..]);
    assert_eq!(scene.value("LISTEN_PID"), scene.pid);
}

#[test]
fn a_program_that_is_held_to_a_watchdog_finds_that_beside_its_notify_socket() {
    let scene = scene_of(teller(&[]).option("--dialect", "systemd").option("--watchdog", "2s"));
    scene.check(2, &[&AUTO[1..], &["WATCHDOG_PID", "WATCHDOG_USEC"]].concat());
    assert_eq!((scene.value("WATCHDOG_PID"), scene.value("WATCHDOG_USEC")), (scene.pid.as_str(), "2000000"));
}

#[test]
fn a_program_that_is_given_a_descriptor_by_its_number_has_that_one_only() {
    let scene = scene_of(teller(&["--fd", "{fd:admin}"]));
    scene.check(1, &["HEIRLOOM_GENERATION", "HEIRLOOM_SLOT", "HEIRLOOM_WORKER", "NOTIFY_SOCKET"]);
}

#[test]
fn what_the_masters_own_supervisor_gave_to_it_never_reaches_a_worker() {
    let inherits = "exec 3</etc/passwd 7</etc/passwd; LISTEN_PID=$$ exec \"$@\"";
    let setup = teller(&[]).through(&["sh", "-c", inherits, "sh"]);
    let mut command = setup.command("json");
    for (name, value) in [
        ("LISTEN_FDS", "1"),
        ("LISTEN_FDNAMES", "stray"),
        ("LISTEN_PIDFDID", "1"),
        ("NOTIFY_SOCKET", "@heirloom-nobody"),
        ("WATCHDOG_USEC", "3000000"),
        ("WATCHDOG_PID", "1"),
        ("FDSTORE", "8"),
        ("NODE_CHANNEL_FD", "7"),
        ("NODE_CHANNEL_SERIALIZATION_MODE", "json"),
        ("NODE_UNIQUE_ID", "1"),
    ] {
        command.env(name, value);
    }
    let scene = scene_under(setup, command);
    scene.check(3, &AUTO);
    assert_ne!(scene.value("NOTIFY_SOCKET"), "@heirloom-nobody");
    assert_eq!(scene.value("LISTEN_FDNAMES"), "http:admin");
    assert_eq!(scene.value("LISTEN_PID"), scene.pid);
}
