//! Every way in which one request can end.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use super::super::{Failure, Load, Manner, Outcome, Plan, StartError, Tally, Target};
use super::server::{self, ANSWER, answer, close, closed_port, read_head, will_reset};
use super::{ANSWERED, GENEROUS, KEEP_ALIVE, client};

fn tally_of(plan: Plan) -> Tally {
    let load = Load::start(plan).unwrap();
    load.wait_for_the_end(GENEROUS).unwrap()
}

/// The counts of one request.
fn one(target: impl Into<Target>) -> Tally {
    tally_of(Plan { most: Some(1), ..Plan::on(target) })
}

fn one_failure(target: impl Into<Target>, failure: Failure) {
    let tally = one(target);
    assert_eq!(tally.failed, [(failure, 1)].into(), "{tally}");
    assert_eq!(tally.answered, 0, "{tally}");
}

#[test]
fn an_answer_is_counted_with_who_gave_it() {
    let target = server::tcp(|mut stream, _| {
        let head = read_head(&mut stream).unwrap();
        assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("connection: close\r\n"), "{head}");
        stream.write_all(ANSWER.as_bytes()).unwrap();
    });
    let tally = one(target);
    assert_eq!((tally.answered, tally.failures()), (1, 0), "{tally}");
    assert_eq!(tally.by_answer, [("1.0 77".to_owned(), 1)].into());
    assert!(tally.slowest() > Duration::ZERO);
}

#[test]
fn only_the_first_64_bytes_of_an_answers_first_line_count() {
    let target = server::tcp(|mut stream, _| {
        let body = "é".repeat(50);
        answer(&mut stream, &format!("HTTP/1.0 200 OK\r\n\r\n{body}"));
    });
    let tally = one(target);
    assert_eq!(tally.by_answer, [("é".repeat(32), 1)].into(), "{tally}");
}

#[test]
fn a_closed_port_refuses() {
    one_failure(closed_port(), Failure::Refused);
}

#[test]
fn a_missing_socket_file_is_told_from_a_refusal() {
    let directory = tempfile::tempdir().unwrap();
    one_failure(directory.path().join("none"), Failure::NoSuchPath);

    let abandoned = directory.path().join("abandoned");
    drop(std::os::unix::net::UnixListener::bind(&abandoned).unwrap());
    one_failure(abandoned, Failure::Refused);
}

#[test]
fn a_unix_socket_whose_queue_is_full_is_told_from_a_refusal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let _queued = std::os::unix::net::UnixStream::connect(&path).unwrap();
    one_failure(path, Failure::QueueFull);
}

#[test]
fn a_reset_before_the_answer_is_told() {
    let target = server::tcp(|mut stream, _| {
        read_head(&mut stream);
        will_reset(&stream);
    });
    one_failure(target, Failure::ResetBeforeAnswer);
}

#[test]
fn a_close_before_the_answer_is_told() {
    let target = server::tcp(|mut stream, _| {
        read_head(&mut stream);
        close(stream);
    });
    one_failure(target, Failure::ClosedBeforeAnswer);
}

#[test]
fn an_answer_that_is_closed_in_its_head_or_its_body_is_cut_short() {
    for sent in [1, 15, 30, ANSWER.len() - 1] {
        let target = server::tcp(move |mut stream, _| {
            answer(&mut stream, &ANSWER[..sent]);
            close(stream);
        });
        one_failure(target, Failure::CutShort);
    }
}

#[test]
fn an_answer_that_is_reset_in_its_body_is_cut_short() {
    // More than two sockets can hold: once it is written, the client has read some of it.
    const MUCH: usize = 64 << 20;
    let target = server::tcp(|mut stream, _| {
        answer(&mut stream, "HTTP/1.1 200 OK\r\n\r\n");
        stream.write_all(&vec![b'x'; MUCH]).unwrap();
        will_reset(&stream);
    });
    one_failure(target, Failure::CutShort);
}

#[test]
fn a_bad_status_is_a_failure_with_its_number() {
    for status in [404, 500, 503] {
        let target = server::tcp(move |mut stream, _| {
            answer(&mut stream, &format!("HTTP/1.1 {status} No\r\n\r\n"));
        });
        one_failure(target, Failure::BadStatus(status));
    }
}

#[test]
fn what_is_not_http_is_garbled() {
    for nonsense in
        ["-ERR unknown command\r\n\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n"]
    {
        let target = server::tcp(move |mut stream, _| {
            answer(&mut stream, nonsense);
            close(stream);
        });
        one_failure(target, Failure::Garbled);
    }
}

#[test]
fn a_server_that_never_answers_is_given_up_when_patience_ends() {
    let target = server::tcp(|mut stream, _| {
        stream.read_to_end(&mut Vec::new()).unwrap();
    });
    let tally = tally_of(Plan { most: Some(1), patience: Duration::from_millis(200), ..Plan::on(target) });
    assert_eq!(tally.failed, [(Failure::TimedOut, 1)].into(), "{tally}");
}

#[test]
fn an_upload_arrives_whole() {
    let target = server::tcp(|mut stream, _| {
        let head = read_head(&mut stream).unwrap();
        assert!(head.starts_with("POST / "), "{head}");
        assert!(head.contains("content-length: 100000\r\n"), "{head}");
        let mut body = vec![0; 100_000];
        stream.read_exact(&mut body).unwrap();
        stream.write_all(ANSWER.as_bytes()).unwrap();
    });
    let tally = tally_of(Plan { most: Some(1), body: Some(100_000), ..Plan::on(target) });
    assert_eq!(tally.answered, 1, "{tally}");
}

#[test]
fn keep_alive_uses_one_connection_for_many_requests() {
    let target = server::tcp(|mut stream, _| while answer(&mut stream, ANSWER) {});
    let tally = tally_of(Plan { most: Some(100), manner: KEEP_ALIVE, ..Plan::on(target) });
    assert_eq!((tally.answered, tally.connections), (100, 1), "{tally}");
}

#[test]
fn a_client_may_close_its_connection_after_some_requests() {
    let target = server::tcp(|mut stream, _| while answer(&mut stream, ANSWER) {});
    let tally = tally_of(Plan {
        most: Some(100),
        manner: Manner::KeepAlive { requests_per_connection: Some(10) },
        ..Plan::on(target)
    });
    assert_eq!((tally.answered, tally.connections), (100, 10), "{tally}");
    assert_eq!(tally.stale, 0, "{tally}");
}

#[test]
fn an_answer_that_says_close_is_followed_by_a_new_connection_and_nothing_is_stale() {
    for politely in [
        "HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    ] {
        let target = server::tcp(move |mut stream, _| {
            answer(&mut stream, politely);
        });
        let tally = tally_of(Plan { most: Some(20), manner: KEEP_ALIVE, ..Plan::on(target) });
        assert_eq!((tally.answered, tally.connections), (20, 20), "{tally}");
        assert_eq!((tally.stale, tally.failures()), (0, 0), "{tally}");
    }
}

#[tokio::test]
async fn an_idle_connection_that_is_closed_without_a_word_is_stale_and_no_request_fails() {
    for resets in [false, true] {
        let (closed, is_closed) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let may_go_on = Mutex::new(may_go_on);
        let target = server::tcp(move |mut stream, number| {
            assert!(answer(&mut stream, ANSWER));
            if number == 0 {
                may_go_on.lock().unwrap().recv().unwrap();
                if resets {
                    will_reset(&stream);
                }
                drop(stream);
                closed.send(()).unwrap();
            }
        });
        let (mut client, ledger) = client(target, KEEP_ALIVE);
        assert_eq!(client.request().await, ANSWERED);
        go_on.send(()).unwrap();
        is_closed.recv().unwrap();
        assert_eq!(client.request().await, ANSWERED);
        let tally = ledger.tally();
        assert_eq!((tally.stale, tally.connections), (1, 2), "{tally}");
        assert_eq!(tally.failures(), 0, "{tally}");
    }
}

#[tokio::test]
async fn a_close_that_crosses_a_request_is_a_failure() {
    for (resets, failure) in [(false, Failure::ClosedBeforeAnswer), (true, Failure::ResetBeforeAnswer)] {
        let target = server::tcp(move |mut stream, _| {
            assert!(answer(&mut stream, ANSWER));
            read_head(&mut stream);
            if resets {
                will_reset(&stream);
            }
        });
        let (mut client, ledger) = client(target, KEEP_ALIVE);
        assert_eq!(client.request().await, ANSWERED);
        assert_eq!(client.request().await, Outcome::Failed(failure));
        assert_eq!(client.request().await, ANSWERED);
        let tally = ledger.tally();
        assert_eq!((tally.stale, tally.connections), (0, 2), "{tally}");
    }
}

#[test]
fn a_unix_socket_is_a_target_like_any_other() {
    let directory = tempfile::tempdir().unwrap();
    let target = server::unix(&directory.path().join("socket"), |mut stream, _| while answer(&mut stream, ANSWER) {});
    for manner in [Manner::OneShot, KEEP_ALIVE] {
        let tally = tally_of(Plan { most: Some(10), manner, ..Plan::on(target.clone()) });
        assert_eq!((tally.answered, tally.failures()), (10, 0), "{tally}");
    }
}

#[test]
fn a_load_goes_to_this_machine_only() {
    for address in ["192.0.2.1:80", "0.0.0.0:80", "[::]:80", "[2001:db8::1]:80"] {
        let target = Target::Tcp(address.parse().unwrap());
        let refused = Load::start(Plan::on(target)).unwrap_err();
        assert!(matches!(refused, StartError::NotLoopback { .. }), "{address}");
    }
    for address in ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
        assert!(Target::Tcp(address.parse().unwrap()).is_local(), "{address}");
    }
}

#[test]
fn a_path_that_http_cannot_carry_is_refused() {
    for path in ["", "no-slash", "/with space", "*"] {
        let plan = Plan { path: path.to_owned(), ..Plan::on(closed_port()) };
        let refused = Load::start(plan).unwrap_err();
        assert!(matches!(refused, StartError::BadPath { .. }), "{path:?}");
    }
}
