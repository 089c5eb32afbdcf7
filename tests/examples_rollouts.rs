//! The examples of rollouts are what they say: each config file is run, reloaded and promoted, and clients are served.
#![cfg(all(target_os = "linux", feature = "program"))]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use heirloom::control::model::{Answer, Outcome, Promote, Reload, Wait};
use support::{Listening, Master, Setup};

/// The master of an example, at a port that is free.
fn start(example: &str) -> Master {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/rollouts");
    let mut setup = Setup::bare(Listening::Tcp);
    for name in ["server.py", example] {
        fs::copy(examples.join(name), setup.path(name)).expect("it is there");
    }
    setup.listen("http=127.0.0.1:0");
    setup.option("--config", example).option("--warm", "0s").start()
}

fn answer_of(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it is answered");
    answer.lines().last().unwrap_or_default().to_owned()
}

fn reload(master: &Master, wait: Wait) -> Answer {
    let question = Reload { wait, ..Reload::default() };
    master.ask(async |client| client.reload(&question).await).expect("it is answered")
}

fn promote(master: &Master) {
    let answer = master.ask(async |client| client.promote(&Promote::default()).await).expect("it is answered");
    assert_eq!((answer.outcome, answer.serving), (Outcome::Promoted, Some(2)), "{answer:?}");
    assert_eq!(answer_of(master.address_of("http")), "generation 2");
}

#[test]
fn blue_green_shows_the_newcomer_at_its_door_before_it_is_promoted() {
    let master = start("blue-green.toml");
    let answer = reload(&master, Wait::Proven);
    assert_eq!(answer.outcome, Outcome::Proven, "{answer:?}");
    assert_eq!(answer_of(answer.doors[0].address.parse().expect("an address")), "generation 2");
    assert_eq!(answer_of(master.address_of("http")), "generation 1");
    promote(&master);
}

#[test]
fn a_canary_has_its_first_share_and_then_all() {
    let master = start("canary.toml");
    let answer = reload(&master, Wait::Proven);
    assert_eq!(answer.why.as_deref(), Some("generation 2 has 5 % of new connections, step 1 of 3"), "{answer:?}");
    promote(&master);
}

#[test]
fn rolling_replaces_all_workers() {
    let master = start("rolling.toml");
    let answer = reload(&master, Wait::Drained);
    assert_eq!((answer.outcome, answer.serving), (Outcome::Drained, Some(2)), "{answer:?}");
    assert_eq!(answer_of(master.address_of("http")), "generation 2");
}
