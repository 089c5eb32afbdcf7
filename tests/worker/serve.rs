//! Serving: accept, answer once, and, when the master says so, finish what is held.

use std::rc::Rc;

use heirloom::Worker;
use heirloom::worker::Connections;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::conduct::Conduct;
use crate::listeners::{Connection, Listener};
use crate::{Failure, Myself, answers, children};

/// Serves until it is told to drain, and then what it holds.
pub(crate) async fn serve(
    worker: Worker,
    listening: Vec<Rc<Listener>>,
    me: Rc<Myself>,
    conduct: Rc<Conduct>,
) -> Result<(), Failure> {
    if let (Some(daemon), Some(listener)) = (conduct.leaves_behind(), listening.first()) {
        children::leave(listener, daemon);
    }
    let mut accepting = JoinSet::new();
    if let (true, Some(listener)) = (conduct.takes_connections(), listening.first()) {
        let passed = worker.connections().expect("nobody else takes them");
        accepting.spawn_local(take(passed, listener.clone(), me.clone()));
    }
    for listener in listening {
        accepting.spawn_local(accept(listener, worker.clone(), me.clone(), conduct.clone()));
    }
    worker.ready()?;
    if conduct.crashes_when_promoted() {
        worker.promoted().await;
        eprintln!("release {} cannot stand its clients", conduct.release);
        std::process::exit(9);
    }
    if conduct.is_stubborn() {
        let mut terminated = signal(SignalKind::terminate())?;
        while terminated.recv().await.is_some() {} // and nothing follows from it
    }
    while let Some(ended) = accepting.join_next().await {
        ended?;
    }
    Ok(())
}

async fn accept(listener: Rc<Listener>, worker: Worker, me: Rc<Myself>, conduct: Rc<Conduct>) {
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = worker.draining(), if !conduct.is_stubborn() => break,
        };
        match accepted {
            Ok(connection) => drop(clients.spawn_local(answer(connection, listener.clone(), me.clone()))),
            // It has been shut, by ourselves perhaps: others may mend it.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
        }
        while clients.try_join_next().is_some() {}
    }
    if conduct.shuts_when_draining() {
        listener.shut();
    }
    drop(listener);
    clients.join_all().await;
}

/// Answers whoever the master passes.
async fn take(mut passed: Connections, listener: Rc<Listener>, me: Rc<Myself>) {
    let mut clients = JoinSet::new();
    while let Some(passed) = passed.next().await {
        let connection = listener.adopt(passed.socket).expect("it is a connection");
        clients.spawn_local(answer(connection, listener.clone(), me.clone()));
    }
    drop(listener);
    clients.join_all().await;
}

/// Answers one request and closes.
pub(crate) async fn answer(mut connection: Box<dyn Connection>, listener: Rc<Listener>, me: Rc<Myself>) {
    let Some(path) = path_of_request(&mut connection).await else { return };
    let status = answers::status(&path).await;
    let more = answers::to(&path, &listener, &me).await;
    drop(listener);
    let body = format!("{}\n{more}", me.name);
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // A client that is gone does not want the answer.
    let _ = connection.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await;
    let _ = connection.shutdown().await;
}

async fn path_of_request(connection: &mut Box<dyn Connection>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if connection.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    String::from_utf8(head).ok()?.split(' ').nth(1).map(str::to_owned)
}
