//! Workers that break the protocol, among good ones: each loses its channel and is replaced, and nobody else notices.
#![cfg(target_os = "linux")]

#[path = "hostile/master.rs"]
mod master;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use heirloom::load::{Load, Manner, Plan};
use master::{Master, file};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

/// How a worker breaks the protocol, as `hostile/worker.py` calls it, and what the master says of it.
const OFFENCES: [(&str, &str); 27] = [
    ("rubbish", "the packet is no JSON"),
    ("no-object", "the packet is no JSON"),
    ("half", "the packet is no JSON"),
    ("nothing", "an empty packet"),
    ("oversized", "65537 bytes, more than 65536"),
    ("truncated", "were cut off"),
    ("unannounced", "it spoke before it said hello"),
    ("1-descriptor", "came with 1"),
    ("8-descriptors", "came with 8"),
    ("20-descriptors", "came with 20"),
    ("253-descriptors", "came with 253"),
    ("itself", "came with 1"),
    ("lingering-descriptor", "came with 1"),
    ("20-lingering-descriptors", "came with 20"),
    ("lingering-behind-rubbish", "the packet is no JSON"),
    ("lingering-without-words", "an empty packet"),
    ("deaf", "it does not read"),
    ("greedy", "faster than"),
    ("deaf-ear", "faster than"),
    ("guesses", "faster than"),
    ("refused", "faster than"),
    ("longest", "faster than"),
    ("talkative", "faster than"),
    ("unheard-of", "faster than"),
    ("wrong-field", "has a wrong field"),
    ("always-ready", "faster than"),
    ("unasked", "never passed"),
];
/// Longer than anything in a report may be that a worker can choose.
const LONGEST_REPORT: usize = 4096;
const LIMIT: Duration = Duration::from_secs(60);

/// A master whose second worker does what the plan says.
struct Among {
    master: Master,
    address: SocketAddr,
    plan: PathBuf,
    _directory: TempDir,
}

impl Among {
    fn good_ones() -> Among {
        let directory = tempfile::tempdir().unwrap();
        let plan = directory.path().join("plan");
        let (hostile, good) = (file("tests/hostile/worker.py"), file("examples/worker.py"));
        let worker = ["python3", &hostile, &good, "127.0.0.1:0", plan.to_str().unwrap()];
        let mut master = Master::run(&[&["-w", "2", "--linger", "1s", "--"][..], &worker[..]].concat());
        let listening = master.notice("listening");
        let address = listening["address"].as_str().unwrap().parse().unwrap();
        master.notice("promoted");
        Among { master, address, plan, _directory: directory }
    }

    fn loads(&self) -> [Load; 2] {
        let think = Duration::from_millis(5)..=Duration::from_millis(50);
        let one_shot = Plan { clients: 4, think, ..Plan::on(self.address) };
        let keep_alive = Manner::KeepAlive { requests_per_connection: None };
        [one_shot.clone(), Plan { manner: keep_alive, ..one_shot }].map(|plan| Load::start(plan).unwrap())
    }

    fn reload(&self, offence: &str, when: &str) {
        fs::write(&self.plan, format!("{offence} {when}")).unwrap();
        self.master.signal(Signal::SIGHUP);
    }

    /// A generation with such a worker rises, and is given up for what it did.
    fn raise(&mut self, offence: &str, what: &str) {
        self.reload(offence, "rising");
        let given_up = self
            .master
            .wait("a verdict", |report| matches!(report["notice"].as_str(), Some("given_up" | "promoted" | "ended")));
        assert_eq!(given_up["notice"], "given_up", "{offence}: {given_up}");
        assert_eq!(given_up["reason"]["kind"], "misbehaved", "{offence}: {given_up}");
        assert_eq!(given_up["reason"]["slot"], 1, "{offence}: {given_up}");
        assert!(given_up["reason"]["what"].as_str().unwrap().contains(what), "{offence}: {given_up}");
        self.master.notice("gone");
    }

    /// A generation with such a worker serves; he alone is replaced.
    fn replace(&mut self, offence: &str, what: &str) {
        self.reload(offence, "serving");
        let promoted = self.master.notice("promoted");
        let of = |report: &Value| (report["generation"].clone(), report["slot"].clone());
        let seat = (promoted["generation"].clone(), Value::from(1));
        let (mut replaced, mut old_is_gone) = (false, false);
        while !(replaced && old_is_gone) {
            let report = self.master.wait("a good worker", |_| true);
            match report["notice"].as_str() {
                Some("misbehaved") => {
                    assert_eq!(of(&report), seat, "{offence}: {report}");
                    assert!(report["what"].as_str().unwrap().contains(what), "{offence}: {report}");
                }
                Some("exited") if report["generation"] == seat.0 => assert_eq!(of(&report), seat, "{report}"),
                Some("ready") if of(&report) == seat => replaced = true,
                Some("gone") => old_is_gone = true,
                Some("rolled_back" | "given_up" | "ended") => panic!("{offence}: {report}"),
                _ => {}
            }
        }
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.master.pid())).unwrap().count()
    }

    /// Resident memory in KiB.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.master.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

fn assert_unnoticed(loads: [Load; 2]) {
    for load in loads {
        let answered = load.tally().answered;
        load.wait_for(answered + 50, LIMIT).unwrap();
        let tally = load.stop();
        assert_eq!((tally.failures(), tally.stale), (0, 0), "{tally}");
    }
}

/// `HEIRLOOM_ROUNDS=40` makes it a thousand hostile workers.
#[test]
fn a_generation_with_a_hostile_worker_is_given_up_and_nobody_notices() {
    let mut among = Among::good_ones();
    let loads = among.loads();
    // It would be promoted before it has gone too far.
    let offences = || OFFENCES.into_iter().filter(|(offence, _)| *offence != "always-ready");
    for (offence, what) in offences() {
        among.raise(offence, what);
    }
    let (descriptors, memory) = (among.descriptors(), among.memory());
    let rounds = std::env::var("HEIRLOOM_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    for _ in 0..rounds {
        for (offence, what) in offences() {
            among.raise(offence, what);
        }
    }
    assert_unnoticed(loads);
    assert_eq!(among.descriptors(), descriptors);
    let grown = among.memory().saturating_sub(memory);
    assert!(grown < 8 * 1024, "{memory} KiB have grown by {grown} KiB");
    assert!(among.master.longest() < LONGEST_REPORT);
}

#[test]
fn a_hostile_worker_of_the_generation_that_serves_is_replaced_and_nobody_notices() {
    let mut among = Among::good_ones();
    let loads = among.loads();
    // Who serves has said hello.
    for (offence, what) in OFFENCES.into_iter().filter(|(offence, _)| *offence != "unannounced") {
        among.replace(offence, what);
    }
    assert_unnoticed(loads);
}
