//! Clients, and what they were answered.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use heirloom::load::{Burst, Entry, Load, Plan, Target};

use super::{LIMIT, Master};

/// Who answered a request, from the first line of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) generation: u32,
    pub(crate) slot: u32,
    pub(crate) pid: u32,
    pub(crate) release: String,
}

pub(crate) fn who(answer: &str) -> Who {
    let parsed = || {
        let mut words = answer.split_whitespace();
        let (generation, slot) = words.next()?.split_once('.')?;
        Some(Who {
            generation: generation.parse().ok()?,
            slot: slot.parse().ok()?,
            pid: words.next()?.parse().ok()?,
            release: words.next()?.to_owned(),
        })
    };
    parsed().unwrap_or_else(|| panic!("{answer:?} is no answer of the test worker"))
}

/// Clients in a closed loop, a connection for each request, no retries, with a journal.
pub(crate) fn load(master: &Master, clients: usize) -> Load {
    let plan = Plan { clients, journal: true, patience: LIMIT, ..Plan::on(master.target()) };
    let load = Load::start(plan).expect("a load starts");
    load.wait_for(clients as u64, LIMIT).expect("it is served");
    load
}

/// Many connections in one instant.
pub(crate) fn burst(master: &Master, clients: usize) -> Burst {
    Burst::start(Plan { clients, journal: true, patience: LIMIT, ..Plan::on(master.target()) }).expect("a burst starts")
}

/// One request; the lines of its answer's body.
pub(crate) fn get(target: &Target, path: &str) -> (Who, Vec<String>) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = match target {
        Target::Tcp(address) => exchange(TcpStream::connect(address).expect("it listens"), &request),
        Target::Unix(path) => exchange(UnixStream::connect(path).expect("it listens"), &request),
    };
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?} is no answer to {path}"));
    let mut lines = body.lines().map(str::to_owned);
    let first = lines.next().unwrap_or_default();
    (who(&first), lines.collect())
}

fn exchange(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it is answered");
    answer
}

/// One request of which the answer may get lost.
pub(crate) fn provoke(target: &Target, path: &str) {
    let plan = Plan { path: path.to_owned(), most: Some(1), ..Plan::on(target.clone()) };
    let _ = Load::start(plan).expect("a load starts").wait_for_the_end(LIMIT).expect("it ends");
}

/// Which generation answered; none if nobody did.
pub(crate) fn generation_of(entry: &Entry) -> Option<u32> {
    entry.outcome.is_answered().then(|| who(&entry.answer).generation)
}
