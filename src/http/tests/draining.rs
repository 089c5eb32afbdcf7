use super::*;

#[tokio::test]
async fn who_has_nothing_to_finish_is_done_at_once() {
    let mut server = Server::start();
    server.drains(LONG).await;
    assert_eq!(server.served().await, Served::default());
}

#[tokio::test]
async fn a_connection_that_has_said_nothing_yet_is_answered() {
    let mut server = Server::start();
    let mut client = server.client().await;
    server.drains(LONG).await;
    let answer = client.ask("/").await;
    assert_eq!(answer.body, "hello");
    assert!(answer.says("close"));
    client.is_closed().await;
    drop(client);
    assert_eq!(server.served().await, Served { connections: 1, requests: 1, cut: 0 });
}

#[tokio::test]
async fn what_waits_in_the_queue_is_taken() {
    let (mut master, worker) = joined();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let open = socket.listen(1024).unwrap();
    let address = open.local_addr().unwrap();
    let mut clients = Vec::new();
    for _ in 0..300 {
        clients.push(Wire(TcpStream::connect(address).await.unwrap()));
    }
    master.say(MasterMessage::Drain { grace_ms: LONG });
    soon(worker.draining()).await;
    let serving = tokio::spawn(async move { serve(&worker, open, app().1).await });
    for mut client in clients {
        assert_eq!(client.ask("/").await.status, 200);
    }
    let served = soon(serving).await.unwrap();
    assert_eq!(served, Served { connections: 300, requests: 300, cut: 0 });
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_upload_is_finished() {
    let mut server = Server::start();
    let mut client = server.client().await;
    client.say("POST /length HTTP/1.1\r\nhost: here\r\ncontent-length: 10\r\n\r\n12345").await;
    server.drains(LONG).await;
    client.say("67890").await;
    let answer = client.answer().await;
    assert_eq!(answer.body, "10");
    assert!(answer.says("close"));
    drop(client);
    assert_eq!(server.served().await.cut, 0);
}

#[tokio::test]
async fn an_answer_is_finished_and_its_idle_connection_closed_in_two_steps() {
    let mut server = Server::start();
    let mut client = server.client().await;
    server.pieces.send("one").unwrap();
    client.say("GET /pieces HTTP/1.1\r\nhost: here\r\n\r\n").await;
    client.until("3\r\none\r\n").await;
    server.is_lame(1).await;
    server.drains(LONG).await;
    server.pieces.send("stop").unwrap();
    client.until("0\r\n\r\n").await;
    client.is_closed().await;
    client.say("GET / HTTP/1.1\r\nhost: here\r\n\r\n").await;
    client.is_closed().await;
    drop(client);
    assert_eq!(server.served().await.cut, 0);
}

#[tokio::test]
async fn an_upgraded_connection_is_waited_for() {
    let mut server = Server::start();
    let mut client = server.client().await;
    client.say("GET /upgrade HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 101);
    server.drains(LONG).await;
    client.say("hello").await;
    client.until("hello").await;
    client.is_closed().await;
    drop(client);
    assert_eq!(server.served().await.cut, 0);
}

#[tokio::test]
async fn what_does_not_end_is_cut_and_counted_and_what_is_idle_is_not() {
    let mut server = Server::start();
    let mut idle = server.client().await;
    idle.ask("/").await;
    let mut busy = server.client().await;
    busy.say("GET /never HTTP/1.1\r\nhost: here\r\n\r\n").await;
    let mut slow = server.client().await;
    slow.say("GET / HT").await;
    server.is_lame(LONG).await;
    server.drains(50).await;
    idle.is_closed().await;
    assert_eq!(server.served().await, Served { connections: 3, requests: 1, cut: 2 });
}

#[tokio::test]
async fn a_shorter_grace_overtakes_a_longer_one() {
    let mut server = Server::start();
    let mut client = server.client().await;
    client.say("GET /never HTTP/1.1\r\nhost: here\r\n\r\n").await;
    server.drains(LONG).await;
    server.worker.drain(Duration::from_millis(1));
    assert_eq!(server.served().await.cut, 1);
}
