//! One program that is master and worker at once, as with Node's `cluster`.
//!
//!     cargo run --release --example cluster
//!     curl http://127.0.0.1:8000/          # and: kill -HUP $(pgrep -x cluster | head -1)
use std::{error::Error, thread};

use axum::{Router, routing::get};
use heirloom::{Master, Role, Worker, http, role};
use heirloom::{master::What, supervision::Notice, triggers::Signals};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    match role()? {
        Role::Master => lead().await,
        Role::Worker(worker) => serve(worker).await,
    }
}

async fn lead() -> Result<(), Box<dyn Error>> {
    let signals = Signals::take()?;
    let mut master = Master::builder().workers(thread::available_parallelism()?.get() as u32).build()?;
    let mut notices = master.notices();
    tokio::spawn(signals.ask(master.handle()));
    let running = tokio::spawn(master.run());
    while let Some(report) = notices.next().await {
        if let (What::Rules(Notice::Exited { .. }), Some(pid)) = (report.what, report.pid) {
            println!("worker {pid} died");
        }
    }
    Ok(running.await?.map(drop)?)
}

async fn serve(worker: Worker) -> Result<(), Box<dyn Error>> {
    let listener = worker.listen("0.0.0.0:8000").await?;
    worker.ready()?;
    http::serve(&worker, listener, Router::new().route("/", get(|| async { "hello world\n" }))).await;
    Ok(())
}
