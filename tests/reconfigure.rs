//! The config file is part of a release: it is read anew for each generation, and applied whole or rejected whole.
#![cfg(all(target_os = "linux", feature = "program"))]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::net::UnixListener;

use heirloom::load::Target;
use heirloom::master::Deed;
use heirloom::supervision::{GenerationId, Notice, Reason};
use support::{Listening, Master, Setup, get, load, test_worker};

/// A config file for the worker of these tests, which asks for these addresses.
fn config(asked: &[&str], more: &str) -> String {
    let program = test_worker().into_os_string().into_string().expect("a path of ours");
    let command = [program].into_iter().chain(asked.iter().flat_map(|address| ["--listen".into(), (*address).into()]));
    let command: Vec<String> = command.map(|word: String| format!("{word:?}")).collect();
    format!("command = [{}]\nsettle = \"100ms\"\n{more}", command.join(", "))
}

fn setup(config: &str) -> Setup {
    let setup = Setup::bare(Listening::Tcp).option("--config", "web.toml");
    fs::write(setup.path("web.toml"), config).expect("a file");
    setup
}

/// Writes the file anew, beside and renamed.
fn rewrite(master: &Master, config: &str) {
    fs::write(master.path("web.next"), config).expect("a file");
    fs::rename(master.path("web.next"), master.path("web.toml")).expect("a rename");
}

fn rejected(master: &Master, config: &str) -> (String, Vec<String>) {
    rewrite(master, config);
    master.hup();
    let (_, reason, lines) = master.wait_until_given_up();
    (reason.to_string(), lines)
}

fn wait_until_closed(master: &Master, name: &str) {
    master.wait_for_deed("a listener to be closed", |deed| match deed {
        Deed::Closed { listener } if listener == name => Some(()),
        _ => None,
    });
}

fn generation_at(target: &Target) -> u32 {
    get(target, "/").0.generation
}

const HTTP: &str = "127.0.0.1:0";
const ADMIN: &str = "unix:sockets/admin";

/// `http` and `admin`.
fn two_listeners(more: &str, place: &Setup) -> String {
    let admin = format!("unix:{}", place.path("sockets/admin").display());
    config(&[HTTP, &admin], &format!("{more}[listen]\nhttp = \"{HTTP}\"\nadmin = \"{ADMIN}\"\n"))
}

fn one_listener(more: &str) -> String {
    config(&[HTTP], &format!("{more}[listen]\nhttp = \"{HTTP}\"\n"))
}

#[test]
fn a_listener_comes_with_the_release_that_declares_it_and_goes_when_the_last_that_did_has_stood_by() {
    let master = setup(&one_listener("")).start();
    let http = master.target();
    let load = load(&master, 8);
    rewrite(&master, &two_listeners("", &master.setup));
    assert_eq!(master.reload(), GenerationId(2));
    let admin: Target = master.path("sockets/admin").into();
    assert_eq!((generation_at(&http), generation_at(&admin)), (2, 2));

    rewrite(&master, &one_listener(""));
    assert_eq!(master.reload(), GenerationId(3));
    assert_eq!((generation_at(&http), generation_at(&admin)), (3, 2));
    assert_eq!(master.reload(), GenerationId(4), "which ends the standby of generation 2");
    wait_until_closed(&master, "admin");
    assert!(!master.path("sockets/admin").exists());
    let tally = load.stop();
    assert_eq!(tally.failures(), 0, "{tally}");
}

#[test]
fn numbers_and_graces_are_those_of_the_file_by_then() {
    let master = setup(&one_listener("workers = 1\n")).start();
    rewrite(&master, &one_listener("workers = 3\nwarm = \"0s\"\ndrain_grace = \"7s\"\n"));
    let generation = master.reload();
    assert_eq!(master.workers_of(generation).len(), 3);
    rewrite(&master, &one_listener("workers = 1\nwarm = \"0s\"\n"));
    let generation = master.reload();
    assert_eq!(master.workers_of(generation).len(), 1);
    let grace = master.wait_for_notice("the second generation to drain", |notice| match notice {
        Notice::Draining { generation: GenerationId(2), grace } => Some(*grace),
        _ => None,
    });
    assert_eq!(grace.as_secs(), 7);
}

#[test]
fn a_file_with_mistakes_is_rejected_with_its_line_and_the_next_one_is_read() {
    let master = setup(&one_listener("")).start();
    let (reason, lines) = rejected(&master, &one_listener("wrokers = 3\nlinger = 4\n"));
    let expected = ":3: there is no setting `wrokers`: unknown, and 1 more";
    assert!(reason.starts_with("web.toml") && reason.ends_with(expected), "{reason}");
    assert!(lines.iter().any(|line| line.contains("^^^^^^^ unknown")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("did you mean `workers`?")), "{lines:?}");
    fs::remove_file(master.path("web.toml")).expect("it is there");
    master.hup();
    let (_, reason, _) = master.wait_until_given_up();
    assert!(reason.to_string().starts_with("cannot read the config file web.toml"), "{reason}");
    assert_eq!(generation_at(&master.target()), 1);
    rewrite(&master, &one_listener("workers = 2\n"));
    assert_eq!(master.reload(), GenerationId(4));
}

#[test]
fn what_cannot_be_done_by_difference_is_rejected_with_the_reason() {
    let master = setup(&one_listener("")).start();
    let port = master.address_of("http").port();
    let listen = |listen: &str| config(&[HTTP], &format!("[listen]\n{listen}\n"));
    for (config, expected) in [
        (listen(&format!("http = \"0.0.0.0:{port}\"")), "one covers the other"),
        (listen(&format!("web = \"127.0.0.1:{port}\"")), "the listener http cannot be renamed to web"),
        (
            listen(&format!("http = {{ address = \"127.0.0.1:{port}\", blocking = true }}")),
            "`blocking` cannot be changed",
        ),
        (one_listener("name = \"other\"\n"), "`name` cannot be changed while the master runs"),
        (one_listener("socket = \"other.sock\"\n"), "`socket` cannot be changed while the master runs"),
        (one_listener("control_group = \"adm\"\n"), "`control_group` cannot be changed while the master runs"),
        (one_listener("metrics = 9090\n"), "`metrics` cannot be changed while the master runs"),
    ] {
        let (reason, _) = rejected(&master, &config);
        assert!(reason.contains(expected), "{reason}");
    }
    assert_eq!(generation_at(&master.target()), 1);
    rewrite(&master, &listen(&format!("http = \"127.0.0.1:{port}\"")));
    master.reload();
    assert_eq!(master.address_of("http").port(), port, "what the kernel chose may be written down");
}

#[test]
fn of_new_listeners_all_are_opened_or_none() {
    let master = setup(&one_listener("")).start();
    let taken = UnixListener::bind(master.path("sockets/taken")).expect("it is free");
    let (reason, _) = rejected(
        &master,
        &config(&[HTTP], &format!("[listen]\nhttp = \"{HTTP}\"\nadmin = \"{ADMIN}\"\nmore = \"unix:sockets/taken\"\n")),
    );
    assert!(reason.contains("sockets/taken"), "{reason}");
    assert!(!master.path("sockets/admin").exists());
    drop(taken);
    fs::remove_file(master.path("sockets/taken")).expect("it is there");
    rewrite(&master, &two_listeners("", &master.setup));
    master.reload();
}

#[test]
fn the_listener_of_a_release_that_fails_is_closed_again() {
    let master = setup(&one_listener("")).start();
    master.release(2, "crash-late");
    rewrite(&master, &two_listeners("", &master.setup));
    master.hup();
    let (_, reason, _) = master.wait_until_given_up();
    assert!(matches!(reason, Reason::Exited { .. }), "{reason}");
    wait_until_closed(&master, "admin");
    assert!(!master.path("sockets/admin").exists());
    master.release(3, "");
    master.reload();
    assert_eq!(generation_at(&master.path("sockets/admin").into()), 3);
}

#[test]
fn a_listener_that_no_worker_takes_makes_only_its_own_release_fail() {
    let master = setup(&one_listener("")).start();
    let (reason, _) =
        rejected(&master, &config(&[HTTP], &format!("[listen]\nhttp = \"{HTTP}\"\nadmin = \"{ADMIN}\"\n")));
    assert!(reason.contains("listens on admin"), "{reason}");
    rewrite(&master, &one_listener(""));
    master.reload();
}

#[test]
fn a_rollback_brings_back_the_listener_that_the_newcomer_did_not_declare() {
    let setup = setup("");
    fs::write(setup.path("web.toml"), two_listeners("", &setup)).expect("a file");
    let master = setup.start();
    master.release(2, "crash-when-promoted");
    rewrite(&master, &one_listener(""));
    master.reload();
    master.wait_for_notice("a rollback", |notice| match notice {
        Notice::RolledBack { generation: GenerationId(2), to: GenerationId(1), .. } => Some(()),
        _ => None,
    });
    master.wait_until_gone(GenerationId(2));
    assert_eq!((generation_at(&master.target()), generation_at(&master.path("sockets/admin").into())), (1, 1));
}

#[test]
fn what_a_worker_asked_for_can_be_declared_later_and_the_other_way_round() {
    let setup = setup("");
    let asked = format!("unix:{}", setup.path("sockets/http").display());
    let undeclared = config(&[&asked], "warm = \"0s\"\n");
    fs::write(setup.path("web.toml"), &undeclared).expect("a file");
    let master = setup.start();
    let target: Target = master.path("sockets/http").into();
    rewrite(&master, &config(&[&asked], "warm = \"0s\"\n[listen]\nhttp = \"unix:sockets/http\"\n"));
    master.reload();
    assert_eq!(generation_at(&target), 2);
    rewrite(&master, &undeclared);
    master.reload();
    assert_eq!(generation_at(&target), 3);
    master.wait_until_gone(GenerationId(2));
    assert_eq!(generation_at(&target), 3, "it is open as long as somebody holds it");
    master.reload();
    assert_eq!(generation_at(&target), 4);
}

#[test]
fn whoever_asks_on_the_control_socket_is_shown_the_mistake_in_its_line() {
    let master = setup(&one_listener("")).start();
    rewrite(&master, &one_listener("wrokers = 3\n"));
    let reload = heirloom::control::model::Reload::default();
    let answer = master.ask(async |client| client.reload(&reload).await).expect("it answers");
    assert_eq!((answer.outcome, answer.slot), (heirloom::control::model::Outcome::Rejected, None));
    assert!(answer.last_lines.iter().any(|line| line.contains("did you mean `workers`?")), "{answer:?}");
}
