use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use super::*;

/// Passes a connection, and gives back the client's side and the number of the message.
fn pass(master: &mut Master) -> (UnixStream, u64) {
    let (client, accepted) = UnixStream::pair().unwrap();
    let seq = master.say_with(MasterMessage::NewConn { key: "http".into() }, &[accepted.as_fd()]);
    (client, seq)
}

#[test]
fn a_connection_that_nobody_takes_is_given_back_at_once() {
    let (mut master, _worker) = joined();
    let (mut client, ack) = pass(&mut master);
    assert_eq!(master.heard(), WorkerMessage::Accepted { ack, accepted: false });
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[tokio::test]
async fn a_connection_is_accepted_when_it_is_taken() {
    let (mut master, worker) = joined();
    let mut connections = worker.connections().expect("nobody has them");
    let (mut client, ack) = pass(&mut master);
    let passed = soon(connections.next()).await.expect("the worker serves");
    assert_eq!(master.heard(), WorkerMessage::Accepted { ack, accepted: true });
    assert_eq!(passed.key, "http");
    UnixStream::from(passed.socket).write_all(b"hello").unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
}

#[test]
fn there_is_one_taker_at_a_time() {
    let (_master, worker) = joined();
    let first = worker.connections();
    assert!(first.is_some());
    assert!(worker.connections().is_none());
    drop(first);
    assert!(worker.connections().is_some());
}

#[tokio::test]
async fn what_a_taker_leaves_behind_is_given_back() {
    let (mut master, worker) = joined();
    let mut connections = worker.connections().expect("nobody has them");
    let (_first, first) = pass(&mut master);
    let (_second, second) = pass(&mut master);
    soon(connections.next()).await.expect("the worker serves");
    drop(connections);
    assert_eq!(master.heard(), WorkerMessage::Accepted { ack: first, accepted: true });
    assert_eq!(master.heard(), WorkerMessage::Accepted { ack: second, accepted: false });
}

#[tokio::test]
async fn connections_end_when_the_worker_drains_and_none_waits() {
    let (mut master, worker) = joined();
    let mut connections = worker.connections().expect("nobody has them");
    let (_first, first) = pass(&mut master);
    master.say(MasterMessage::Drain { grace_ms: 1000 });
    let (_second, second) = pass(&mut master);
    assert_eq!(master.heard(), WorkerMessage::Draining);
    assert_eq!(master.heard(), WorkerMessage::Accepted { ack: second, accepted: false });
    assert!(soon(connections.next()).await.is_some());
    assert_eq!(master.heard(), WorkerMessage::Accepted { ack: first, accepted: true });
    assert!(soon(connections.next()).await.is_none());
    drop(connections);
    assert!(soon(worker.connections().expect("nobody has them").next()).await.is_none());
}

#[test]
fn a_connection_whose_descriptor_is_missing_is_not_accepted() {
    let (mut master, worker) = joined();
    let _connections = worker.connections();
    let ack = master.say(MasterMessage::NewConn { key: "http".into() });
    assert_eq!(master.heard(), WorkerMessage::Accepted { ack, accepted: false });
}
