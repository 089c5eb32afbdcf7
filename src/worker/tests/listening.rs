use std::os::unix::net::{UnixListener, UnixStream};

use super::*;

/// Plays the master on a thread of its own, while the worker waits here.
fn play<T: Send + 'static>(mut master: Master, part: impl FnOnce(&mut Master) -> T + Send + 'static) -> Played<T> {
    thread::spawn(move || {
        let outcome = part(&mut master);
        (master, outcome)
    })
}

type Played<T> = thread::JoinHandle<(Master, T)>;

#[tokio::test]
async fn a_query_is_granted_and_its_handle_accepts() {
    let (master, worker) = joined();
    let open = listener();
    let address = open.local_addr().unwrap();
    let master = play(master, move |master| master.grant(&open));
    let granted = soon(worker.listen(address)).await.unwrap();
    assert_eq!(granted.local_addr().unwrap(), address);
    let (_master, asked) = master.join().unwrap();
    assert_eq!(asked, address.into());
    let client = TcpStream::connect(address).unwrap();
    let (_stream, peer) = soon(granted.accept()).await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
}

#[tokio::test]
async fn a_unix_query_is_granted() {
    let (master, worker) = joined();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let open = UnixListener::bind(&path).unwrap();
    open.set_nonblocking(true).unwrap();
    let master = play(master, move |master| master.grant(&open));
    let granted = soon(worker.listen_unix(&path)).await.unwrap();
    let (_master, asked) = master.join().unwrap();
    assert_eq!(asked, Address::Unix(path.clone()));
    UnixStream::connect(&path).unwrap();
    soon(granted.accept()).await.unwrap();
}

#[tokio::test]
async fn a_handle_that_the_worker_was_born_with_is_named_by_its_number() {
    let (master, worker) = joined();
    let open = listener();
    let (address, fd) = (open.local_addr().unwrap(), open.as_raw_fd() as u16);
    let master = play(master, move |master| {
        let (ack, _) = master.asked();
        master.say(MasterMessage::Inherited { ack, key: "http".into(), fd });
    });
    let granted = soon(worker.listen(address)).await.unwrap();
    assert_eq!(granted.local_addr().unwrap(), address);
    master.join().unwrap();
}

#[tokio::test]
async fn a_refusal_carries_the_reason() {
    let (master, worker) = joined();
    let master = play(master, |master| master.refuse(98, "another program listens there"));
    let error = soon(worker.listen("127.0.0.1:80")).await.unwrap_err();
    assert_eq!(error.to_string(), "the master refused 127.0.0.1:80: another program listens there");
    assert!(matches!(error, ListenError::Refused { errno: 98, .. }));
    let master = play(master.join().unwrap().0, |master| master.refuse(98, ""));
    let error = soon(worker.listen(80)).await.unwrap_err();
    assert!(error.to_string().contains("Address already in use"), "{error}");
    master.join().unwrap();
}

#[tokio::test]
async fn a_query_ends_when_the_master_does() {
    let (master, worker) = joined();
    let master = thread::spawn(move || drop((master.asked(), master)));
    let error = soon(worker.listen(80)).await.unwrap_err();
    assert!(matches!(error, ListenError::MasterGone { .. }), "{error}");
    master.join().unwrap();
}

#[tokio::test]
async fn a_handle_of_another_kind_is_not_taken() {
    let (master, worker) = joined();
    let (stream, _) = UnixStream::pair().unwrap();
    let datagrams = net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = listener();
    let master = play(master, move |master| {
        master.grant(&stream);
        master.grant(&datagrams);
        master.grant(&tcp);
    });
    for _ in 0..2 {
        let error = soon(worker.listen(80)).await.unwrap_err();
        assert!(matches!(error, ListenError::WrongKind { .. }), "{error}");
    }
    let error = soon(worker.listen_unix("/run/app.sock")).await.unwrap_err();
    assert!(matches!(error, ListenError::WrongKind { .. }), "{error}");
    master.join().unwrap();
}

#[tokio::test]
async fn a_blocking_handle_is_not_given_to_the_runtime() {
    let (master, worker) = joined();
    let open = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let master = play(master, move |master| master.grant(&open));
    let error = soon(worker.listen(80)).await.unwrap_err();
    assert!(matches!(error, ListenError::Blocking { .. }), "{error}");
    master.join().unwrap();
}

#[tokio::test]
async fn a_grant_without_its_handle_is_an_error_and_no_silence() {
    let (master, worker) = joined();
    let master = play(master, |master| {
        let (ack, _) = master.asked();
        master.say(MasterMessage::Granted { ack, key: "http".into() });
    });
    let error = soon(worker.listen(80)).await.unwrap_err();
    assert!(matches!(error, ListenError::Lost { .. }), "{error}");
    master.join().unwrap();
}

#[tokio::test]
async fn what_is_no_address_is_not_asked() {
    let (mut master, worker) = joined();
    assert!(matches!(worker.listen("nowhere").await, Err(ListenError::Address(_))));
    assert!(matches!(worker.listen("unix:/run/a.sock").await, Err(ListenError::OtherKind { .. })));
    assert!(matches!(worker.listen_unix("").await, Err(ListenError::Address(_))));
    master.is_heard();
}

#[test]
fn a_relative_path_is_asked_for_from_the_root() {
    let (master, worker) = joined();
    let master = play(master, |master| {
        let (_, address) = master.asked();
        master.say(MasterMessage::Refused { ack: 1, errno: 2, message: String::new() });
        address
    });
    worker.listen_unix_blocking("app.sock").unwrap_err();
    let expected = std::env::current_dir().unwrap().join("app.sock");
    assert_eq!(master.join().unwrap().1, Address::Unix(expected));
}

#[test]
fn a_blocking_listener_accepts_until_the_worker_drains() {
    let (master, worker) = joined();
    let open = listener();
    let address = open.local_addr().unwrap();
    let master = play(master, move |master| master.grant(&open));
    let granted = worker.listen_blocking(address).unwrap();
    let (mut master, _) = master.join().unwrap();
    assert_eq!(granted.local_addr().unwrap(), address);

    let _client = TcpStream::connect(address).unwrap();
    granted.accept().expect("the worker serves").expect("a client has called");

    let waiting = thread::spawn(move || granted.incoming().count());
    master.say(MasterMessage::Drain { grace_ms: 1000 });
    assert_eq!(master.heard(), WorkerMessage::Draining);
    assert_eq!(waiting.join().unwrap(), 0);
    assert_eq!(master.heard(), WorkerMessage::Close { key: "http".into() });
}

#[test]
fn every_thread_that_waits_for_a_connection_is_told_to_leave() {
    let (mut master, worker) = joined();
    let directory = tempfile::tempdir().unwrap();
    let open = UnixListener::bind(directory.path().join("socket")).unwrap();
    open.set_nonblocking(true).unwrap();
    let answers = thread::spawn(move || {
        master.grant(&open);
        master
    });
    let granted = worker.listen_unix_blocking(directory.path().join("socket")).unwrap();
    let mut master = answers.join().unwrap();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| granted.incoming().count())).collect();
        master.say(MasterMessage::Drain { grace_ms: 1000 });
        for waiting in threads {
            assert_eq!(waiting.join().unwrap(), 0);
        }
    });
}

#[tokio::test]
async fn a_query_that_is_given_up_leaves_no_handle_behind() {
    let (master, worker) = joined();
    let asking = tokio::spawn({
        let worker = worker.clone();
        async move { worker.listen(80).await }
    });
    let (ack, mut master) = tokio::task::spawn_blocking(move || (master.asked().0, master)).await.unwrap();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    let (reader, writer) = io::pipe().unwrap();
    master.say_with(MasterMessage::Granted { ack, key: "http".into() }, &[writer.as_fd()]);
    drop(writer);
    let mut watched = [nix::poll::PollFd::new(reader.as_fd(), nix::poll::PollFlags::empty())];
    let limit = nix::poll::PollTimeout::try_from(LIMIT).unwrap();
    assert_eq!(nix::poll::poll(&mut watched, limit), Ok(1), "the handle is still open");
}

#[tokio::test]
async fn a_worker_and_what_it_waits_for_go_from_thread_to_thread() {
    fn goes<T: Send>(_: &T) {}
    let worker = Worker::alone().unwrap();
    goes(&worker);
    goes(&worker.listen("127.0.0.1:0"));
    goes(&worker.listen_unix("/run/app.sock"));
    goes(&worker.draining());
    goes(&worker.connections().map(|mut connections| async move { connections.next().await }));
    goes(&worker.listen_blocking("127.0.0.1:0").unwrap());
}
