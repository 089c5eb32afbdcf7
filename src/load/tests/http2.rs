//! HTTP/2, against a server that knows just enough frames.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;

use super::super::{Failure, Load, Manner, Plan, Tally, Target};
use super::{ANSWERED, GENEROUS, client, server};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status 200` in HPACK's static table.
const STATUS_200: u8 = 0x88;

fn send(stream: &mut TcpStream, kind: u8, flags: u8, id: u32, payload: &[u8]) {
    let mut frame = Vec::new();
    frame.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    frame.extend([kind, flags]);
    frame.extend(id.to_be_bytes());
    frame.extend(payload);
    // The client may be gone.
    let _ = stream.write_all(&frame);
}

fn answer(stream: &mut TcpStream, id: u32) {
    send(stream, HEADERS, END_HEADERS, id, &[STATUS_200]);
    send(stream, DATA, END_STREAM, id, b"2.0 99\n");
}

fn go_away(stream: &mut TcpStream, last: u32) {
    let mut payload = last.to_be_bytes().to_vec();
    payload.extend([0; 4]);
    send(stream, GOAWAY, 0, 0, &payload);
}

/// The id of the next request; `None` at the end of the connection.
fn next_request(stream: &mut TcpStream) -> Option<u32> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let size = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; size as usize];
        stream.read_exact(&mut payload).ok()?;
        if head[3] == HEADERS {
            return Some(u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        }
    }
}

fn server(serve: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Target {
    server::tcp(move |mut stream, _| {
        stream.set_nodelay(true).unwrap();
        let mut preface = [0; 24];
        if stream.read_exact(&mut preface).is_ok() {
            send(&mut stream, SETTINGS, 0, 0, &[]);
            serve(&mut stream);
        }
        server::close(stream);
    })
}

fn tally_of(target: Target, most: u64) -> Tally {
    let load = Load::start(Plan { manner: Manner::Http2, most: Some(most), ..Plan::on(target) }).unwrap();
    load.wait_for_the_end(GENEROUS).unwrap()
}

#[test]
fn http2_uses_one_connection_for_many_requests() {
    let target = server(|stream| {
        while let Some(id) = next_request(stream) {
            answer(stream, id);
        }
    });
    let tally = tally_of(target, 50);
    assert_eq!((tally.answered, tally.connections), (50, 1), "{tally}");
    assert_eq!(tally.by_answer, [("2.0 99".to_owned(), 50)].into());
}

#[test]
fn a_goaway_is_followed_by_a_new_connection_and_nothing_is_stale() {
    let target = server(|stream| {
        let id = next_request(stream).unwrap();
        go_away(stream, id);
        answer(stream, id);
        next_request(stream);
    });
    let tally = tally_of(target, 20);
    assert_eq!((tally.answered, tally.connections), (20, 20), "{tally}");
    assert_eq!((tally.stale, tally.failures()), (0, 0), "{tally}");
}

#[test]
fn a_request_that_a_goaway_disowns_is_closed_before_its_answer() {
    let target = server(|stream| {
        next_request(stream).unwrap();
        go_away(stream, 0);
    });
    let tally = tally_of(target, 1);
    assert_eq!(tally.failed, [(Failure::ClosedBeforeAnswer, 1)].into(), "{tally}");
}

#[test]
fn a_stream_that_is_reset_is_told_from_a_connection_that_is_closed() {
    let target = server(|stream| {
        let id = next_request(stream).unwrap();
        send(stream, RST_STREAM, 0, id, &[0, 0, 0, 2]);
        next_request(stream);
    });
    let tally = tally_of(target, 1);
    assert_eq!(tally.failed, [(Failure::ResetBeforeAnswer, 1)].into(), "{tally}");

    let target = server(|stream| assert!(next_request(stream).is_some()));
    let tally = tally_of(target, 1);
    assert_eq!(tally.failed, [(Failure::ClosedBeforeAnswer, 1)].into(), "{tally}");
}

#[test]
fn an_http2_answer_without_its_end_is_cut_short() {
    let target = server(|stream| {
        let id = next_request(stream).unwrap();
        send(stream, HEADERS, END_HEADERS, id, &[STATUS_200]);
        send(stream, DATA, 0, id, b"2.0");
    });
    let tally = tally_of(target, 1);
    assert_eq!(tally.failed, [(Failure::CutShort, 1)].into(), "{tally}");
}

#[test]
fn a_server_that_speaks_only_http1_is_garbled_to_an_http2_client() {
    let target = server::tcp(|mut stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        server::close(stream);
    });
    let tally = tally_of(target, 1);
    assert_eq!(tally.failed, [(Failure::Garbled, 1)].into(), "{tally}");
}

#[tokio::test]
async fn an_idle_http2_connection_that_is_closed_without_a_goaway_is_stale() {
    let (closed, is_closed) = mpsc::channel();
    let target = server(move |stream| {
        let id = next_request(stream).unwrap();
        answer(stream, id);
        stream.shutdown(Shutdown::Write).unwrap();
        closed.send(()).unwrap();
    });
    let (mut client, ledger) = client(target, Manner::Http2);
    for _ in 0..2 {
        assert_eq!(client.request().await, ANSWERED);
        is_closed.recv().unwrap();
    }
    let tally = ledger.tally();
    assert_eq!((tally.stale, tally.connections), (1, 2), "{tally}");
    assert_eq!(tally.failures(), 0, "{tally}");
}
