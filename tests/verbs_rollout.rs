//! The promise: whoever rolls out knows where it stands. What waits says for what, what is promoted, given up or rolled back
//! is told to all who asked, by the words and by the exit status.
#![cfg(all(target_os = "linux", feature = "program"))]

#[path = "verbs/call.rs"]
mod call;
mod support;

use std::fs;
use std::net::SocketAddr;

use call::{Told, call, call_at, in_terminal, start};
use heirloom::load::Target;
use heirloom::supervision::{GenerationId, Notice};
use support::{Master, Setup, get};

/// A master whose file says how it rolls out.
fn master(rollout: &str) -> Master {
    let setup = Setup::tcp().option("--settle", "100ms").option("--warm", "1h");
    fs::write(setup.path("heirloom.toml"), format!("name = \"web\"\n[rollout]\n{rollout}\n")).expect("a file");
    setup.start()
}

fn wait_until_it_is_held(master: &Master, wanted: u32) {
    master.wait_for_notice("one that is held", |notice| match notice {
        Notice::Held { generation: GenerationId(generation), .. } if *generation == wanted => Some(()),
        _ => None,
    });
}

fn wait_for_a_share(master: &Master, wanted: u8) {
    master.wait_for_notice("a share", |notice| match notice {
        Notice::Sharing { percent, .. } if *percent == wanted => Some(()),
        _ => None,
    });
}

#[test]
fn a_script_looks_at_the_newcomer_alone_and_then_promotes_it() {
    let master = master("strategy = \"blue-green\"");
    let told = call(&master, &["reload", "--proven", "-o", "json"]);
    told.exits_with(0);
    let answer = told.json();
    assert_eq!(
        (&answer["outcome"], &answer["generation"], &answer["serving"]),
        (&"proven".into(), &2.into(), &1.into())
    );
    assert_eq!(answer["why"], "generation 2 is held until somebody promotes it");
    let door: SocketAddr = answer["doors"][0]["address"].as_str().and_then(|it| it.parse().ok()).expect("a door");
    assert_eq!(get(&Target::Tcp(door), "/").0.generation, 2);
    assert_eq!(get(&master.target(), "/").0.generation, 1);
    let told = call(&master, &["promote"]);
    told.exits_with(0);
    assert!(told.out.starts_with("web: generation 2 serves after "), "{}", told.out);
    assert_eq!(get(&master.target(), "/").0.generation, 2);
}

#[test]
fn a_reload_that_waits_for_a_word_says_so_and_tells_what_became_of_it() {
    let master = master("");
    let reload = start(&master, &["reload", "--hold"]);
    wait_until_it_is_held(&master, 2);
    let status = call(&master, &["status"]);
    let line = status.line_with("generation 2 has proved itself and is held; `heirloom promote` lets it serve");
    assert!(line.contains(" leads to its http"), "{line}");
    call(&master, &["promote"]).exits_with(0);
    let told = Told::of(reload);
    told.exits_with(0);
    let held = told.line_with("· held ");
    assert!(held.contains("until `heirloom promote ") && held.contains("; `heirloom abort "), "{held}");
    assert!(told.line_with("· look ").contains(" leads to its http, before any client"), "{}", told.error);
    assert!(!told.error.contains('\x1b') && told.out.contains("generation 2 serves after"), "{}", told.out);
}

#[test]
fn the_commands_that_go_on_are_told_as_one_has_to_type_them() {
    let master = master("");
    let around = [("HEIRLOOM_SOCKET", master.socket().into_os_string())];
    let around = around.each_ref().map(|(name, value)| (*name, value.as_os_str()));
    let told = call_at(master.setup.place.path(), &["reload", "--hold", "--proven"], &around);
    told.exits_with(0);
    told.line_with("  `heirloom promote` lets it serve, `heirloom abort` ends it");
    let told = call(&master, &["reload", "--timeout", "100ms"]);
    told.exits_with(5);
    let socket = format!("`heirloom promote --socket {}`", master.socket().display());
    assert!(told.line_with(" hint: ").contains(&socket), "{}", told.error);
}

#[test]
fn whoever_does_not_want_to_wait_any_longer_is_told_what_can_be_done() {
    let master = master("");
    let told = call(&master, &["reload", "--hold", "--timeout", "1s"]);
    told.exits_with(5);
    let error = told.line_with("error: ");
    assert!(error.contains("still going on after") && error.contains("held until somebody promotes it"), "{error}");
    assert!(told.line_with(" hint: ").contains("heirloom abort"), "{}", told.error);
    let next = start(&master, &["reload"]);
    master.wait_for_notice("one that waits", |notice| matches!(notice, Notice::Remembered { .. }).then_some(()));
    let told = call(&master, &["abort"]);
    told.exits_with(0);
    assert_eq!(told.out, "generation 2 is given up\n");
    let told = Told::of(next);
    told.exits_with(0);
    assert!(told.line_with("· waiting").contains("generation 2 waits for `heirloom promote "), "{}", told.error);
    assert!(told.out.contains("generation 3 serves"), "{}", told.out);
}

#[test]
fn a_canary_is_shown_wherever_somebody_looks() {
    let master = master("strategy = \"canary\"\nsteps = [\"5%\", \"25%\"]");
    let reload = start(&master, &["reload"]);
    wait_for_a_share(&master, 5);
    let status = call(&master, &["status"]);
    status.line_with("generation 2 has 5 % of new connections, step 1 of 3; `heirloom promote` lets it serve");
    assert!(status.line_with("  2  sharing").contains("   5%  "), "{}", status.out);
    assert!(status.line_with("  1  serving").contains("  95%  "), "{}", status.out);
    assert!(status.line_with("in the kernel").contains("2: 5%, 1: 95%"), "{}", status.out);
    let rollout = &call(&master, &["status", "-o", "json"]).json()["rollout"];
    assert_eq!((&rollout["percent"], &rollout["by"], &rollout["steps"]), (&5.into(), &"connections".into(), &3.into()));
    let sockets = call(&master, &["sockets"]);
    sockets.line_with("shared in the kernel: 5 % to generation 2, 95 % to generation 1");
    assert!(sockets.out.contains("gets 5%") && sockets.out.contains("gets 95%"), "{}", sockets.out);
    let metrics = master.curl_text("/metrics", &[]);
    assert!(metrics.contains("heirloom_generation_share_ratio{generation=\"2\"} 0.05\n"), "{metrics}");
    let told = call(&master, &["promote"]);
    told.exits_with(0);
    assert!(told.error.contains("✔ promoted"), "{}", told.error);
    let told = Told::of(reload);
    told.exits_with(0);
    assert!(told.line_with("✔ sharing").contains("5%"), "{}", told.error);
    assert!(told.line_with("✔ sharing").contains("of new connections, step 1 of 3, until `heirloom promote "));
    let history = call(&master, &["history"]);
    assert!(history.line_with("  2  promoted").contains("promoted  5%  "), "{}", history.out);
}

#[test]
fn by_workers_is_said_where_there_is_one_lane() {
    let setup = Setup::tcp().brisk().workers(2).option("--lanes", "1");
    let rollout = "[rollout]\nstrategy = \"canary\"\nsteps = [\"30%\"]\n";
    fs::write(setup.path("heirloom.toml"), rollout).expect("a file");
    let master = setup.start();
    let told = call(&master, &["reload", "--proven"]);
    told.exits_with(0);
    assert!(told.line_with("✔ sharing").contains("of the workers, step 1 of 2"), "{}", told.error);
    assert!(told.out.contains("generation 2 has 30 % of the workers, step 1 of 2"), "{}", told.out);
    call(&master, &["status"]).line_with("generation 2 has 30 % of the workers");
    call(&master, &["promote"]).exits_with(0);
}

#[test]
fn a_rollout_can_be_paused_and_resumed() {
    let master = master("strategy = \"canary\"\nsteps = [\"5% for 1h\"]");
    let reload = start(&master, &["reload"]);
    wait_for_a_share(&master, 5);
    assert!(call(&master, &["status"]).line_with("step 1 of 2").contains("; goes on in "));
    let told = call(&master, &["pause", "--reason", "lunch"]);
    told.exits_with(0);
    assert!(told.out.starts_with("generation 2 stays where it is; `heirloom resume "), "{}", told.out);
    assert!(call(&master, &["status"]).line_with("step 1 of 2").ends_with("; paused: `heirloom resume` lets it go on"));
    assert!(master.curl_text("/metrics", &[]).contains("heirloom_rollout_paused 1.0\n"));
    let told = call(&master, &["pause"]);
    told.exits_with(1);
    assert_eq!(told.error, "error: nothing is paused: generation 2 is paused already\n");
    let told = call(&master, &["resume"]);
    told.exits_with(0);
    assert_eq!(told.out, "generation 2 goes on\n");
    call(&master, &["abort"]).exits_with(0);
    let told = Told::of(reload);
    told.exits_with(3);
    assert!(told.line_with("· paused").contains(": lunch)"), "{}", told.error);
    assert!(told.line_with("error: ").starts_with("error: generation 2 is rejected: aborted (abort by "));
    assert!(told.line_with(" hint: ").contains("generation 1 never stopped serving"), "{}", told.error);
}

#[test]
fn a_rollback_to_the_one_that_stands_by_is_done_at_once() {
    let master = master("");
    call(&master, &["reload"]).exits_with(0);
    let told = call(&master, &["rollback", "--reason", "wrong prices"]);
    told.exits_with(0);
    assert!(told.out.starts_with("web: generation 1 serves again, after "), "{}", told.out);
    assert!(told.error.contains("✔ steered"), "{}", told.error);
    assert_eq!(get(&master.target(), "/").0.generation, 1);
    let history = call(&master, &["history"]);
    assert!(history.line_with("  2  rolled back").contains("wrong prices"), "{}", history.out);
}

#[test]
fn what_makes_no_sense_now_is_refused_with_the_reason() {
    let master = master("");
    for (verb, error) in [
        ("promote", "error: the promotion is refused: no generation rises"),
        ("pause", "error: nothing is paused: no generation rises"),
        ("resume", "error: nothing goes on: no generation rises"),
        ("rollback", "error: the rollback is refused: no generation served before generation 1"),
    ] {
        let told = call(&master, &[verb]);
        told.exits_with(1);
        assert_eq!((told.error.trim_end(), told.out.as_str()), (error, ""));
        assert_eq!(call(&master, &[verb, "-o", "json"]).json()["outcome"], "refused");
    }
    call(&master, &["promote", "--no-wait"]).exits_with(1);
    call(&master, &["reload", "--hold", "--proven"]).exits_with(0);
    let told = call(&master, &["rollback"]);
    told.exits_with(1);
    assert!(told.line_with("error: ").ends_with("generation 2 is not promoted yet: abort it"), "{}", told.error);
    call(&master, &["reload", "--strategy", "green"]).exits_with(2);
}

#[test]
fn on_a_terminal_the_share_is_drawn_while_it_lasts() {
    let master = master("strategy = \"canary\"\nsteps = [\"5%\"]");
    let mut reload = in_terminal(&master, "reload");
    reload.wait_for("sharing      5%");
    reload.wait_for("█░░░░░░░░░░░░░░░░░░░ of ");
    let mut watch = in_terminal(&master, "status --watch 100ms");
    watch.wait_for("█░░░░░░░░░   5%");
    call(&master, &["promote"]).exits_with(0);
    let (status, shown) = reload.end();
    assert_eq!(status, Some(0), "{shown}");
    watch.interrupt();
    assert_eq!(watch.end().0, Some(0));
}
