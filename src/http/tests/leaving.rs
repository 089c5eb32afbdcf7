use super::*;

#[tokio::test]
async fn a_lame_duck_answers_and_asks_the_client_to_leave() {
    let mut server = Server::start();
    let mut client = server.client().await;
    assert!(!client.ask("/").await.says("close"));
    server.is_lame(LONG).await;
    let answer = client.ask("/").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
    assert!(answer.says("close"));
    client.is_closed().await;
}

#[tokio::test]
async fn a_lame_duck_goes_on_accepting() {
    let mut server = Server::start();
    server.is_lame(LONG).await;
    for _ in 0..3 {
        let mut client = server.client().await;
        assert!(client.ask("/").await.says("close"));
        client.is_closed().await;
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_that_wants_to_stay_is_asked_to_leave_and_nothing_else() {
    let mut server = Server::start();
    let mut client = server.client().await;
    let ask = "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
    client.say(ask).await;
    assert!(client.answer().await.says("keep-alive"));
    server.is_lame(LONG).await;
    client.say(ask).await;
    let answer = client.answer().await;
    assert!(answer.says("close") && !answer.says("keep-alive"));
    client.is_closed().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_when_it_was_silent_for_linger() {
    let mut server = Server::start();
    let mut client = server.client().await;
    client.ask("/").await;
    server.is_lame(1).await;
    client.is_closed().await;
}

#[tokio::test]
async fn a_lame_duck_that_resumes_keeps_its_clients() {
    let mut server = Server::start();
    let mut client = server.client().await;
    client.ask("/").await;
    server.is_lame(LONG).await;
    server.master.say(MasterMessage::Promoted);
    server.master.say(MasterMessage::Resume);
    let mut stages = server.worker.stages();
    while stages.now() != Stage::Serving {
        soon(stages.changed()).await;
    }
    assert!(!client.ask("/").await.says("close"));
    assert!(!client.ask("/").await.says("close"));
}

#[tokio::test]
async fn an_answer_that_was_begun_before_is_finished_and_its_client_told_with_the_next() {
    let mut server = Server::start();
    let mut client = server.client().await;
    server.pieces.send("one").unwrap();
    client.say("GET /pieces HTTP/1.1\r\nhost: here\r\n\r\n").await;
    let begun = client.until("3\r\none\r\n").await;
    assert!(!begun.contains("close"));
    server.is_lame(LONG).await;
    server.pieces.send("two").unwrap();
    client.until("3\r\ntwo\r\n").await;
    server.pieces.send("stop").unwrap();
    client.until("0\r\n\r\n").await;
    assert!(client.ask("/").await.says("close"));
    client.is_closed().await;
}

#[tokio::test]
async fn an_orphan_goes_on_serving() {
    let server = Server::start();
    let mut client = server.client().await;
    drop(server.master);
    let mut stages = server.worker.stages();
    while stages.now() != Stage::MasterGone {
        soon(stages.changed()).await;
    }
    assert!(!client.ask("/").await.says("close"));
    assert_eq!(Wire(TcpStream::connect(server.address).await.unwrap()).ask("/").await.status, 200);
}

#[tokio::test]
async fn a_client_of_http_2_is_told_to_go_away_with_its_next_request() {
    use hyper::client::conn::http2;
    let mut server = Server::start();
    let stream = hyper_util::rt::TokioIo::new(server.client().await.0);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = http2::handshake::<_, _, Body>(executor, stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let ask = || hyper::Request::get("http://here/").body(Body::empty()).unwrap();
    assert_eq!(sender.send_request(ask()).await.unwrap().status(), 200);
    server.is_lame(LONG).await;
    assert_eq!(sender.send_request(ask()).await.unwrap().status(), 200);
    soon(connection).await.unwrap().unwrap();
    assert!(sender.ready().await.is_err());
}
