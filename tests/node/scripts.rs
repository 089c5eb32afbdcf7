//! What a script may do: several servers, datagrams, words, errors, and rubbish.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, ChildStdin, Command, Stdio};

use heirloom::load::{Load, Plan, Target};
use heirloom::master::{Deed, Stream};
use heirloom::supervision::{GenerationId, Notice, Reason};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{LIMIT, Master, Setup, get, provoke, who};
use crate::versions::{node, script, server, shared, undeclared};

const FIRST: GenerationId = GenerationId(1);

fn many(words: &[&str]) -> Setup {
    undeclared(&[&[node("latest").as_str(), script("many.js").as_str()], words].concat())
}

/// Where the latest listener is that a script has opened.
fn opened(master: &Master) -> Vec<(String, String)> {
    let listening = |deed: Deed| match deed {
        Deed::Listening { address, way, .. } => Some((address, way)),
        _ => None,
    };
    master.deeds().into_iter().filter_map(listening).collect()
}

fn address(master: &Master) -> SocketAddr {
    opened(master)[0].0.parse().expect("it is an address")
}

/// What a deed tells, whether it has happened or is still to.
fn told<T>(master: &Master, what: &str, told: impl Fn(&Deed) -> Option<T>) -> T {
    let before = master.deeds().iter().find_map(&told);
    before.unwrap_or_else(|| master.wait_for_deed(what, &told))
}

/// The first line of a worker that begins so; the rest of it.
fn line(master: &Master, begins: &str) -> String {
    told(master, &format!("a line {begins:?}"), |deed| match deed {
        Deed::Line { line, stream: Stream::Output, .. } => Some(line.strip_prefix(begins)?.trim_start().to_owned()),
        _ => None,
    })
}

#[test]
fn every_server_of_a_script_has_the_same_address_in_all_workers_and_generations() {
    let master = many(&["servers"]).workers(2).start();
    let addresses = opened(&master);
    assert_eq!(addresses.len(), 4, "{}", master.log.text());
    assert!(addresses.iter().all(|(_, way)| way == "rotation"), "{addresses:?}");
    assert!(addresses.iter().any(|(address, _)| address.starts_with("[::1]:")), "{addresses:?}");
    assert_eq!(master.reload().0, 2);
    assert_eq!(opened(&master), addresses);
    for (address, _) in &addresses {
        let target = match address.strip_prefix("unix:") {
            Some(path) => Target::Unix(path.into()),
            None => Target::Tcp(address.parse().expect("it is an address")),
        };
        assert_eq!(get(&target, "/").0.generation, 2, "{address}");
    }
}

#[test]
fn a_release_with_fewer_servers_is_ready_when_it_has_been_quiet() {
    let master = many(&["fewer"]).start();
    master.release(2, "");
    master.hup();
    let what = master.wait_for_deed("what it does not listen on", |deed| match deed {
        Deed::Trouble { what } => Some(what.clone()),
        _ => None,
    });
    assert!(what.starts_with("worker 2.0 does not listen on [::1]:0"), "{what}");
    assert_eq!(master.wait_for_promotion().0.0, 2);
    master.wait_until_gone(FIRST);
    assert_eq!(get(&address(&master).into(), "/").0.generation, 2);
}

#[test]
fn datagrams_are_answered_before_and_after_a_reload() {
    let master = many(&["datagrams"]).workers(2).start();
    let there = line(&master, "datagrams");
    let ask = || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        socket.send_to(b"hello", format!("127.0.0.1:{there}")).expect("it is sent");
        let mut answer = [0; 100];
        let length = socket.recv(&mut answer).expect("it is answered");
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    assert!(ask().starts_with("hello 1."));
    master.reload();
    master.wait_until_gone(FIRST);
    assert!(ask().starts_with("hello 2."));
}

#[test]
fn an_address_that_somebody_has_is_an_error_of_the_scripts_own() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let setup = many(&["one", "taken"]);
    std::fs::write(setup.path("env"), format!("RELEASE=1\nTAKEN={port}\n")).expect("a file");
    let master = setup.start();
    assert_eq!(line(&master, "error"), "EADDRINUSE");
}

#[test]
fn a_script_that_uses_cluster_itself_and_its_children_are_not_confused() {
    let master = many(&["cluster", "child"]).start();
    assert_eq!(line(&master, "child"), "0 false");
    assert_eq!(get(&address(&master).into(), "/").0.generation, 1);
}

#[test]
fn what_a_script_sends_is_a_notice() {
    let master = many(&["one", "words"]).start();
    for text in ["\"ready\"", r#"{"words":"of mine"}"#] {
        told(&master, text, |deed| matches!(deed, Deed::Message { text: said, .. } if said == text).then_some(()));
    }
}

#[test]
fn a_line_that_is_none_costs_that_worker_its_life_and_the_others_nothing() {
    let master = many(&["rubbish"]).workers(2).start();
    let target: Target = address(&master).into();
    provoke(&target, "/rubbish");
    let what = master.wait_for_notice("that it misbehaved", |notice| match notice {
        Notice::Misbehaved { what, .. } => Some(what.clone()),
        _ => None,
    });
    assert!(what.contains("no JSON"), "{what}");
    master.wait_until_ready();
    let tally = Load::start(Plan { most: Some(20), ..Plan::on(target) }).expect("a load").wait_for_the_end(LIMIT);
    assert_eq!(tally.expect("it ends").answered, 20);
}

#[test]
fn a_connection_that_a_killed_worker_had_not_taken_is_served_by_another() {
    let master = server("node24", "http").workers(2).start();
    let pids = master.workers_of(FIRST);
    let stopped = Pid::from_raw(pids[0].1.cast_signed());
    kill(stopped, Signal::SIGSTOP).expect("it is there");
    let load = Load::start(Plan { clients: 4, most: Some(100), ..Plan::on(master.target()) }).expect("a load");
    load.wait_for(98, LIMIT).expect("the other one serves"); // all but what is on its way to who was stopped
    kill(stopped, Signal::SIGKILL).expect("it is there");
    let tally = load.wait_for_the_end(LIMIT).expect("it ends");
    assert_eq!((tally.answered, tally.failures()), (100, 0), "{tally}");
}

#[test]
fn workers_that_are_killed_under_load_cost_only_what_they_held() {
    let master = server("latest", "http").workers(3).start();
    let clients = 4;
    let load = Load::start(Plan { clients, path: "/slow".into(), ..Plan::on(master.target()) }).expect("a load");
    let mut killed = 0;
    for _ in 0..5 {
        load.wait_for(load.tally().answered + 8, LIMIT).expect("it is served");
        let pid = master.workers_of(FIRST)[0].1;
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).expect("it is there");
        killed += 1;
        master.wait_until_ready();
    }
    let tally = load.stop();
    assert!(tally.failures() <= killed * clients as u64, "{tally}");
    assert_eq!(tally.stale, 0);
}

#[test]
fn two_gigabytes_for_clients_who_do_not_read_hold_up_nobody() {
    const SIZE: u64 = 32_000_000;
    for setup in [server("node20", "http"), shared(server("latest", "http"))] {
        let master = setup.start();
        let Target::Tcp(address) = master.target() else { panic!("it is TCP") };
        let slow: Vec<TcpStream> = (0..64)
            .map(|_| {
                let mut client = TcpStream::connect(address).expect("it listens");
                client.write_all(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it is sent");
                client
            })
            .collect();
        let tally = Load::start(Plan { clients: 2, most: Some(100), ..Plan::on(address) }).expect("a load");
        assert_eq!(tally.wait_for_the_end(LIMIT).expect("it ends").answered, 100);
        master.reload();
        for mut client in slow {
            let length = std::io::copy(&mut client, &mut std::io::sink()).expect("it is answered in the end");
            assert!(length > SIZE, "{length}");
        }
        assert_eq!(master.finish().code(), Some(0));
    }
}

/// A client of `tests/servers/node/client.js`: itself, its input, and the lines that it writes.
fn client(kind: &str, url: &str) -> (Child, ChildStdin, impl Iterator<Item = String> + use<>) {
    let mut command = Command::new(node("latest"));
    command.args([&script("client.js"), kind, url]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = command.spawn().expect("it starts");
    let input = client.stdin.take().expect("it is piped");
    let lines = BufReader::new(client.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
    (client, input, lines)
}

#[test]
fn a_web_socket_lives_through_drain_grace_and_is_told_to_go_then() {
    let master = many(&["websocket"]).option("--drain-grace", "3s").start();
    let (mut client, mut input, mut heard) = client("websocket", &format!("ws://{}", address(&master)));
    assert_eq!(heard.next().as_deref(), Some("open"));
    master.reload();
    writeln!(input, "hello").expect("it is there");
    let answer = heard.next().unwrap_or_default();
    assert!(answer.starts_with("heard hello 1.0 "), "{answer}");
    let what = master.wait_for_deed("that it is not drained", |deed| match deed {
        Deed::Trouble { what } => Some(what.clone()),
        _ => None,
    });
    assert!(what.starts_with("worker 1.0 still has connections"), "{what}");
    assert_eq!(heard.next().as_deref(), Some("closed 1001"));
    assert_eq!(line(&master, "closed"), "1001", "the script knows, too");
    let exit = master.wait_for_notice("its end", |notice| match notice {
        Notice::Exited { generation: FIRST, exit, .. } => Some(exit.to_string()),
        _ => None,
    });
    assert_eq!(exit, "exited with status 0");
    assert!(client.wait().expect("it ends").success());
}

#[test]
fn any_other_upgraded_connection_lives_as_long() {
    let master = many(&["upgrade"]).option("--drain-grace", "1s").start();
    let mut client = TcpStream::connect(address(&master)).expect("it listens");
    client.set_read_timeout(Some(LIMIT)).expect("a limit");
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n").expect("it is sent");
    let mut answer = [0; 200];
    let length = client.read(&mut answer).expect("it is upgraded");
    assert!(answer[..length].starts_with(b"HTTP/1.1 101"));
    master.reload();
    assert_eq!(client.read(&mut answer).unwrap_or(0), 0);
    master.wait_until_gone(FIRST);
}

#[test]
fn modules_typescript_and_servers_that_speak_no_http_are_workers() {
    for command in [
        [node("node18"), script("module.mjs"), String::new()],
        [node("latest"), script("module.mjs"), String::new()],
        [node("node24"), script("typed.ts"), String::new()],
        [node("latest"), script("typed.ts"), String::new()],
        [node("node18"), script("many.js"), "raw".into()],
        [node("latest"), script("many.js"), "raw".into()],
    ] {
        let words: Vec<&str> = command.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
        let master = undeclared(&words).start();
        let answer = || {
            let mut client = TcpStream::connect(address(&master)).expect("it listens");
            client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it is sent");
            let mut answer = String::new();
            client.read_to_string(&mut answer).expect("it is answered");
            who(answer.lines().last().unwrap_or_default()).generation
        };
        assert_eq!(answer(), 1, "{words:?}");
        master.reload();
        assert_eq!(answer(), 2, "{words:?}");
    }
}

#[test]
fn the_same_address_twice_in_one_script_is_its_own_error() {
    let master = many(&["twice"]).start();
    assert_eq!(line(&master, "error"), "EADDRINUSE");
    assert_eq!(get(&address(&master).into(), "/").0.generation, 1);
}

#[test]
fn a_worker_without_descriptors_gets_no_connections_until_it_has_some() {
    let setup = many(&["full"]).workers(2);
    let config = setup.path("heirloom.toml");
    std::fs::write(&config, "command = [\"node\"]\n[process]\nlimits = { nofile = 100 }\n").expect("a file");
    let master = setup.option("--config", config).start();
    let target: Target = address(&master).into();
    let (full, _) = get(&target, "/full");
    assert_eq!(line(&master, "full"), "EMFILE");
    let answers = |count| {
        let plan = Plan { clients: 4, most: Some(count), journal: true, ..Plan::on(target.clone()) };
        let load = Load::start(plan).expect("a load");
        let tally = load.wait_for_the_end(LIMIT).expect("it ends");
        assert_eq!((tally.answered, tally.failures()), (count, 0), "{tally}");
        load.journal().entries.iter().filter(|entry| who(&entry.answer).pid == full.pid).count()
    };
    assert_eq!(answers(100), 0, "whoever has none");
    kill(Pid::from_raw(full.pid.cast_signed()), Signal::SIGUSR2).expect("it is there");
    assert_eq!(line(&master, "free"), "");
    let has_come_back = (0..1000).any(|_| answers(20) > 0);
    assert!(has_come_back, "{}", master.log.text());
}

#[test]
fn a_worker_that_something_else_keeps_alive_is_ended_by_the_signal() {
    let master = many(&["one", "busy"]).start();
    master.reload();
    let exit = master.wait_for_notice("its end", |notice| match notice {
        Notice::Exited { generation: FIRST, exit, wanted: true, .. } => Some(exit.to_string()),
        _ => None,
    });
    assert_eq!(exit, "was killed by SIGTERM");
}

#[test]
fn a_wrapper_that_takes_the_channel_is_named_with_what_to_run_instead() {
    let setup = undeclared(&["npm", "start"]).option("--ready-grace", "5s");
    let package = r#"{"name": "x", "scripts": {"start": "node server.js"}}"#;
    std::fs::write(setup.path("package.json"), package).expect("a file");
    std::fs::copy(script("server.js"), setup.path("server.js")).expect("a copy");
    let master = setup.launch();
    let (_, reason, _) = master.wait_until_given_up();
    assert!(matches!(reason, Reason::NotReady { .. }) && reason.to_string().contains("`node server.js`"), "{reason}");
    assert_eq!(master.wait().code(), Some(1));
}

#[test]
fn a_port_for_a_debugger_that_only_one_worker_could_have_is_refused() {
    let setup = undeclared(&[&node("latest"), "--inspect", &script("server.js")]);
    let output = setup.command("json").output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("--inspect=0"), "{text}");
}

/// With what the script shows its clients; and where one can keep a session.
fn with_certificate(setup: Setup) -> (Setup, String) {
    let at = |name: &str| setup.path(name).display().to_string();
    let (key, cert, session) = (at("key.pem"), at("cert.pem"), at("session.pem"));
    let subject = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"];
    let made = Command::new("openssl").args(subject).args(["-keyout", &key, "-out", &cert]).output();
    assert!(made.expect("openssl is there").status.success());
    (setup, session)
}

#[test]
fn reloads_are_nothing_to_clients_of_http2_over_tls() {
    for version in ["node18", "latest"] {
        let words = [node(version), script("many.js"), "secure2".into()];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let setup = undeclared(&words).workers(2).option("--linger", "1s");
        let master = with_certificate(setup).0.start();
        let (mut client, mut input, mut heard) = client("http2", &format!("https://{}", address(&master)));
        let mut answered = 0;
        for _ in 0..5 {
            let before = answered;
            while answered < before + 20 {
                writeln!(input).expect("it is there");
                let line = heard.next().expect("it answers");
                let count = line.strip_prefix("answered ").unwrap_or_else(|| panic!("{version}: {line}"));
                answered = count.parse().expect("a number");
            }
            master.reload();
        }
        drop(input);
        let rest: Vec<String> = heard.collect();
        assert_eq!(rest, ["failed 0"], "{version}");
        assert!(client.wait().expect("it ends").success());
    }
}

#[test]
fn a_tls_session_goes_on_after_a_reload() {
    let (setup, session) = with_certificate(many(&["secure"]).workers(2));
    let master = setup.start();
    let address = address(&master).to_string();
    let connect = |option: &str| {
        let arguments = ["s_client", "-connect", &address, "-tls1_2", option, &session];
        let output = Command::new("openssl").args(arguments).stdin(Stdio::null()).output();
        String::from_utf8_lossy(&output.expect("openssl is there").stdout).into_owned()
    };
    assert!(connect("-sess_out").contains("New, "));
    assert!(connect("-sess_in").contains("Reused, "), "in another worker");
    master.reload();
    master.wait_until_gone(FIRST);
    assert!(connect("-sess_in").contains("Reused, "), "in another generation");
}

#[test]
fn a_script_can_say_itself_when_it_is_ready_and_be_told_to_stop_in_words() {
    let setup = many(&["one"]);
    let file = "command = [\"node\"]\n[node]\nwait_ready = true\nshutdown_message = true\n";
    std::fs::write(setup.path("heirloom.toml"), file).expect("a file");
    let config = setup.path("heirloom.toml");
    let master = setup.conduct("words").option("--config", config).start();
    master.reload();
    assert_eq!(line(&master, "heard"), "shutdown");
    let exit = master.wait_for_notice("its end", |notice| match notice {
        Notice::Exited { generation: FIRST, exit, .. } => Some(exit.to_string()),
        _ => None,
    });
    assert_eq!(exit, "exited with status 0");
    let not_ready =
        many(&["one"]).option("--ready-grace", "1s").option("--config", master.path("heirloom.toml")).launch();
    let (_, reason, _) = not_ready.wait_until_given_up();
    assert!(reason.to_string().contains("it has not sent 'ready'"), "{reason}");
    assert_eq!(not_ready.wait().code(), Some(1));
}

#[test]
fn a_canary_by_rotation_gets_exactly_its_share_and_is_told_with_it() {
    let setup = server("node24", "http").workers(2);
    let config = setup.path("heirloom.toml");
    std::fs::write(&config, "[rollout]\nstrategy = \"canary\"\nsteps = [\"10%\"]\n").expect("a file");
    let master = setup.option("--config", config).start();
    master.release(2, "");
    master.hup();
    master.wait_for_notice("a share", |notice| match notice {
        Notice::Sharing { generation: GenerationId(2), .. } => Some(()),
        _ => None,
    });
    let sockets = master.ask(async |client| client.sockets().await).expect("it answers");
    let shares: Vec<_> = sockets.listeners[0].shares.iter().map(|share| (share.generation, share.percent)).collect();
    assert_eq!(shares, [(2, 10), (1, 90)]);
    assert_eq!(sockets.listeners[0].lanes[0].generations, [2, 1]);
    let plan = Plan { clients: 4, most: Some(200), journal: true, ..Plan::on(master.target()) };
    let load = Load::start(plan).expect("a load");
    load.wait_for_the_end(LIMIT).expect("it ends");
    let journal = load.journal();
    assert_eq!(journal.entries.iter().filter(|entry| who(&entry.answer).generation == 2).count(), 20);
}
