//! (f) From a save to the new generation's first answer, and what building and starting take without us.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::Session;
use crate::alone::Alone;
use crate::costs::tiny;
use crate::master::Master;
use crate::program::HEIRLOOM;
use crate::stats::Sample;
use crate::table::Table;
use crate::watch;

/// What stands for a compiler.
const BUILD: &str = "sleep 0.1 && cp source built";
/// What it is meant to add at most, in milliseconds.
const MOST: f64 = 50.0;

pub(crate) fn measure(session: &mut Session) -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    fs::write(place.path().join("source"), "0")?;
    let master = master(place.path())?;
    master.promotion()?;
    let (mut bare, mut dev) = (Sample::default(), Sample::default());
    for round in 1..=session.of(30, 3) {
        bare.push_time(build_and_start(place.path())?);
        dev.push_time(save(place.path(), master.address, round)?);
        master.gone()?; // of the one that served before
    }
    let adds = dev.median() - bare.median();
    let mut table = Table::new(&["until the first answer", "ms"]);
    table.row(["build and start, by hand".to_owned(), bare.shown(1)]);
    table.row(["`heirloom dev`, from the save".to_owned(), dev.shown(1)]);
    table.row(["what it adds, in the median".to_owned(), format!("{adds:.1}")]);
    session.bounds.at_most("what `heirloom dev` adds to build and start", MOST, adds, "ms");
    session.document.show("dev", &table);
    Ok(())
}

fn master(place: &Path) -> anyhow::Result<Master> {
    let mut command = Command::new(HEIRLOOM);
    command.args([
        "dev",
        "--output",
        "json",
        "--listen",
        "l0=127.0.0.1:0",
        "--watch",
        "source",
        "--build",
        BUILD,
        "--",
    ]);
    command.args(tiny("serve")?.into_iter().map(named)).current_dir(place).env("PWD", place);
    command.stderr(Stdio::null()); // what stands above everything
    Master::start(command)
}

/// The listener's address, where all addresses are meant.
fn named(word: OsString) -> OsString {
    if word == "{addresses}" { "{addr:l0}".into() } else { word }
}

/// The same without us.
fn build_and_start(place: &Path) -> anyhow::Result<Duration> {
    let address = watch::free_address()?;
    let asked = Instant::now();
    let built = Command::new("/bin/sh").args(["-c", BUILD]).current_dir(place).status()?;
    ensure!(built.success(), "the build failed");
    let words = tiny("serve")?;
    let mut command = Command::new(&words[0]);
    command.args(&words[1..words.len() - 1]).arg(address.to_string());
    let _server = Alone::start(command)?;
    Ok(watch::first_answer(address, |_| true)? - asked)
}

fn save(place: &Path, address: SocketAddr, round: usize) -> anyhow::Result<Duration> {
    let old = watch::answer(address).unwrap_or_default();
    fs::write(place.join("next"), round.to_string())?;
    let saved = Instant::now();
    fs::rename(place.join("next"), place.join("source"))?;
    Ok(watch::first_answer(address, |answer| answer != old)? - saved)
}
