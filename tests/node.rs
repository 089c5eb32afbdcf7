//! Node scripts, unmodified: the program of 2011 runs, and loses nothing when it is reloaded.
#![cfg(target_os = "linux")]

#[path = "node/scripts.rs"]
mod scripts;
#[path = "support/mod.rs"]
mod support;
#[path = "node/versions.rs"]
mod versions;

use std::time::Duration;

use heirloom::load::{Load, Manner, Plan, Target};
use heirloom::supervision::Notice;
use support::{LIMIT, Setup};
use versions::{server, shared};

const RELOADS: usize = 10;
const KEEP_ALIVE: Manner = Manner::KeepAlive { requests_per_connection: None };

fn nobody_notices(setup: Setup) {
    ten_reloads(setup, false);
}

fn nobody_notices_http2(setup: Setup) {
    ten_reloads(setup, true);
}

/// Ten reloads under load of all kinds: nobody notices.
fn ten_reloads(setup: Setup, http2: bool) {
    let master = setup.workers(2).option("--linger", "1s").start();
    let loads: Vec<(&str, Load)> = plans(&master.target(), http2)
        .into_iter()
        .map(|(name, plan)| (name, Load::start(plan).expect("a load starts")))
        .collect();
    for _ in 0..RELOADS {
        for (name, load) in &loads {
            let wanted = load.tally().answered + 1;
            load.wait_for(wanted, LIMIT).unwrap_or_else(|overdue| panic!("{name}: {overdue}"));
        }
        master.reload();
    }
    for (name, load) in &loads {
        let tally = load.stop();
        assert_eq!((tally.failures(), tally.stale), (0, 0), "{name}: {tally}\n{}", master.log.text());
    }
    let killed = |(notice, _): &(Notice, _)| matches!(notice, Notice::Killing { .. } | Notice::Misbehaved { .. });
    assert!(!master.notices().iter().any(killed), "{}", master.log.text());
    assert_eq!(master.finish().code(), Some(0));
}

/// Every kind of client at once. The server says by its kind whether it speaks HTTP/2, and then nothing else.
fn plans(target: &Target, http2: bool) -> Vec<(&'static str, Plan)> {
    let up_to = |milliseconds| Duration::ZERO..=Duration::from_millis(milliseconds);
    let plan =
        || Plan { clients: 8, manner: if http2 { Manner::Http2 } else { KEEP_ALIVE }, ..Plan::on(target.clone()) };
    let mut plans = vec![
        ("kept", Plan { think: up_to(300), ..plan() }),
        ("kept and busy", Plan { clients: 2, ..plan() }),
        ("slow", Plan { clients: 4, path: "/slow".into(), ..plan() }),
    ];
    if !http2 {
        plans.push(("one-shot", Plan { manner: Manner::OneShot, think: up_to(20), ..plan() }));
    }
    plans
}

/// Every kind of server, in both schedulings, on each version of Node.
macro_rules! ten_reloads_are_nothing_to_the_clients_of {
    ($($version:ident)*) => { $(
        mod $version {
            use super::*;

            const VERSION: &str = stringify!($version);

            #[test]
            fn http_by_rotation() {
                nobody_notices(server(VERSION, "http"));
            }

            #[test]
            fn http_on_a_shared_socket() {
                nobody_notices(shared(server(VERSION, "http")));
            }

            #[test]
            fn http2_by_rotation() {
                nobody_notices_http2(server(VERSION, "http2"));
            }

            #[test]
            fn http2_on_a_shared_socket() {
                nobody_notices_http2(shared(server(VERSION, "http2")));
            }

            #[test]
            fn express_by_rotation() {
                nobody_notices(server(VERSION, "express"));
            }

            #[test]
            fn express_on_a_shared_socket() {
                nobody_notices(shared(server(VERSION, "express")));
            }

            #[test]
            fn fastify_by_rotation() {
                nobody_notices(server(VERSION, "fastify"));
            }

            #[test]
            fn fastify_on_a_shared_socket() {
                nobody_notices(shared(server(VERSION, "fastify")));
            }
        }
    )* };
}

ten_reloads_are_nothing_to_the_clients_of! { node18 node20 node22 node24 latest }
