//! (c) What a steer, a rollback and a query cost.

use std::ffi::OsString;
use std::fs;
use std::thread;
use std::time::{Duration, SystemTime};

use heirloom::master::{Deed, What};
use heirloom::supervision::Notice;

use crate::Session;
use crate::master::Setup;
use crate::plot::Plot;
use crate::stats::Sample;
use crate::table::Table;
use crate::watch;
use crate::worker;

pub(crate) fn measure(session: &mut Session) -> anyhow::Result<()> {
    let mut table = Table::new(&["what", "ms"]);
    let mut points = Vec::new();
    for listeners in session.of(vec![1, 10, 100, 500], vec![1, 10]) {
        let steer = steer(listeners, session.of(20, 3))?;
        table.row([format!("steer, {listeners} listeners"), steer.shown(3)]);
        points.push((listeners as f64, steer.median()));
        if listeners == 500 {
            session.bounds.at_most("a steer with 500 listeners", 1.0, steer.median(), "ms");
        }
    }
    let rollback = rollback(session.of(5, 1))?;
    table.row(["rollback: the crash that tips it to the old generation's answer".to_owned(), rollback.shown(2)]);
    table.row(["query: asked to granted".to_owned(), query()?.shown(3)]);
    session.document.show("costs", &table);
    let lines = vec![("all listeners to another generation".to_owned(), points)];
    let plot = Plot { title: "A steer", across: "listeners", up: "ms", lines };
    plot.draw_logarithmic(session.document.plot("steer").as_deref())
}

/// This program as a tiny worker.
pub(crate) fn tiny(verb: &str) -> anyhow::Result<Vec<OsString>> {
    Ok(vec![std::env::current_exe()?.into(), worker::VERB.into(), verb.into(), "{addresses}".into()])
}

/// From the last worker's word that it is ready to the promotion lies nothing but the steer.
fn steer(listeners: usize, rounds: usize) -> anyhow::Result<Sample> {
    let master = Setup { listeners, ..Setup::of(tiny("serve")?) }.start()?;
    master.promotion()?;
    let mut took = Sample::default();
    for _ in 0..rounds {
        master.hup();
        let mut ready = None;
        let steered = master.wait("a promotion", |report| match &report.what {
            What::Rules(Notice::Ready { .. }) => {
                ready = Some(report.time);
                None
            }
            What::Rules(Notice::Promoted { .. }) => report.time.duration_since(ready?).ok(),
            _ => None,
        })?;
        took.push_time(steered);
        master.gone()?;
    }
    Ok(took)
}

/// The newcomer crashes as soon as it is promoted, again and again, until it is rolled back.
fn rollback(rounds: usize) -> anyhow::Result<Sample> {
    let place = tempfile::tempdir()?;
    let environment = place.path().join("env");
    let mut took = Sample::default();
    for _ in 0..rounds {
        fs::write(&environment, "")?;
        let mut setup = Setup { warm: "60s", ..Setup::of(tiny("serve")?) };
        setup.options.extend(["--env-file".into(), environment.clone().into()]);
        let master = setup.start()?;
        master.promotion()?;
        let address = master.address;
        let old = watch::answer(address).unwrap_or_default();
        fs::write(&environment, "CRASH=1\n")?;
        master.hup();
        master.promotion()?;
        let asking =
            thread::spawn(move || watch::first_answer(address, |answer| answer == old).map(|_| SystemTime::now()));
        let mut crashed = None;
        master.wait("a rollback", |report| match &report.what {
            What::Rules(Notice::Exited { .. }) => {
                crashed = Some(report.time);
                None
            }
            What::Rules(Notice::RolledBack { .. }) => Some(()),
            _ => None,
        })?;
        let answered = asking.join().map_err(|_| anyhow::anyhow!("the client panicked"))??;
        took.push_time(answered.duration_since(crashed.unwrap_or(answered))?);
    }
    Ok(took)
}

fn query() -> anyhow::Result<Sample> {
    let master = Setup::of(tiny("query")?).start()?;
    let line = master.wait("the times of queries", |report| match &report.what {
        What::Deeds(Deed::Line { line, .. }) => line.strip_prefix("queries ").map(str::to_owned),
        _ => None,
    })?;
    let nanos = line.split(' ').filter_map(|nanos| nanos.parse().ok());
    Ok(nanos.map(|nanos| Duration::from_nanos(nanos).as_secs_f64() * 1e3).collect())
}
