//! The promise: what cannot work is refused before any port opens: what it is, what to do about it, the exit status.

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Command, Output};

use support::{Listening, Setup, marked_processes};

/// What came of a master that could not start.
struct Refusal {
    status: Option<i32>,
    said: String,
}

fn refused(setup: &Setup) -> Refusal {
    let Output { status, stdout, stderr } = setup.command("json").output().expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&stdout), "", "nothing was begun");
    assert_eq!(marked_processes(&setup.mark), [] as [String; 0], "they are left behind");
    Refusal { status: status.code(), said: String::from_utf8_lossy(&stderr).into_owned() }
}

impl Refusal {
    #[track_caller]
    fn is(self, status: i32, words: &[&str]) {
        for word in words {
            assert!(self.said.contains(word), "{word:?} is missing in:\n{}", self.said);
        }
        assert_eq!(self.status, Some(status), "{}", self.said);
    }
}

/// A master on this address alone, with a program that would do.
fn listening_on(at: &str) -> Setup {
    let mut setup = Setup::bare(Listening::Tcp).program(&["true"]);
    setup.listen(at);
    setup
}

fn unix(setup: &Setup, name: &str) -> String {
    format!("unix:{}", setup.path(name).display())
}

#[test]
fn an_address_in_use_is_refused_and_whoever_uses_it_is_named() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("its address").to_string();
    let me = fs::read_to_string("/proc/self/comm").expect("a name");
    let pid = std::process::id().to_string();
    refused(&listening_on(&address)).is(1, &["cannot listen on", &address, me.trim(), &pid, "hint: stop"]);
}

#[test]
fn an_address_of_another_master_is_refused_though_it_would_share_it() {
    let first = Setup::tcp().start();
    let address = first.address_of("http").to_string();
    let pid = first.pid().to_string();
    refused(&listening_on(&address)).is(1, &["cannot listen on", &address, "heirloom", &pid]);
    assert_eq!(support::get(&first.target(), "/").0.generation, 1);
}

#[test]
fn of_two_addresses_one_of_which_is_in_use_neither_is_opened() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut setup = Setup::bare(Listening::Unix).program(&["true"]);
    setup.listen(&unix(&setup, "sockets/http"));
    setup.listen(&holder.local_addr().expect("its address").to_string());
    refused(&setup).is(1, &["cannot listen on"]);
    assert_eq!(fs::read_dir(setup.path("sockets")).expect("it is there").count(), 0);
}

#[test]
fn an_address_that_is_not_of_this_machine_is_refused() {
    refused(&listening_on("192.0.2.1:8000")).is(1, &["192.0.2.1:8000", "no such address", "hint: ", "ip address"]);
}

#[test]
fn a_privileged_port_is_refused_to_whoever_may_not_have_it() {
    let privileged_below = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if privileged_below.trim().parse::<u16>().unwrap_or(1024) <= 81 {
        return; // here, everybody may have it
    }
    let setup = listening_on("127.0.0.1:81");
    let setup = if nix::unistd::geteuid().is_root() { as_nobody(setup) } else { setup };
    refused(&setup).is(1, &["127.0.0.1:81", "privileged", "hint: ", "CAP_NET_BIND_SERVICE"]);
}

/// The same, started by somebody else, who must be able to read the program and its directory.
fn as_nobody(setup: Setup) -> Setup {
    let mut setup = setup.through(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    // He makes his control socket there.
    fs::set_permissions(setup.place.path(), fs::Permissions::from_mode(0o777)).expect("our directory");
    let program = setup.path("heirloom");
    fs::copy(&setup.heirloom, &program).expect("a copy");
    setup.heirloom = program;
    setup
}

#[test]
fn a_unix_path_at_which_somebody_listens_is_refused() {
    let mut setup = Setup::bare(Listening::Unix).program(&["true"]);
    let path = setup.path("taken");
    let _holder = UnixListener::bind(&path).expect("a socket");
    setup.listen(&unix(&setup, "taken"));
    refused(&setup).is(1, &["cannot listen on", "taken", &std::process::id().to_string()]);
    assert!(path.exists(), "it is not ours to remove");
}

#[test]
fn a_unix_path_that_a_dead_server_left_is_taken_over() {
    let setup = Setup::unix();
    drop(UnixListener::bind(setup.path("sockets/http")).expect("a socket"));
    let master = setup.start();
    assert_eq!(support::get(&master.target(), "/").0.generation, 1);
}

#[test]
fn a_unix_path_of_a_master_that_was_killed_is_taken_over() {
    let setup = Setup::unix();
    let mut command = setup.command("json");
    let mut killed = command.spawn().expect("the program starts");
    let mut first = String::new();
    let mut output = std::io::BufReader::new(killed.stdout.take().expect("it is piped"));
    while !first.contains("promoted") {
        first.clear();
        assert!(std::io::BufRead::read_line(&mut output, &mut first).expect("it speaks") > 0, "it ends");
    }
    killed.kill().expect("it is there");
    killed.wait().expect("it is our child");
    // Its workers go on serving, by the sockets that they hold; only then the path is stale.
    let mut second = Setup::bare(Listening::Unix).program(&["true"]);
    second.listen(&unix(&setup, "sockets/http"));
    refused(&second).is(1, &["cannot listen on", "http", "hint: "]);
    support::end_all(&setup.mark);
    drop(output);
    // Whoever is killed closes his sockets a moment later.
    while std::os::unix::net::UnixStream::connect(setup.path("sockets/http")).is_ok() {
        std::thread::yield_now();
    }
    let master = setup.start();
    assert_eq!(support::get(&master.target(), "/").0.generation, 1);
}

#[test]
fn a_unix_path_that_leads_to_something_else_is_refused_and_left_alone() {
    let mut setup = Setup::bare(Listening::Unix).program(&["true"]);
    fs::write(setup.path("precious"), "data").expect("a file");
    setup.listen(&unix(&setup, "precious"));
    refused(&setup).is(1, &["precious", "not a socket", "hint: "]);
    assert_eq!(fs::read_to_string(setup.path("precious")).expect("it is there"), "data");
}

#[test]
fn a_unix_path_that_is_too_long_is_refused() {
    let mut setup = Setup::bare(Listening::Unix).program(&["true"]);
    setup.listen(&unix(&setup, &"x".repeat(120)));
    refused(&setup).is(2, &["too long for a Unix socket", "107 bytes"]);
}

#[test]
fn a_unix_path_without_its_directory_is_refused() {
    let mut setup = Setup::bare(Listening::Unix).program(&["true"]);
    setup.listen(&unix(&setup, "missing/http"));
    refused(&setup).is(1, &["directory does not exist", "hint: create", "missing"]);
}

#[test]
fn a_unix_path_in_a_directory_that_is_not_ours_is_refused() {
    let mut setup = Setup::bare(Listening::Unix).program(&["true"]);
    fs::create_dir(setup.path("theirs")).expect("a directory");
    setup.listen(&unix(&setup, "theirs/http"));
    fs::set_permissions(setup.path("theirs"), fs::Permissions::from_mode(0o555)).expect("our directory");
    let setup = if nix::unistd::geteuid().is_root() { as_nobody(setup) } else { setup };
    refused(&setup).is(1, &["not writable", "hint: "]);
}

#[test]
fn a_program_that_is_not_there_or_cannot_be_run_is_refused() {
    let setup = listening_on("127.0.0.1:0").program(&["./missing"]);
    refused(&setup).is(1, &["./missing", "No such file"]);
    let setup = listening_on("127.0.0.1:0").program(&["no-such-program-anywhere"]);
    refused(&setup).is(1, &["no-such-program-anywhere", "PATH"]);
    fs::write(setup.path("plain"), "#!/bin/sh\n").expect("a file");
    let setup = setup.program(&["./plain"]);
    refused(&setup).is(1, &["plain", "not executable", "chmod +x"]);
    let setup = setup.program(&["./sockets"]);
    refused(&setup).is(1, &["sockets", "is no file"]);
}

#[test]
fn variables_that_cannot_be_read_are_refused() {
    let setup = listening_on("127.0.0.1:0");
    fs::write(setup.path("env"), "this is no variable\n").expect("a file");
    refused(&setup).is(1, &["env", "this is no variable"]);
    fs::remove_file(setup.path("env")).expect("it is there");
    refused(&setup).is(1, &["env", "No such file"]);
}

#[test]
fn too_few_descriptors_are_refused() {
    let setup = listening_on("127.0.0.1:0").workers(100).through(&["prlimit", "--nofile=256:256"]);
    refused(&setup).is(1, &["descriptors are needed", "256", "RLIMIT_NOFILE", "hint: ", "LimitNOFILE="]);
}

#[test]
fn a_second_master_with_the_same_pid_file_is_refused() {
    let setup = Setup::tcp();
    let pid_file = setup.path("pid");
    let master = setup.option("--pid-file", &pid_file).start();
    let second = listening_on("127.0.0.1:0").option("--pid-file", &pid_file);
    refused(&second).is(1, &["pid", "running master", &master.pid().to_string()]);
    assert_eq!(fs::read_to_string(&pid_file).expect("it is there").trim(), master.pid().to_string());
}

#[test]
fn misuse_is_told_with_status_2() {
    let heirloom = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_heirloom")).args(arguments).output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Refusal { status: output.status.code(), said }
    };
    heirloom(&["run"]).is(2, &["there is no program to run", "heirloom run -- ./server"]);
    heirloom(&["run", "--workers", "0", "--", "true"]).is(2, &["at least one worker"]);
    heirloom(&["run", "--workers", "many", "--", "true"]).is(2, &["auto"]);
    heirloom(&["run", "--listen", "nowhere", "--", "true"]).is(2, &["nowhere"]);
    heirloom(&["run", "--listen", "=8000", "--", "true"]).is(2, &["name"]);
    heirloom(&["run", "--settle", "soon", "--", "true"]).is(2, &["500ms"]);
    heirloom(&["run", "--lanes", "0", "--", "true"]).is(2, &["lanes"]);
    heirloom(&["run", "--output", "xml", "--", "true"]).is(2, &["json"]);
    heirloom(&["walk"]).is(2, &["walk"]);
}

#[test]
fn a_query_for_an_address_that_is_not_declared_is_refused_with_what_there_is() {
    let mut setup = Setup::bare(Listening::Tcp);
    setup.listen("http=127.0.0.1:0");
    setup.listen("admin=127.0.0.1:0");
    let worker = support::test_worker();
    let setup = setup.program(&[worker.to_str().expect("a path"), "--listen", "unix:/run/elsewhere"]);
    let master = setup.launch();
    let why = master.wait_for_deed("a refusal", |deed| match deed {
        heirloom::master::Deed::Refused { why, .. } => Some(why.clone()),
        _ => None,
    });
    assert!(why.contains("http") && why.contains("admin"), "{why}");
    assert_eq!(master.wait().code(), Some(1));
}

#[test]
fn a_listener_that_no_worker_takes_is_no_port_where_clients_wait_for_ever() {
    let mut setup = Setup::tcp();
    setup.listen("admin=127.0.0.2:0");
    let master = setup.launch();
    let (_, reason, _) = master.wait_until_given_up();
    assert!(reason.to_string().contains("admin"), "{reason}");
    assert_eq!(master.wait().code(), Some(1));
}
