use super::*;
use crate::worker::Status;

#[tokio::test]
async fn the_master_hears_how_many_connections_requests_and_errors_there_were() {
    let mut server = Server::start();
    let mut client = server.client().await;
    client.ask("/").await;
    client.ask("/panic").await;
    drop(client);
    server.drains(LONG).await;
    let Server { master, serving, .. } = server;
    soon(serving).await.unwrap();
    let last = Status { text: None, connections: Some(0), requests: Some(2), errors: Some(1) };
    let heard = tokio::task::spawn_blocking(move || while master.heard() != WorkerMessage::Status(last.clone()) {});
    soon(heard).await.unwrap();
}

#[tokio::test]
async fn what_several_listeners_serve_is_told_as_one() {
    let mut server = Server::start();
    let other = TcpListener::from_std(listener()).unwrap();
    let at = other.local_addr().unwrap();
    let worker = server.worker.clone();
    let other = tokio::spawn(async move { serve(&worker, other, app().1).await });
    let (mut one, mut two) = (server.client().await, Wire(TcpStream::connect(at).await.unwrap()));
    one.ask("/").await;
    two.ask("/").await;
    two.ask("/panic").await;
    drop((one, two));
    server.drains(LONG).await;
    let Server { master, serving, .. } = server;
    let (one, two) = (soon(serving).await.unwrap(), soon(other).await.unwrap());
    assert_eq!((one.requests, two.requests), (1, 2));
    let last = Status { text: None, connections: Some(0), requests: Some(3), errors: Some(1) };
    let heard = tokio::task::spawn_blocking(move || while master.heard() != WorkerMessage::Status(last.clone()) {});
    soon(heard).await.unwrap();
}
