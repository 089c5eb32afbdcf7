//! The promise: a newcomer is checked alone, through the way that clients will take, before any client can reach it; what
//! does not stand its checks never serves, or does not serve for long.
#![cfg(all(target_os = "linux", feature = "program"))]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::process::Command;

use heirloom::master::{Deed, What};
use heirloom::supervision::{GenerationId, Notice, Reason, Slot};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Listening, Master, Setup, generation_of, get, load, test_worker};

/// Checks often, and loses patience soon.
const OFTEN: &str = "interval = \"20ms\"\nfall = 2\n";

/// What the worker of these tests says then.
const ASKED: &str = "asked for its health";

/// The worker of these tests, with this in `[health]`.
fn with_health(setup: Setup, health: &str) -> Setup {
    fs::write(setup.path("health.toml"), format!("[health]\n{OFTEN}{health}\n")).expect("a file");
    setup.option("--config", "health.toml")
}

/// Why the next release is given up, while clients ask and meet none but the first.
fn why_given_up(master: &Master, conduct: &str) -> String {
    let clients = load(master, 4);
    master.release(2, conduct);
    master.hup();
    let (generation, reason, _) = master.wait_until_given_up();
    let tally = clients.stop();
    assert_eq!(tally.failures(), 0, "{tally:?}");
    let journal = clients.journal();
    assert!(journal.entries.iter().all(|entry| generation_of(entry) == Some(1)), "somebody met another one");
    assert_eq!(generation, GenerationId(2));
    assert!(matches!(reason, Reason::Unhealthy { failures: 2, .. }), "{reason:?}");
    reason.to_string()
}

/// Who was asked for his health: generation and slot.
fn asked(master: &Master) -> Vec<(u32, u32)> {
    let line = |deed: &Deed| match deed {
        Deed::Line { generation, slot, line, .. } if line == ASKED => Some((generation.0, slot.0)),
        _ => None,
    };
    master.deeds().iter().filter_map(line).collect()
}

#[test]
fn a_newcomer_that_answers_500_is_given_up_and_no_client_meets_it() {
    for setup in [Setup::tcp(), Setup::unix()] {
        let master = with_health(setup, "http = \"/healthz\"").start();
        let before = asked(&master).len();
        let why = why_given_up(&master, "sick");
        let expected = "GET /healthz answered 500, wanted 200-399; body begins: 2.0 ";
        assert!(why.contains(expected), "{why}");
        let asked = asked(&master);
        assert!(before > 0 && asked.len() > before, "{asked:?}");
        assert!(asked[before..].iter().all(|(generation, _)| *generation == 2), "an old one was checked: {asked:?}");
    }
}

#[test]
fn a_newcomer_that_does_not_answer_is_given_up() {
    let master = with_health(Setup::tcp(), "http = \"/healthz\"\ntimeout = \"200ms\"").start();
    let why = why_given_up(&master, "mute");
    assert!(why.contains("GET /healthz: no answer within 200ms"), "{why}");
}

#[test]
fn a_newcomer_that_says_the_wrong_words_is_given_up() {
    let master = with_health(Setup::tcp(), "http = { path = \"/healthz\", body = \"1.0 \" }").start();
    let why = why_given_up(&master, "");
    assert!(why.contains("GET /healthz answered 200, but without \"1.0 \" in the body; body begins: 2.0 "), "{why}");
}

#[test]
fn each_worker_is_asked_where_workers_take_connections_one_by_one() {
    let axum = test_worker().with_file_name("axum").display().to_string();
    let mut setup = Setup::bare(Listening::Tcp).workers(3).option("--drain-grace", "200ms");
    setup.listen("http=127.0.0.1:0");
    let setup = setup.program(&[&axum, "127.0.0.1:0"]);
    let master = with_health(setup, "http = \"/\"\nrise = 50\ntimeout = \"300ms\"").start();
    master.hup();
    // In a lane, the other two would answer in its place.
    let pid = master.wait_for("the newcomer's second worker", |said| match said.report.what {
        What::Rules(Notice::Ready { generation: GenerationId(2), slot: Slot(1), .. }) => said.report.pid,
        _ => None,
    });
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGSTOP).expect("it is there");
    let (_, reason, _) = master.wait_until_given_up();
    assert!(reason.to_string().contains("slot 1: GET /: no answer within 300ms"), "{reason}");
}

#[test]
fn who_is_well_at_first_and_then_not_does_not_serve_for_long() {
    let master =
        with_health(Setup::tcp().option("--warm", "5m").option("--settle", "100ms"), "http = \"/healthz\"").start();
    master.release(2, "");
    assert_eq!(master.reload(), GenerationId(2));
    fs::write(master.path("unwell"), "").expect("a file");
    let why = master.wait_for_notice("a way back", |notice| match notice {
        Notice::RolledBack { generation: GenerationId(2), to: GenerationId(1), why } => Some(why.clone()),
        _ => None,
    });
    assert!(why.contains("GET /healthz answered 500"), "{why}");
    master.wait_for_notice("that it is done", |notice| match notice {
        Notice::Draining { generation: GenerationId(2), .. } => Some(()),
        _ => None,
    });
    assert_eq!(get(&master.target(), "/").0.generation, 1);
}

#[test]
fn a_command_is_given_an_address_that_leads_to_the_newcomer_only() {
    let script = "curl -fsS http://$HEIRLOOM_CHECK_ADDR/ > met-$HEIRLOOM_GENERATION && \
                  test $HEIRLOOM_CHECK_ADDR = $HEIRLOOM_CHECK_ADDR_HTTP && grep -q ^$HEIRLOOM_GENERATION. met-$HEIRLOOM_GENERATION";
    let command = format!("command = [\"sh\", \"-c\", {script:?}]\ntimeout = \"30s\"");
    let master = with_health(Setup::tcp(), &command).start();
    let clients = load(&master, 4);
    master.release(2, "");
    assert_eq!(master.reload(), GenerationId(2));
    assert_eq!(clients.stop().failures(), 0);
    let met = fs::read_to_string(master.path("met-2")).expect("the command has written it");
    assert!(met.starts_with("2.0 "), "{met}");
}

#[test]
fn a_command_finds_the_newcomer_of_a_unix_socket_as_well() {
    let script = "curl -fsS http://$HEIRLOOM_CHECK_ADDR/ | grep -q ^$HEIRLOOM_GENERATION.";
    let command = format!("command = [\"sh\", \"-c\", {script:?}]\ntimeout = \"30s\"");
    let master = with_health(Setup::unix(), &command).start();
    assert_eq!(master.reload(), GenerationId(2));
}

#[test]
fn a_master_whose_first_generation_is_not_well_ends_with_the_reason() {
    let master = with_health(Setup::tcp().conduct("sick"), "http = \"/healthz\"").launch();
    let (_, reason, _) = master.wait_until_given_up();
    assert!(matches!(reason, Reason::Unhealthy { .. }), "{reason:?}");
    assert_eq!(master.wait().code(), Some(1));
}

#[test]
fn a_command_that_fails_is_told_with_its_last_line() {
    let script = "test $HEIRLOOM_GENERATION = 1 || { echo looking; echo the disk is full >&2; exit 3; }";
    let master =
        with_health(Setup::tcp(), &format!("command = [\"sh\", \"-c\", {script:?}]\ntimeout = \"30s\"")).start();
    let why = why_given_up(&master, "");
    assert!(why.contains("sh exited with status 3: the disk is full"), "{why}");
}

#[test]
fn a_command_that_takes_too_long_is_killed_with_all_that_it_has_started() {
    let script = "test $HEIRLOOM_GENERATION = 1 || { trap '' TERM; sleep 1000 & setsid sleep 1000 & sleep 1000; }";
    let master =
        with_health(Setup::tcp(), &format!("command = [\"sh\", \"-c\", {script:?}]\ntimeout = \"300ms\"")).start();
    let why = why_given_up(&master, "");
    assert!(why.contains("sh took longer than 300ms and was killed"), "{why}");
    assert_eq!(master.finish().code(), Some(0)); // and nothing of it is left
}

#[test]
fn a_master_that_is_told_to_stop_waits_for_no_check() {
    let script = "test $HEIRLOOM_GENERATION = 1 || { echo begun > begun; sleep 1000; }";
    let health = format!("command = [\"sh\", \"-c\", {script:?}]\ntimeout = \"1h\"");
    let master = with_health(Setup::tcp(), &health).start();
    nix::unistd::mkfifo(&master.path("begun"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    master.hup();
    assert_eq!(fs::read_to_string(master.path("begun")).expect("the command writes it"), "begun\n");
    assert_eq!(master.finish().code(), Some(0));
}

/// A server with TLS that takes the socket by LISTEN_FDS.
const SECURE: &str = "\
import http.server, os, socket, ssl
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.headers['Host'] == 'example.org' else 421)
        self.end_headers()
        self.wfile.write(b'secure')
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Answer, bind_and_activate=False)
server.socket = socket.socket(fileno=3)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('certificate.pem', 'key.pem')
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
";

#[test]
fn a_server_with_a_certificate_that_nobody_knows_is_checked_with_tls() {
    let mut setup = Setup::bare(Listening::Tcp).option("--dialect", "systemd");
    setup.listen("https=127.0.0.1:0");
    fs::write(setup.path("server.py"), SECURE).expect("a file");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"])
        .args(["-subj", "/CN=somebody.else", "-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(setup.place.path())
        .output()
        .expect("openssl is there: `apt-get install openssl`");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let health = "https = { host = \"example.org\", status = 200, body = \"secure\" }\ntimeout = \"30s\"";
    let master = with_health(setup.program(&["python3", "server.py"]), health).start();
    assert_eq!(master.reload(), GenerationId(2));
}
