//! An axum server that is reloaded without losing a request.
//!
//!     cargo build --release --bin heirloom --example axum
//!     ./target/release/heirloom run --listen 127.0.0.1:8000 -w 2 -- ./target/release/examples/axum
use std::{convert::Infallible, env, error::Error, process, time::Duration};

use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::routing::{get, post};
use axum::{Router, http::StatusCode};
use heirloom::http::{Client, serve};
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = Router::new()
        .route("/", get(|| async { format!("pid {}\n", process::id()) }))
        .route("/who", get(|Extension(client): Extension<Client>| async move { format!("{client}\n") }))
        .route("/slow", get(|| async { Body::from_stream(futures_util::stream::unfold(0, line)) }))
        .route("/upload", post(|body: Bytes| async move { (StatusCode::CREATED, format!("{}\n", body.len())) }));
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let worker = heirloom::Worker::join()?;
    let served = if let Some(path) = address.strip_prefix("unix:") {
        let listener = worker.listen_unix(path).await?;
        worker.ready()?;
        serve(&worker, listener, app).await
    } else {
        let listener = worker.listen(address).await?;
        worker.ready()?;
        serve(&worker, listener, app).await
    };
    println!("pid {}: {served}", process::id());
    Ok(())
}

async fn line(number: u32) -> Option<(Result<String, Infallible>, u32)> {
    sleep(Duration::from_millis(200)).await;
    (number < 10).then(|| (Ok(format!("line {number}\n")), number + 1))
}
