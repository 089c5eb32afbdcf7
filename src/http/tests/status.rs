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
