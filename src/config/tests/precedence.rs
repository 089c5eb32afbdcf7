use std::time::Duration;

use super::*;
use crate::config::document::SETTINGS;
use crate::config::{Bounds, Dialect, HealthLayer, Limit, Listener, Poll, Watch, WatchLayer, Workers, World};
use crate::errands::Hooks;
use crate::health::{Checks, HttpCheck, Scheme, StatusRange};
use crate::protocol::Address;
use crate::supervision::{CanaryStep, ErrorBudget, Health, Plan, Rollout, Strategy};

const WHOLE: &str = r#"
command = ["./server", "--verbose"]
workers = "auto"
name = "web"
directory = "app"
env_file = "./web.env"
pid_file = "/run/web.pid"
socket = "web.sock"
control_group = "adm"
metrics = 9090
lanes = 2
settle = "1500ms"
warm = 0
linger = "3s"
ready_grace = "1m 30s"
drain_grace = "2h"
dialect = "systemd"
stop_signal = "quit"
watchdog = "45s"

[listen]
http = 8080
admin = { address = "unix:admin.sock", lanes = 1, blocking = true, mode = "0660" }

[environment]
COLOUR = "blue"

[node]
wait_ready = true

[health]
http = { path = "/healthz", host = "example.org", headers = { X-Probe = "1" }, status = ["2xx", 302], body = "ok", listener = "http" }
https = "/tls"
command = ["./check", "-v"]
interval = "500ms"
timeout = "3s"
rise = 2
fall = 4
min_healthy_time = "5s"

[rollout]
strategy = "canary"
steps = ["5% for 10m", 25]
step_time = "1h"
auto_promote = "15m"
sticky = true
surge = 2
progress_deadline = "10m"
error_budget = "0.5%"

[hooks]
pre_reload = ["./migrate"]
post_reload = ["./tell", "done"]
on_failure = ["./tell", "failed"]
timeout = "1m"

[watch]
binary = true
paths = ["web.conf", "/etc/web"]
quiet = "2s"
at_most_every = "1m"
poll = "5s"

[process]
user = "www-data"
group = 33
umask = "0027"
nice = 5
oom_score_adj = -100
no_new_privs = true
inherit_environment = ["LANG"]
limits = { nofile = 65536, core = 0, memlock = "64M", nproc = "100:unlimited" }
"#;

#[test]
fn the_smallest_file_is_two_lines() {
    let settings = settings("command = [\"./server\"]\nlisten = \"127.0.0.1:8080\"", Layer::default());
    let address: Address = "127.0.0.1:8080".parse().expect("an address");
    let whole = Settings {
        command: vec!["./server".into()],
        listeners: vec![Listener::new(None, address)],
        ..Settings::default()
    };
    assert_eq!(settings, whole);
    assert_eq!(settings.listeners[0].name, "127.0.0.1:8080");
}

#[test]
fn every_setting_can_stand_in_the_file() {
    let settings = settings(WHOLE, Layer::default());
    assert_eq!(settings.command, ["./server", "--verbose"]);
    assert_eq!((settings.name.as_str(), settings.lanes, settings.plan.workers), ("web", 2, 3));
    assert_eq!(settings.directory, path("/srv/web/app"));
    assert_eq!(settings.env_file, path("/srv/web/web.env"));
    assert_eq!(settings.pid_file, path("/run/web.pid"));
    assert_eq!((settings.socket, settings.control_group), (path("/srv/web/web.sock"), Some("adm".into())));
    assert_eq!(settings.metrics, Some(([127, 0, 0, 1], 9090).into()));
    assert_eq!((settings.plan.settle, settings.plan.warm), (Duration::from_millis(1500), Duration::ZERO));
    assert_eq!((settings.plan.linger, settings.plan.ready_grace), (Duration::from_secs(3), Duration::from_secs(90)));
    assert_eq!(settings.plan.drain_grace, Duration::from_secs(7200));
    assert_eq!((settings.dialect, settings.stop_signal.to_string()), (Dialect::Systemd, "SIGQUIT".to_owned()));
    assert_eq!(settings.watchdog, Some(Duration::from_secs(45)));
    assert!(settings.node.wait_ready && settings.node.preload);
    assert_eq!(settings.environment[std::ffi::OsStr::new("COLOUR")], "blue");
    let admin = Listener {
        name: "admin".into(),
        address: Address::Unix("/srv/web/admin.sock".into()),
        lanes: Some(1),
        blocking: true,
        mode: Some(0o660),
    };
    assert_eq!(settings.listeners, [Listener::new(Some("http".into()), Address::from(8080)), admin]);
}

#[test]
fn a_process_is_described_in_full() {
    let Settings { world, inherit, .. } = settings(WHOLE, Layer::default());
    let both = |bound| Bounds { soft: Some(bound), hard: Some(bound) };
    let limits = [
        (Limit::Nofile, both(65536)),
        (Limit::Core, both(0)),
        (Limit::Memlock, both(64 << 20)),
        (Limit::Nproc, Bounds { soft: Some(100), hard: None }),
    ];
    let expected = World {
        user: Some("www-data".into()),
        group: Some("33".into()),
        umask: Some(0o027),
        nice: Some(5),
        oom_score_adj: Some(-100),
        no_new_privs: true,
        limits: limits.into(),
    };
    assert_eq!(world, expected);
    assert_eq!(inherit, Some(["LANG".into()].into()));
    let flags = Layer { world: World { user: Some("web".into()), ..World::default() }, ..Layer::default() };
    let over = settings(WHOLE, flags).world;
    assert_eq!(over, World { user: Some("web".into()), ..expected });
}

#[test]
fn a_rollout_is_described_in_full() {
    let settings = settings(WHOLE, Layer::default());
    let seconds = Duration::from_secs;
    let (first, last) = (200, 299);
    let http = HttpCheck {
        host: Some("example.org".into()),
        headers: vec![("X-Probe".into(), "1".into())],
        status: vec![StatusRange { first, last }, StatusRange { first: 302, last: 302 }],
        body: Some("ok".into()),
        listeners: Some(["http".into()].into()),
        ..HttpCheck::new(Scheme::Http, "/healthz")
    };
    let checks = Checks {
        requests: vec![http, HttpCheck::new(Scheme::Https, "/tls")],
        command: Some(vec!["./check".into(), "-v".into()]),
        timeout: seconds(3),
    };
    assert_eq!(settings.health, Some(checks));
    let step = |percent, hold| CanaryStep { percent, hold };
    let rollout = Rollout {
        strategy: Strategy::Canary,
        steps: vec![step(5, Some(seconds(600))), step(25, Some(seconds(3600))), step(100, None)],
        auto_promote: Some(seconds(900)),
        sticky: true,
        surge: 2,
        progress_deadline: Some(seconds(600)),
        error_budget: ErrorBudget::percent(0.5),
        health: Some(Health { interval: Duration::from_millis(500), rise: 2, fall: 4, min_healthy: seconds(5) }),
        ..Rollout::default()
    };
    assert_eq!(settings.plan.rollout, rollout);
    let command = |words: &[&str]| Some(words.iter().map(Into::into).collect());
    let hooks = Hooks {
        pre_reload: command(&["./migrate"]),
        post_reload: command(&["./tell", "done"]),
        on_failure: command(&["./tell", "failed"]),
        timeout: seconds(60),
        name: Some("web".into()),
    };
    assert_eq!(settings.hooks, hooks);
}

#[test]
fn what_is_watched_is_read_in_full_and_its_paths_are_those_of_whoever_wrote_them() {
    let base = source(WHOLE).directory;
    let watch = Watch {
        binary: true,
        paths: vec![base.join("web.conf"), "/etc/web".into()],
        quiet: Duration::from_secs(2),
        at_most_every: Duration::from_secs(60),
        poll: Poll::Every(Duration::from_secs(5)),
    };
    assert_eq!(settings(WHOLE, Layer::default()).watch, watch);
    let flags = WatchLayer { paths: Some(vec!["other.conf".into()]), ..WatchLayer::default() };
    let flags = Layer { watch: flags, ..Layer::default() };
    assert_eq!(settings(WHOLE, flags).watch, Watch { paths: vec!["/here/other.conf".into()], ..watch });
}

#[test]
fn a_flag_can_give_the_check_that_the_table_lacks() {
    let text = "command = [\"a\"]\n[health]\nfall = 9\n";
    let check = HttpCheck::new(Scheme::Http, "/ok");
    let health = HealthLayer { http: Some(check.clone()), ..HealthLayer::default() };
    let settings = settings(text, Layer { health, ..Layer::default() });
    assert_eq!(settings.health.map(|checks| checks.requests), Some(vec![check]));
    assert_eq!(settings.plan.rollout.health.map(|health| health.fall), Some(9));
}

#[test]
fn no_setting_is_forgotten_here() {
    for setting in SETTINGS {
        assert!(WHOLE.contains(&format!("\n{setting} = ")) || WHOLE.contains(&format!("[{setting}]")), "{setting}");
    }
}

#[test]
fn flags_win_over_the_file_and_leave_the_rest() {
    let flags = Layer {
        command: Some(vec!["./other".into()]),
        workers: Some(Workers::Number(7)),
        directory: path("there"),
        warm: Some(Duration::from_secs(1)),
        listeners: Some(vec![Listener::new(None, Address::from(9000))]),
        ..Layer::default()
    };
    let settings = settings(WHOLE, flags);
    assert_eq!((settings.command, settings.plan.workers), (vec!["./other".into()], 7));
    assert_eq!(settings.directory, path("/here/there"));
    assert_eq!((settings.plan.warm, settings.plan.linger), (Duration::from_secs(1), Duration::from_secs(3)));
    assert_eq!(settings.listeners, [Listener::new(None, Address::from(9000))]);
    assert_eq!(settings.name, "web");
}

#[test]
fn flags_alone_are_enough() {
    let flags = Layer { command: Some(vec!["./server".into()]), ..Layer::default() };
    let settings = Settings::from(None, flags, &around()).expect("nothing is missing");
    assert_eq!(settings, Settings { command: vec!["./server".into()], ..Settings::default() });
}

#[test]
fn without_a_program_there_is_a_hint() {
    let error = Settings::from(None, Layer::default(), &around()).expect_err("there is nothing to run");
    assert_eq!(error.to_string(), "there is no program to run, and no config file");
    assert!(error.hint().is_some_and(|hint| hint.contains("heirloom run -- ./server")));
}

#[test]
fn flags_that_are_in_each_others_way_are_told() {
    let error = |listeners: [(&str, &str); 2]| {
        let listen =
            |(name, address): (&str, &str)| Listener::new(Some(name.into()), address.parse().expect("an address"));
        let flags = Layer { listeners: Some(listeners.map(listen).to_vec()), ..Layer::default() };
        Settings::from(None, flags, &around()).expect_err("a conflict").to_string()
    };
    assert_eq!(error([("a", "8000"), ("a", "9000")]), "two listeners are called `a`");
    assert_eq!(error([("a", "8000"), ("b", "8000")]), "`a` and `b` listen on the same address");
    let covered = "`a` and `b` cannot both listen there: one covers the other";
    assert_eq!(error([("a", "127.0.0.1:8000"), ("b", "8000")]), covered);
}

#[test]
fn the_kernel_may_choose_several_ports() {
    let text = "command = [\"a\"]\n[listen]\na = \"127.0.0.1:0\"\nb = \"127.0.0.1:0\"";
    assert_eq!(settings(text, Layer::default()).listeners.len(), 2);
}

#[test]
fn listeners_keep_the_order_of_the_file() {
    let listeners = settings("command = [\"a\"]\n[listen]\nz = 1\na = 2\nm = 3", Layer::default()).listeners;
    assert_eq!(listeners.iter().map(|listener| listener.name.as_str()).collect::<String>(), "zam");
}

#[test]
fn the_reference_shows_files_that_work_and_the_defaults_that_hold() {
    let reference = include_str!("../../../docs/configuration.md");
    let mut files = reference.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let (smallest, whole) = (files.next().expect("a file"), files.next().expect("another"));
    assert_eq!(settings(smallest, Layer::default()).command, ["./server"]);
    let whole = settings(whole, Layer::default());
    let default = Settings::default();
    let rollout = Rollout { health: Some(Health::default()), ..default.plan.rollout.clone() };
    assert_eq!(whole.health.map(|checks| checks.timeout), Some(Checks::TIMEOUT));
    assert_eq!((whole.plan, whole.lanes, whole.name), (Plan { rollout, ..default.plan }, default.lanes, default.name));
    assert_eq!(whole.hooks.timeout, default.hooks.timeout);
    let Watch { quiet, at_most_every, poll, .. } = default.watch;
    assert_eq!((whole.watch.quiet, whole.watch.at_most_every, whole.watch.poll), (quiet, at_most_every, poll));
    assert_eq!((whole.dialect, whole.stop_signal), (default.dialect, default.stop_signal));
    for setting in SETTINGS {
        assert!(reference.contains(&format!("\n### `{setting}`\n")), "{setting} is not in the reference");
    }
}
