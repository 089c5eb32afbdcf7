//! Programs that never heard of heirloom: they take their sockets as socket activation or their arguments give them.
#![cfg(target_os = "linux")]

#[path = "dialects/ready.rs"]
mod ready;
#[path = "dialects/scenes.rs"]
mod scenes;
#[path = "dialects/servers.rs"]
mod servers;
#[path = "support/mod.rs"]
mod support;
#[path = "dialects/watchdog.rs"]
mod watchdog;

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use heirloom::master::{Deed, Evidence};
use heirloom::supervision::{Exit, Notice, Reason};
use servers::{
    assert_unnoticed, evidence, file, python_with_servers, reload_five_times, script, setup, setup_on,
    wait_for_trouble, wait_for_word,
};
use support::{Gate, LIMIT, Listening, Master, Setup, get, load, test_worker};

fn five_reloads_of_gunicorn(listening: Listening) {
    let (python, tests) = (python_with_servers(), file(""));
    let gunicorn = [&python, "-m", "gunicorn", "--chdir", &tests, "--preload", "app:wsgi"];
    let master = setup_on(listening, &gunicorn).workers(2).start();
    reload_five_times(&master);
    let (first, others): (Vec<_>, Vec<_>) = evidence(&master).into_iter().partition(|it| *it == Evidence::Confirmed);
    assert_eq!((first.len(), others), (6, vec![Evidence::Said; 6]));
}

#[test]
fn five_reloads_of_gunicorn_on_tcp_are_nothing_to_its_clients() {
    five_reloads_of_gunicorn(Listening::Tcp);
}

#[test]
fn five_reloads_of_gunicorn_on_a_unix_socket_are_nothing_to_its_clients() {
    five_reloads_of_gunicorn(Listening::Unix);
}

fn five_reloads_of_uvicorn(listening: Listening) {
    let (python, tests) = (python_with_servers(), file(""));
    let uvicorn = [&python, "-m", "uvicorn", "--app-dir", &tests, "app:asgi", "--fd", "{fd:http}"];
    let master = setup_on(listening, &uvicorn).start();
    reload_five_times(&master);
    assert_eq!(evidence(&master), [Evidence::Accepted; 6]);
}

#[test]
fn five_reloads_of_uvicorn_on_tcp_are_nothing_to_its_clients() {
    five_reloads_of_uvicorn(Listening::Tcp);
}

#[test]
fn five_reloads_of_uvicorn_on_a_unix_socket_are_nothing_to_its_clients() {
    five_reloads_of_uvicorn(Listening::Unix);
}

#[test]
fn five_reloads_of_a_server_in_rust_that_takes_listen_fds_are_nothing_to_its_clients() {
    let server = test_worker().with_file_name("listen_fds");
    let master = setup(&[server.to_str().expect("a path of ours")]).start();
    reload_five_times(&master);
    assert_eq!(evidence(&master), [Evidence::Accepted; 6]);
}

#[test]
fn a_server_that_says_nothing_is_ready_when_it_accepts() {
    let master = script("listen_fds.py", &[]).start();
    reload_five_times(&master);
    assert_eq!(evidence(&master), [Evidence::Accepted; 6]);
}

#[test]
fn of_two_workers_that_say_nothing_the_first_is_probed_and_the_other_has_to_stay_up() {
    let master = script("listen_fds.py", &[]).workers(2).start();
    assert_eq!(evidence(&master), [Evidence::Accepted, Evidence::Uptime]);
    let load = load(&master, 8);
    master.reload();
    let answered = load.tally().answered;
    load.wait_for(answered + 50, LIMIT).expect("it is served");
    assert_unnoticed(&master, load, 2);
    assert_eq!(evidence(&master), [Evidence::Accepted, Evidence::Uptime, Evidence::Accepted, Evidence::Uptime]);
}

#[test]
fn where_all_share_one_socket_a_silent_server_has_to_stay_up_and_that_is_said() {
    let setup = script("listen_fds.py", &[]).option("--lanes", "1");
    let mut command = setup.command("text");
    command.env("NO_COLOR", "1");
    let master = Master::start(setup, command);
    master.log.wait_for_line("worker 1.0 counts as ready: it stayed up");
    master.log.wait_for_line("generation 1 serves");
}

#[test]
fn a_server_that_waits_in_accept_gets_a_socket_that_blocks() {
    let setup = Setup::bare(Listening::Tcp).brisk();
    let command = format!("command = [\"python3\", {:?}, \"--blocking\"]\n", file("listen_fds.py"));
    let listen = "[listen]\nhttp = { address = \"127.0.0.1:0\", blocking = true }\n";
    fs::write(setup.path("blocking.toml"), command + listen).expect("a file");
    let master = setup.option("--config", "blocking.toml").start();
    let load = load(&master, 4);
    master.reload();
    let answered = load.tally().answered;
    load.wait_for(answered + 50, LIMIT).expect("it is served");
    assert_unnoticed(&master, load, 2);
}

#[test]
fn a_program_that_binds_by_itself_is_given_up_and_you_are_told_what_to_do() {
    let port = "{port:http}";
    let master = setup(&["python3", "-m", "http.server", port, "--bind", "127.0.0.1"]).launch();
    let (_, reason, last_lines) = master.wait_until_given_up();
    assert!(matches!(reason, Reason::Exited { exit: Exit::Status(1), .. }), "{reason:?}");
    assert!(last_lines.iter().any(|line| line.contains("Address already in use")), "{last_lines:?}");
    let hint = wait_for_trouble(&master);
    for wanted in ["worker 1.0 binds by itself", "{fd:http}", "LISTEN_FDS", "library"] {
        assert!(hint.contains(wanted), "{wanted}: {hint}");
    }
    assert_eq!(master.wait().code(), Some(1));
}

#[test]
fn a_program_that_binds_beside_the_master_is_told_apart_too() {
    let program = "import signal, socket, sys\n\
        listener = socket.socket()\n\
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n\
        listener.bind(('127.0.0.1', int(sys.argv[1])))\n\
        listener.listen()\n\
        signal.pause()\n";
    let master = setup(&["python3", "-c", program, "{port:http}"]).option("--ready-grace", "3s").launch();
    let (_, reason, _) = master.wait_until_given_up();
    assert!(matches!(reason, Reason::NotReady { .. }), "{reason:?}");
    let hint = wait_for_trouble(&master);
    assert!(hint.contains("not only heirloom listens") && hint.contains("{fd:http}"), "{hint}");
    assert_eq!(master.wait().code(), Some(1));
}

#[test]
fn a_program_that_ignores_its_sockets_is_given_up_and_you_are_told_what_to_do() {
    let master = setup(&["sleep", "1000"]).option("--ready-grace", "300ms").launch();
    master.wait_until_given_up();
    let hint = wait_for_trouble(&master);
    assert!(hint.contains("accepted no connection") && hint.contains("{fd:http}"), "{hint}");
    assert_eq!(master.wait().code(), Some(1));
}

#[test]
fn a_listener_that_is_not_there_is_named_with_what_there_is() {
    let output = setup(&["sleep", "1000", "{fd:web}"]).command("text").output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("no listener is called web; there is http"), "{told}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_worker_is_asked_to_stop_by_the_signal_that_was_named() {
    let master = script("listen_fds.py", &[]).option("--stop-signal", "QUIT").start();
    master.reload();
    assert_eq!(wait_for_word(&master, "stopped by"), "SIGQUIT");
    master.wait_for_notice("a clean exit", |notice| match notice {
        Notice::Exited { exit: Exit::Status(0), wanted: true, .. } => Some(()),
        _ => None,
    });
}

#[test]
fn who_is_no_process_of_the_worker_cannot_say_that_it_is_ready() {
    let setup = script("notifies.py", &[]).option("--dialect", "systemd");
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.launch();
    let name = wait_for_word(&master, "notifies");
    let socket = SocketAddr::from_abstract_name(name.strip_prefix('@').expect("it is abstract")).expect("a name");
    let stranger = UnixDatagram::unbound().expect("a socket");
    stranger.send_to_addr(b"READY=1\nSTATUS=all is well", &socket).expect("anybody can send");
    master.log.wait_for_line("a stranger sent to a worker's notify socket");
    assert_eq!(evidence(&master), []);
    let _open = gate.open();
    master.wait_for_promotion();
    assert_eq!(evidence(&master), [Evidence::Confirmed]);
    assert!(!master.log.text().contains("all is well"));
}

#[test]
fn what_a_worker_notifies_is_shown_and_a_barrier_is_passed() {
    let setup = script("notifies.py", &[]);
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.launch();
    let status = |wanted: &'static str| {
        master.wait_for_deed(wanted, |deed| matches!(deed, Deed::Status { text, .. } if text == wanted).then_some(()));
    };
    status("the caches are cold");
    wait_for_word(&master, "the barrier is passed");
    let _open = gate.open();
    status("the caches are warm");
    master.wait_for_promotion();
    assert_eq!(get(&master.target(), "/").0.generation, 1);
}

#[test]
fn a_worker_that_asks_for_more_time_is_given_it() {
    let setup = script("notifies.py", &["EXTEND_TIMEOUT_USEC=60000000", "--late"]).option("--ready-grace", "2s");
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.launch();
    wait_for_word(&master, "it is late");
    let _open = gate.open();
    master.wait_for_promotion();
}
