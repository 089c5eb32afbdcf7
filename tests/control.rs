//! The control socket: whoever asks for a change learns what became of it, whoever looks sees what is, and whoever is
//! slow, silent or rude costs only himself.
#![cfg(all(target_os = "linux", feature = "program"))]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::thread;

use heirloom::control::model::{
    AttemptOutcome, EventsQuery, GenerationState, LaneState, LogsQuery, MasterState, Outcome, Reload, Scale, Status,
    Told, Wait,
};
use heirloom::control::{AskError, Client, Unreachable};
use heirloom::master::{Deed, What};
use heirloom::supervision::{GenerationId, Notice};
use support::{Gate, LIMIT, Master, Setup};

fn status(master: &Master) -> Status {
    master.ask(async |client| client.status().await).expect("it answers")
}

fn reload(master: &Master, reload: Reload) -> heirloom::control::model::Answer {
    master.ask(async |client| client.reload(&reload).await).expect("it answers")
}

fn connected(master: &Master) -> UnixStream {
    UnixStream::connect(master.socket()).expect("it listens")
}

#[test]
fn the_status_tells_what_runs_and_where() {
    let master = Setup::tcp().brisk().workers(2).start();
    let status = status(&master);
    assert_eq!((status.name.as_str(), status.pid, status.state), ("heirloom", master.pid(), MasterState::Serving));
    assert_eq!((status.serving, status.rising, status.reloads.promoted), (Some(1), None, 1));
    let generation = &status.generations[0];
    assert_eq!((generation.state, generation.ready, generation.total), (GenerationState::Serving, 2, 2));
    assert_eq!(generation.origin.by, "start");
    let program = &generation.release.as_ref().expect("it is known").program;
    assert_eq!(*program, support::test_worker().canonicalize().expect("it is there"));
    assert!(generation.rss_bytes.is_some_and(|bytes| bytes > 0) && generation.cpu_seconds.is_some());
    let pids: Vec<u32> = generation.workers.iter().filter_map(|worker| worker.pid).collect();
    assert_eq!(pids, master.workers_of(GenerationId(1)).iter().map(|(_, pid)| *pid).collect::<Vec<_>>());
    let listener = &status.listeners[0];
    assert_eq!((listener.name.as_str(), listener.address.clone()), ("http", master.address_of("http").to_string()));
    assert_eq!(listener.lanes.iter().filter(|lane| lane.state == LaneState::Free).count(), 3);
    assert!(listener.queue_limit > 0 && listener.overflows == Some(0) && listener.strangers.is_empty());
}

#[test]
fn curl_is_enough() {
    let master = Setup::unix().brisk().start();
    assert_eq!(master.curl_json("/v1/status", &[])["serving"], 1);
    let answer = master.curl_json("/v1/reload", &["--data", r#"{"reason": "release 2"}"#]);
    assert_eq!((answer["outcome"].as_str(), answer["generation"].as_u64()), (Some("promoted"), Some(2)));
    let history = master.curl_json("/v1/history", &[]);
    let origin = &history["attempts"][1]["origin"];
    assert_eq!(origin["reason"], "release 2");
    assert!(origin["by"].as_str().is_some_and(|by| by.starts_with("reload by ") && by.contains("pid ")), "{origin}");
    assert_eq!(master.curl_status("/v1/reload", &[]), "405");
    assert_eq!(master.curl_status("/v1/nothing", &[]), "404");
    assert_eq!(master.curl_status("/v1/events?sinse=1", &[]), "400");
    let form = ["--header", "Content-Type: text/plain", "--data", "{}"];
    assert_eq!(master.curl_status("/v1/stop", &form), "415");
    assert_eq!(master.curl_status("/v1/reload", &["--data", r#"{"resaon": "a slip"}"#]), "400");
    let problem = master.curl_json("/v1/scale", &["--data", "{}"]);
    assert_eq!((problem["status"].as_u64(), problem["title"].as_str()), (Some(400), Some("Bad Request")));
}

#[test]
fn whoever_asks_for_a_bad_release_is_told_why_and_what_it_said_last() {
    let master = Setup::tcp().brisk().option("--ready-grace", "1s").start();
    for (conduct, why, said) in [
        ("crash", "exited with status 9", Some("the database of release 2 is not there")),
        ("crash-late", "exited with status 9", Some("the migration of release 2 fails")),
        ("hang", "was not ready within 1 s", None),
    ] {
        master.release(2, conduct);
        let answer = reload(&master, Reload::default());
        assert_eq!((answer.outcome, answer.serving, answer.slot), (Outcome::Rejected, Some(1), Some(0)), "{answer:?}");
        assert!(answer.why.as_deref().is_some_and(|it| it.contains(why)), "{answer:?}");
        assert_eq!(answer.last_lines.last().map(String::as_str), said);
    }
    fs::remove_file(master.path("env")).expect("it is there");
    let answer = reload(&master, Reload::default());
    assert_eq!((answer.outcome, answer.slot), (Outcome::Rejected, None));
    let history = master.ask(async |client| client.history().await).expect("it answers");
    let outcomes: Vec<AttemptOutcome> = history.attempts.iter().map(|attempt| attempt.outcome).collect();
    let mut expected = vec![AttemptOutcome::Promoted];
    expected.extend([AttemptOutcome::Rejected; 4]);
    assert_eq!(outcomes, expected);
    assert_eq!(status(&master).reloads.rejected, 4);
}

#[test]
fn whoever_waits_for_the_end_of_the_old_is_told_of_it_or_of_a_rollback() {
    let master = Setup::tcp().option("--settle", "100ms").option("--warm", "1s").start();
    let wait = || Reload { wait: Wait::Drained, ..Reload::default() };
    let answer = reload(&master, wait());
    assert_eq!((answer.outcome, answer.generation, answer.previous), (Outcome::Drained, Some(2), Some(1)));
    assert_eq!(status(&master).generations.len(), 1);
    master.release(3, "crash-when-promoted");
    let answer = reload(&master, Reload { reason: Some("a bad one".into()), ..wait() });
    assert_eq!((answer.outcome, answer.serving), (Outcome::RolledBack, Some(2)), "{answer:?}");
    assert_eq!(answer.last_lines, ["release 3 is here", "release 3 cannot stand its clients"]);
    master.release(4, "");
    assert_eq!(reload(&master, Reload::default()).outcome, Outcome::Promoted);
}

#[test]
fn whoever_does_not_wait_is_told_what_goes_on_and_can_give_it_up() {
    let setup = Setup::tcp().brisk();
    let gate = Gate::in_directory(setup.place.path());
    let master = setup.start();
    master.release(2, "wait");
    let answer = reload(&master, Reload { wait: Wait::None, ..Reload::default() });
    assert_eq!((answer.outcome, answer.generation), (Outcome::GoingOn, Some(2)));
    let answer = reload(&master, Reload { timeout_seconds: Some(0.1), ..Reload::default() });
    assert_eq!((answer.outcome, answer.generation), (Outcome::GoingOn, None));
    assert_eq!(answer.why.as_deref(), Some("it waits for the outcome of generation 2"));
    let now = status(&master);
    assert!(now.state == MasterState::Reloading && now.rising == Some(2) && now.reload_waits, "{now:?}");
    master.release(3, "");
    let answer = master.ask(async |client| client.abort(&Default::default()).await).expect("it answers");
    assert_eq!(answer.outcome, Outcome::Done);
    assert_eq!(master.wait_until_given_up().0, GenerationId(2));
    assert_eq!(master.wait_for_promotion().0, GenerationId(3));
    let _open = gate.open(); // whoever still waits there may go
}

#[test]
fn it_scales_to_a_number_or_by_one() {
    let master = Setup::tcp().brisk().workers(2).start();
    let scale = |scale: Scale| master.ask(async |client| client.scale(&scale).await);
    let to = |workers| Scale { workers: Some(workers), ..Scale::default() };
    assert_eq!(scale(to(4)).expect("it answers").workers, Some(4));
    let by = |by| Scale { by: Some(by), ..Scale::default() };
    assert_eq!(scale(by(-1)).expect("it answers").workers, Some(3));
    assert_eq!(scale(to(0)).expect("it answers").outcome, Outcome::Refused);
    let error = scale(to(1_000_000)).expect_err("that many cannot be").to_string();
    assert!(error.contains("1000000 workers are too many"), "{error}");
    assert!(matches!(scale(Scale::default()), Err(AskError::Problem(problem)) if problem.status == 400));
}

#[test]
fn a_storm_of_callers_is_told_the_outcome_of_the_generation_that_has_its_release() {
    let master = Setup::tcp().brisk().start();
    let answers: Vec<_> = thread::scope(|scope| {
        let callers: Vec<_> = (0..100).map(|_| scope.spawn(|| reload(&master, Reload::default()))).collect();
        callers.into_iter().map(|caller| caller.join().expect("it is answered")).collect()
    });
    let started: Vec<_> = master.notices().into_iter().filter(|(it, _)| matches!(it, Notice::Rising { .. })).collect();
    assert!(answers.iter().all(|answer| answer.outcome == Outcome::Promoted));
    let newest = answers.iter().filter_map(|answer| answer.generation).max();
    assert_eq!(newest, status(&master).serving);
    assert!(started.len() < 100, "a storm is not a hundred reloads: {}", started.len());
}

#[test]
fn events_can_be_followed_from_any_point_as_lines_and_as_server_sent() {
    let master = Setup::tcp().brisk().start();
    let since = status(&master).latest_event;
    let told = master.ask(async |client| {
        let what = EventsQuery { since: Some(since), follow: true, ..EventsQuery::default() };
        let mut events = client.events(&what).await?;
        client.reload(&Reload::default()).await?;
        let mut notices = Vec::new();
        while let Some(Told::Report(report)) = events.next().await? {
            assert!(report.id > since);
            let is_last = matches!(report.what, What::Rules(Notice::Gone { .. }));
            notices.push(report.what);
            if is_last {
                break;
            }
        }
        Ok(notices)
    });
    let told = told.expect("it is told");
    assert!(matches!(told.first(), Some(What::Rules(Notice::Rising { generation: GenerationId(2), .. }))), "{told:?}");
    assert!(!told.iter().any(|what| matches!(what, What::Deeds(Deed::Line { .. }))), "{told:?}");
    let accept = ["--header", "Accept: text/event-stream", "--header", &format!("Last-Event-ID: {since}")];
    let text = master.curl_text("/v1/events", &accept);
    let first = format!("id: {}\ndata: {{\"id\":{},", since + 1, since + 1);
    assert!(text.starts_with(&first) && text.ends_with("}\n\n"), "{text}");
}

#[test]
fn an_event_stream_ends_with_the_master() {
    let master = Setup::tcp().brisk().start();
    let mut stream = connected(&master);
    stream.write_all(b"GET /v1/events?follow=true HTTP/1.0\r\n\r\n").expect("it is sent");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert_eq!(lines.next().as_deref(), Some("HTTP/1.0 200 OK"));
    assert_eq!(master.curl_json("/v1/stop", &["--data", r#"{"reason": "enough"}"#])["outcome"], "done");
    let rest: Vec<String> = lines.collect();
    assert!(rest.last().is_some_and(|line| line.contains(r#""notice":"ended""#)), "{rest:?}");
    let socket = master.socket();
    assert_eq!(master.wait().code(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn logs_are_what_workers_write() {
    let master = Setup::tcp().brisk().workers(2).start();
    master.release(2, "");
    reload(&master, Reload::default());
    let logs = |what: LogsQuery| {
        let lines = master.ask(async |client| {
            let (mut told, mut lines) = (client.logs(&what).await?, Vec::new());
            while let Some(Told::Report(report)) = told.next().await? {
                if let What::Deeds(Deed::Line { generation, slot, line, .. }) = report.what {
                    lines.push((generation.0, slot.0, line));
                }
            }
            lines.sort();
            Ok(lines)
        });
        lines.expect("they are told")
    };
    let line = |generation, slot| (generation, slot, format!("release {generation} is here"));
    assert_eq!(logs(LogsQuery::default()), [line(1, 0), line(1, 1), line(2, 0), line(2, 1)]);
    assert_eq!(logs(LogsQuery { generation: Some(2), slot: Some(1), ..LogsQuery::default() }), [line(2, 1)]);
    assert_eq!(logs(LogsQuery { last: Some(0), ..LogsQuery::default() }), []);
}

#[test]
fn sockets_tells_who_holds_each_lane() {
    let master = Setup::tcp().brisk().workers(2).start();
    let sockets = master.ask(async |client| client.sockets().await).expect("it answers");
    let lane = &sockets.listeners[0].lanes[0];
    assert_eq!((lane.state, lane.generation, lane.steered), (LaneState::Taken, Some(1), true));
    let mut holders: Vec<(u32, Option<&str>)> = lane.holders.iter().map(|it| (it.pid, it.seat.as_deref())).collect();
    holders.sort_by_key(|(_, seat)| *seat);
    let workers = master.workers_of(GenerationId(1));
    assert_eq!(holders, [(workers[0].1, Some("1.0")), (workers[1].1, Some("1.1"))]);
    assert_eq!(lane.why_not_free.as_deref(), Some("generation 1 serves"));
    assert!(sockets.listeners[0].lanes[1].holders.is_empty());
}

#[test]
fn a_second_master_is_refused_with_the_pid_of_the_first() {
    let master = Setup::tcp().brisk().start();
    let output = master.setup.command("json").output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("belongs to a running master, pid {}", master.pid())), "{told}");
    assert!(told.contains("--name"), "{told}");
    assert_eq!(status(&master).pid, master.pid());
}

#[test]
fn a_socket_that_a_dead_master_left_is_known_to_be_stale_and_taken_over() {
    let setup = Setup::tcp().brisk();
    let socket = setup.path("control.sock");
    let connect = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let error = runtime.block_on(Client::connect(&socket, LIMIT)).expect_err("nobody listens");
        assert!(error.is_no_master(), "{error}");
        error.why
    };
    assert!(matches!(connect(), Unreachable::NoSocket));
    fs::write(&socket, "no socket").expect("a file");
    assert!(matches!(connect(), Unreachable::NotAHeirloom));
    fs::remove_file(&socket).expect("it is there");
    drop(UnixListener::bind(&socket).expect("a socket"));
    assert!(matches!(connect(), Unreachable::NobodyListens));
    let master = setup.start();
    assert_eq!(status(&master).pid, master.pid());
    drop(master);
    assert!(matches!(connect(), Unreachable::NoSocket));
}

#[test]
fn others_are_refused_even_if_somebody_opened_the_socket_to_all() {
    let master = Setup::tcp().brisk().start();
    let mode = |path: &std::path::Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&master.socket()), 0o600);
    let as_nobody = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "curl", "--silent", "--unix-socket"]);
        command.arg(master.socket()).args(["--write-out", "%{http_code}", "http://heirloom/v1/stop", "--data", "{}"]);
        String::from_utf8(command.output().expect("setpriv is there").stdout).expect("text")
    };
    fs::set_permissions(master.setup.place.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    assert_eq!(as_nobody(), "000", "the kernel does not let him in");
    fs::set_permissions(master.socket(), fs::Permissions::from_mode(0o666)).expect("it is ours");
    let told = as_nobody();
    assert!(told.ends_with("403") && told.contains("not for uid 65534"), "{told}");
    let logged = master.log.wait_for_line("the control socket is not for");
    assert!(logged.contains("uid 65534"), "{logged}");
    assert_eq!(status(&master).state, MasterState::Serving);
}

#[test]
fn a_group_may_be_let_in() {
    let master = Setup::tcp().brisk().option("--control-group", "65533").start();
    fs::set_permissions(master.setup.place.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let as_nobody = |groups: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", groups, "curl", "--silent", "--unix-socket"]);
        command.arg(master.socket()).args(["--write-out", "%{http_code}", "--output", "/dev/null"]);
        let output = command.arg("http://heirloom/v1/status").output().expect("setpriv is there");
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!((as_nobody("--groups=65533").as_str(), as_nobody("--clear-groups").as_str()), ("200", "000"));
}

#[test]
fn a_thousand_idle_clients_and_one_that_sends_a_byte_a_second_hinder_nobody() {
    let master = Setup::tcp().brisk().workers(1).start();
    let idle: Vec<UnixStream> = (0..1000).map(|_| connected(&master)).collect();
    let mut slow = connected(&master);
    slow.write_all(b"G").expect("it is sent");
    assert_eq!(status(&master).serving, Some(1));
    let workers = Scale { workers: Some(3), ..Scale::default() };
    assert_eq!(master.ask(async |client| client.scale(&workers).await).expect("it answers").workers, Some(3));
    master.wait_until_ready();
    master.wait_until_ready();
    let _ = slow.write_all(b"E"); // it may be over for him
    assert_eq!(reload(&master, Reload::default()).outcome, Outcome::Promoted);
    drop(idle);
    assert_eq!(status(&master).serving, Some(2));
}

#[test]
fn rude_clients_are_told_or_cut_off() {
    let master = Setup::tcp().brisk().start();
    let told = |request: &[u8]| {
        let mut stream = connected(&master);
        let _ = stream.write_all(request); // it may be cut off before the end
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(told(b"\x16\x03\x01garbage\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    let huge = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(100_000));
    assert_eq!(told(huge.as_bytes()), "HTTP/1.1 431 Request Header Fields Too Large");
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1000));
    assert_eq!(told(many.as_bytes()), "HTTP/1.1 431 Request Header Fields Too Large");
    assert_eq!(told(b"GET /v1/status HTTP/1.1\r\nHost: x"), "");
    let long = format!("POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    assert_eq!(told(long.as_bytes()), "HTTP/1.1 413 Payload Too Large");
    assert_eq!(
        told(b"POST /v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{]}"),
        "HTTP/1.1 400 Bad Request"
    );
    assert_eq!(status(&master).generations.len(), 1);
}

#[test]
fn who_reads_events_too_slowly_is_told_what_he_missed_and_holds_up_nobody() {
    let chatter = "import sys\nwhile True: print('x' * 900)";
    let master = Setup::bare(support::Listening::Tcp).brisk().program(&["python3", "-c", chatter]).launch();
    master.wait_for_promotion();
    let mut slow = connected(&master);
    slow.write_all(b"GET /v1/logs?follow=true HTTP/1.0\r\n\r\n").expect("it is sent");
    let first = status(&master).latest_event;
    while status(&master).latest_event < first + 3000 {
        thread::yield_now();
    }
    slow.set_read_timeout(Some(LIMIT)).expect("a time");
    let missed = BufReader::new(slow).lines().map_while(Result::ok).find(|line| line.contains(r#""notice":"missed""#));
    assert!(missed.is_some_and(|line| line.contains("after")));
}

#[test]
fn without_a_place_it_goes_on_without_a_socket_unless_one_is_named() {
    let setup = Setup::tcp().brisk();
    let nowhere = setup.path("no/such/directory/c.sock");
    let mut command = setup.command("json");
    command.env("HEIRLOOM_SOCKET", &nowhere);
    let output = command.output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("its directory does not exist"), "{told}");
}

#[test]
fn where_there_is_no_place_it_says_so_and_runs_without_one() {
    let mut setup = Setup::tcp().brisk().through(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    fs::set_permissions(setup.place.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    for (program, name) in [(&setup.heirloom, "heirloom"), (&support::test_worker(), "worker")] {
        fs::copy(program, setup.path(name)).expect("a copy"); // where he can read it
    }
    setup.heirloom = setup.path("heirloom");
    let program = setup.path("worker").display().to_string();
    let setup = setup.program(&[&program, "--listen", "127.0.0.1:0"]);
    let mut command = setup.command("text");
    command.env_remove("HEIRLOOM_SOCKET").env_remove("XDG_RUNTIME_DIR").env_remove("RUNTIME_DIRECTORY");
    let master = Master::start(setup, command);
    let told = master.log.wait_for_line("there is no place for a control socket");
    assert!(told.contains("/run/heirloom") && told.contains("--socket"), "{told}");
    master.log.wait_for_line("generation 1 serves");
    assert!(!master.socket().exists());
}

#[test]
fn a_stranger_on_the_same_port_is_shown() {
    use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, sockopt};
    use nix::sys::socket::{bind, listen, setsockopt, socket};
    use std::os::fd::AsRawFd;
    let master = Setup::tcp().brisk().start();
    let stranger = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).expect("a socket");
    setsockopt(&stranger, sockopt::ReusePort, &true).expect("it is possible");
    bind(stranger.as_raw_fd(), &SockaddrStorage::from(master.address_of("http"))).expect("the same user may");
    listen(&stranger, Backlog::new(1).expect("a number")).expect("it listens");
    let shown = status(&master).listeners[0].strangers.clone();
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].pid, &shown[0].address), (Some(std::process::id()), &master.address_of("http").to_string()));
    drop(stranger);
    assert_eq!(status(&master).listeners[0].strangers, []);
}

#[test]
fn the_answer_comes_before_a_master_that_is_asked_to_stop_has_gone() {
    let master = Setup::tcp().brisk().start();
    let answer = master.ask(async |client| client.stop(&Default::default()).await).expect("it answers");
    assert_eq!(answer.outcome, Outcome::Done);
    assert_eq!(master.wait().code(), Some(0));
}
