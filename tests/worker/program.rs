//! The worker of the integration tests: serves like any other, and misbehaves on request.
//!
//!     test-worker [--embedded] [--listen ADDR]...
//!
//! Every answer's first line is `GENERATION.SLOT PID RELEASE`. What it does wrong stands in CONDUCT (see `conduct.rs`),
//! or is asked for by a request's path (see `answers.rs`).

mod answers;
mod calls;
mod children;
mod conduct;
mod embedded;
mod listeners;
mod serve;

use std::error::Error;
use std::rc::Rc;

use conduct::Conduct;
use heirloom::{Role, Worker, role};
use listeners::Listener;
use tokio::task::LocalSet;

/// Who answers, and what it was when it began.
struct Myself {
    name: String,
    /// The descriptors that this process had at its first instruction.
    descriptors: Vec<String>,
}

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    work(answers::descriptors())
}

#[tokio::main(flavor = "current_thread")]
async fn work(descriptors: Vec<String>) -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(position) = arguments.iter().position(|argument| argument == "--inherited") {
        let listener = children::inherited(&arguments[position + 1])?;
        return LocalSet::new().run_until(children::serve(listener)).await;
    }
    let conduct = Rc::new(Conduct::of_this_process());
    conduct.before_joining();
    let worker = match role()? {
        Role::Worker(worker) => worker,
        Role::Master if arguments.iter().any(|argument| argument == "--embedded") => return embedded::lead().await,
        Role::Master => Worker::join()?,
    };
    let asked = arguments.iter().skip_while(|argument| *argument != "--listen").filter(|it| *it != "--listen");
    let mut listening = Vec::new();
    for address in asked {
        listening.push(Rc::new(Listener::open(&worker, address).await?));
    }
    conduct.before_ready().await;
    let me = Rc::new(Myself { name: name(&worker), descriptors });
    println!("release {} is here", conduct.release);
    LocalSet::new().run_until(serve::serve(worker, listening, me, conduct)).await
}

/// `GENERATION.SLOT PID RELEASE`.
fn name(worker: &Worker) -> String {
    let release = std::env::var("RELEASE").unwrap_or_else(|_| "0".into());
    let seat = match (worker.generation(), worker.slot()) {
        (Some(generation), Some(slot)) => format!("{generation}.{slot}"),
        _ => "alone".into(),
    };
    format!("{seat} {} {release}", std::process::id())
}
