//! A server that never heard of heirloom: it takes its socket as from systemd, and finishes what it holds at TERM.
//!
//!     heirloom run --listen 127.0.0.1:8000 -- ./target/release/examples/listen_fds
//!     curl http://127.0.0.1:8000/          # and: heirloom reload
use axum::{Router, routing::get};
use listenfd::ListenFd;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = match ListenFd::from_env().take_tcp_listener(0)? {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)?
        }
        None => TcpListener::bind("127.0.0.1:8000").await?,
    };
    let who = std::env::var("HEIRLOOM_GENERATION").unwrap_or_else(|_| "alone".into());
    let app = Router::new().route("/", get(async move || format!("{who}. pid {}\n", std::process::id())));
    let mut term = signal(SignalKind::terminate())?;
    let stop = async move {
        term.recv().await;
    };
    Ok(axum::serve(listener, app).with_graceful_shutdown(stop).await?)
}
