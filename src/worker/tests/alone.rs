use std::os::unix::net::UnixStream;

use super::*;

#[tokio::test]
async fn a_worker_that_is_alone_binds_by_itself() {
    let worker = Worker::alone().unwrap();
    let listener = worker.listen("127.0.0.1:0").await.unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    soon(listener.accept()).await.unwrap();

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = worker.listen_unix(&path).await.unwrap();
    let _client = UnixStream::connect(&path).unwrap();
    soon(listener.accept()).await.unwrap();

    let name = format!("@heirloom-test-{}", std::process::id());
    worker.listen_unix(&name).await.unwrap();
}

#[tokio::test]
async fn a_worker_that_is_alone_serves_from_the_start() {
    let worker = Worker::alone().unwrap();
    assert_eq!(worker.stage(), Stage::Serving);
    assert_eq!((worker.id(), worker.generation(), worker.slot()), (None, None, None));
    assert!(!worker.is_supervised());
    soon(worker.promoted()).await;
    worker.ready().unwrap();
    worker.status(Status::default());
    worker.on_master_death(OnMasterDeath::Exit);
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_its_reason() {
    let worker = Worker::alone().unwrap();
    let first = worker.listen("127.0.0.1:0").await.unwrap();
    match worker.listen(first.local_addr().unwrap()).await {
        Err(ListenError::Bind { source, .. }) => assert_eq!(source.kind(), io::ErrorKind::AddrInUse),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_blocking_listener_ends_when_the_application_drains_by_itself() {
    let worker = Worker::alone().unwrap();
    let listener = worker.listen_blocking("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.accept().expect("the worker serves").expect("a client has called");
    let waiting = thread::spawn(move || listener.incoming().count());
    worker.drain(Duration::ZERO);
    assert_eq!(waiting.join().unwrap(), 0);
}
