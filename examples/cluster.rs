//! One program that is master and worker at once, as with Node's `cluster`.
//!
//!     cargo run --release --example cluster
//!     curl http://127.0.0.1:8000/          # and: kill -HUP $(pgrep -x cluster | head -1)
use std::error::Error;
use std::io;

use heirloom::master::What;
use heirloom::supervision::Notice;
use heirloom::triggers::Signals;
use heirloom::{Master, Role, Worker, role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    match role()? {
        Role::Master => lead().await,
        Role::Worker(worker) => serve(worker).await,
    }
}

async fn lead() -> Result<(), Box<dyn Error>> {
    let signals = Signals::take()?;
    let mut master = Master::builder().workers(std::thread::available_parallelism()?.get() as u32).build()?;
    let mut notices = master.notices();
    tokio::spawn(signals.ask(master.handle()));
    let running = tokio::spawn(master.run());
    while let Some(report) = notices.next().await {
        if let (What::Rules(Notice::Exited { .. }), Some(pid)) = (report.what, report.pid) {
            println!("worker {pid} died");
        }
    }
    running.await??;
    Ok(())
}

async fn serve(worker: Worker) -> Result<(), Box<dyn Error>> {
    let listener = worker.listen("0.0.0.0:8000").await?;
    worker.ready()?;
    let mut clients = JoinSet::new();
    while let Some(mut client) = next_client(&worker, &listener).await? {
        clients.spawn(async move {
            if client.read(&mut [0; 4096]).await.is_ok() {
                let hello = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\nhello world\n";
                let _ = client.write_all(hello.as_bytes()).await;
            }
        });
        while clients.try_join_next().is_some() {}
    }
    clients.join_all().await;
    Ok(())
}

async fn next_client(worker: &Worker, listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    tokio::select! {
        accepted = listener.accept() => accepted.map(|(client, _)| Some(client)),
        _ = worker.draining() => Ok(None),
    }
}
