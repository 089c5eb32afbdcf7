//! A tiny worker, this very program under a hidden verb: for a thousand of them, and for five hundred listeners.
//!
//!     reload __worker serve ADDRESS...       takes the listeners, and answers on the first
//!     reload __worker query ADDRESS          tells how long each of some hundred queries took
//!
//! With `CRASH=1` it ends as soon as it is promoted.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Instant;

use heirloom::Worker;

pub(crate) const VERB: &str = "__worker";
/// Fewer than the master lets a worker ask at once.
const QUERIES: usize = 400;

pub(crate) fn main(arguments: &[String]) -> ExitCode {
    let done = match arguments.split_first() {
        Some((verb, addresses)) if verb == "query" => query(&addresses[0]),
        Some((_, addresses)) => serve(addresses),
        None => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn serve(addresses: &[String]) -> Result<(), Failure> {
    let worker = Worker::join()?;
    let listeners: Result<Vec<_>, _> =
        addresses.iter().map(|address| worker.listen_blocking(address.as_str())).collect();
    let listeners = listeners?;
    worker.ready()?;
    if std::env::var_os("CRASH").is_some() {
        tokio::runtime::Builder::new_current_thread().build()?.block_on(worker.promoted());
        std::process::exit(9);
    }
    let answer = format!("pid {}\n", std::process::id());
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}", answer.len());
    for client in listeners[0].incoming() {
        let mut client = client?;
        let _ = client.read(&mut [0; 1024]); // whoever asks for nothing is answered all the same
        let _ = client.write_all(answer.as_bytes());
    }
    Ok(())
}

fn query(address: &str) -> Result<(), Failure> {
    let worker = Worker::join()?;
    let _kept = worker.listen_blocking(address)?;
    let mut took = Vec::with_capacity(QUERIES);
    for _ in 0..QUERIES {
        let asked = Instant::now();
        let listener = worker.listen_blocking(address)?;
        took.push(asked.elapsed());
        drop(listener);
    }
    let took: Vec<String> = took.iter().map(|time| time.as_nanos().to_string()).collect();
    println!("queries {}", took.join(" "));
    worker.ready()?;
    while _kept.accept().is_some() {}
    Ok(())
}
