//! What a reload costs: every figure of docs/benchmarks.md.
//!
//!     cargo bench                        all of it, about half an hour; writes docs/benchmarks.md and its plots
//!     cargo bench -- requests losses     only these parts
//!     cargo bench -- --quick             a short look that writes nothing
//!
//! Everything stays on the loopback, and every part ends what it started.

mod alone;
mod bounds;
mod cores;
mod costs;
mod dev;
mod document;
mod facts;
mod losses;
mod master;
mod node;
mod peer;
mod peers;
mod plot;
mod program;
mod reloads;
mod requests;
mod sizes;
mod stats;
mod table;
mod usage;
mod versus;
mod watch;
mod worker;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use bounds::Bounds;
use document::Document;

/// What is measured, and by what.
const PARTS: [(&str, Part); 8] = [
    ("requests", requests::measure),
    ("reloads", reloads::measure),
    ("costs", costs::measure),
    ("sizes", sizes::measure),
    ("losses", losses::measure),
    ("dev", dev::measure),
    ("node", node::measure),
    ("peers", peers::measure),
];

type Part = fn(&mut Session) -> anyhow::Result<()>;

/// What all parts share.
struct Session {
    quick: bool,
    document: Document,
    bounds: Bounds,
}

impl Session {
    /// How often, or how long: shorter for a quick look.
    fn of<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }
}

/// What a reload costs.
#[derive(Parser)]
#[command(bin_name = "cargo bench --")]
struct Arguments {
    /// The parts: requests, reloads, costs, sizes, losses, dev, node, peers; all without any
    parts: Vec<String>,
    /// A short look: fewer rounds, and nothing is written
    #[arg(long)]
    quick: bool,
    /// What cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).map(String::as_str) == Some(worker::VERB) {
        return worker::main(&arguments[2..]);
    }
    match measure(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let known = |name: &String| PARTS.iter().any(|(part, _)| part == name);
    if let Some(unknown) = arguments.parts.iter().find(|name| !known(name)) {
        anyhow::bail!("there is no part {unknown}");
    }
    program::build()?;
    let facts = facts::table(&arguments.parts);
    println!("{}", facts.text());
    let mut session =
        Session { quick: arguments.quick, document: Document::read(!arguments.quick)?, bounds: Bounds::default() };
    for (name, part) in PARTS {
        if arguments.parts.is_empty() || arguments.parts.iter().any(|wanted| wanted == name) {
            eprintln!("== {name}");
            part(&mut session).with_context(|| format!("the part {name}"))?;
            session.document.put("machine", &facts);
        }
    }
    if let Some(table) = session.bounds.table() {
        println!("{}", table.text());
        if arguments.parts.is_empty() {
            session.document.put("bounds", &table);
        } else {
            session.document.update("bounds", &table);
        }
    }
    session.document.write()
}
