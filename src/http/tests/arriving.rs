use std::os::unix::net::UnixStream;

use super::*;

#[tokio::test]
async fn a_handler_knows_its_client() {
    let server = Server::start();
    let mut client = server.client().await;
    let address = client.0.local_addr().unwrap();
    assert_eq!(client.ask("/who").await.body, address.to_string());
}

#[tokio::test]
async fn a_service_that_panics_answers_500_and_serves_on() {
    let server = Server::start();
    let mut client = server.client().await;
    assert_eq!(client.ask("/panic").await.status, 500);
    assert_eq!(client.ask("/").await.status, 200);
}

#[tokio::test]
async fn a_connection_that_the_master_passes_is_served() {
    let (mut master, worker) = joined();
    let open = listener();
    let mut client = Wire(TcpStream::connect(open.local_addr().unwrap()).await.unwrap());
    let (passed, _) = open.accept().unwrap();
    let listener = TcpListener::from_std(open).unwrap();
    let _serving = tokio::spawn(async move { serve(&worker, listener, app().1).await });
    tokio::task::yield_now().await;
    let ack = master.say_with(MasterMessage::NewConn { key: "http".into() }, &[passed.as_fd()]);
    drop(passed);
    assert_eq!(client.ask("/").await.status, 200);
    let heard = tokio::task::spawn_blocking(move || {
        let mut said = std::iter::repeat_with(|| master.heard());
        said.find(|message| !matches!(message, WorkerMessage::Status(_)))
    });
    assert_eq!(heard.await.unwrap(), Some(WorkerMessage::Accepted { ack, accepted: true }));
}

#[tokio::test]
async fn a_connection_of_another_listener_is_left_to_others() {
    let mut server = Server::start();
    tokio::task::yield_now().await;
    let (_client, passed) = UnixStream::pair().unwrap();
    let ack = server.master.say_with(MasterMessage::NewConn { key: "admin".into() }, &[passed.as_fd()]);
    let heard = tokio::task::spawn_blocking(move || server.master.heard()).await.unwrap();
    assert_eq!(heard, WorkerMessage::Accepted { ack, accepted: false });
}

#[tokio::test]
async fn a_stream_can_be_wrapped_and_a_handshake_that_fails_is_that_clients_own() {
    let handshake = |mut stream: TcpStream| async move {
        match stream.read_u8().await? {
            b'!' => Ok(tokio::io::BufStream::new(stream)),
            _ => Err(std::io::ErrorKind::InvalidData.into()),
        }
    };
    let server = Server::start_with(|listener| secured(listener, handshake));
    let mut stranger = server.client().await;
    stranger.say("?").await;
    stranger.is_closed().await;
    let mut client = server.client().await;
    client.say("!").await;
    assert_eq!(client.ask("/").await.body, "hello");
}

#[tokio::test]
async fn a_unix_socket_is_served() {
    let (mut master, worker) = joined();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let serving = tokio::spawn(async move { serve(&worker, listener, app().1).await });
    let mut client = tokio::net::UnixStream::connect(&path).await.unwrap();
    client.write_all(b"GET /who HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\r\n\r\nunix"), "{answer}");
    master.say(MasterMessage::Drain { grace_ms: LONG });
    drop(client);
    assert_eq!(soon(serving).await.unwrap(), Served { connections: 1, requests: 1, cut: 0 });
}
